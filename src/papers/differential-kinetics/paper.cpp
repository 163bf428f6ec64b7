#include "papers/differential-kinetics/paper.h"

#include "papers/differential-kinetics/claims.h"
#include "papers/differential-kinetics/verify.h"
#include "papers/reproduction.h"

namespace iclab::papers::differential_kinetics {
namespace {

constexpr const char* kId = "differential-kinetics";
constexpr const char* kTitle =
    "Differential learning kinetics govern the transition from memorization to generalization during in-context learning";
constexpr const char* kAuthors = "A. Nguyen, G. Reddy";
constexpr const char* kArxiv = "2412.00104";
constexpr const char* kSummary =
    "A transformer may remember its training items or read their labels in the context: which of the two it learns is "
    "decided by a race between an MLP that memorises and an attention that has to be found.";

void describe(report::PaperReport& whole) {
  whole.title = kTitle;
  whole.authors = kAuthors;
  whole.arxiv = kArxiv;
  whole.summary = kSummary;
  whole.note = {
      "What is the paper's. Its abstract, its public summary and the authors' public code could be read, not its text. They "
      "state: a sharp and bimodal transition from memorisation to in-context learning as the number of items K grows; a long "
      "tail of the time of acquisition; the scaling K* ~ N^(1/ν) with ν ≈ 0.7; transience under weight decay; and an "
      "explanation by two nearly independent circuits that learn at different rates. The code fixes the experiments (full "
      "mode) and prints no results.",
      "What is ours. The equations of the race, every predicted number, the quick protocol (a smaller minimal model) and the "
      "thresholds were derived or chosen for this project and checked numerically. A verdict speaks about the statement as "
      "worded on its card.",
      "How to read it. A run has acquired in-context learning at its first evaluation with more than 0.95 accuracy on novel "
      "items. It is partial if it attends to the copy of its target by the end without that: its memory then outweighs what "
      "it copies. Predictions for finite K take what the MLP alone did, measured in runs of the same items and seeds."};
  whole.headline = "C4";
  whole.headline_sentence =
      "When runs begin to learn in context: they differ in their draws alone, most of all in the initial attention. "
      "Nearly log-normal, with a long tail.";
  whole.unchecked = {
      {"the paper's own equations and the numbers on its axes", "its text could not be read; the code prints no results"},
      {"K* at N = 100 (about 10^4) and all that full mode shows",
       "hours to weeks of this machine: the study files are there, they start, stop and resume"}};
  whole.references = {
      {"Nguyen, Reddy: Differential learning kinetics govern the transition from memorization to generalization during "
       "in-context learning (ICLR 2025)", kArxiv},
      {"Lyu, Li: Gradient Descent Maximizes the Margin of Homogeneous Neural Networks (2019)", "1906.05890"}};
}

const PaperRecipe& recipe() {
  static const PaperRecipe recipe{
      kId,
      {transition(), onset(), context_length(), long_tail(), criterion(), memorisation(), critical_number(), bimodality(),
       copies(), balance(), frequencies(), transience(), afterwards(), independence(), full_model()},
      "C4",
      describe};
  return recipe;
}

}  // namespace

Paper paper() { return paper_of(recipe(), verify); }

}  // namespace iclab::papers::differential_kinetics
