#include "papers/differential-kinetics/paper.h"

#include "papers/differential-kinetics/verify.h"
#include "papers/reproduction.h"

namespace iclab::papers::differential_kinetics {
namespace {

constexpr const char* kId = "differential-kinetics";
constexpr const char* kTitle =
    "Differential learning kinetics govern the transition from memorization to generalization during "
    "in-context learning";
constexpr const char* kAuthors = "A. Nguyen, G. Reddy";
constexpr const char* kArxiv = "2412.00104";
constexpr const char* kSummary =
    "An MLP that memorises and an attention head that copies learn at different speeds: the slower "
    "the memoriser, the more data it has to hold, the likelier is in-context learning.";

void describe(report::PaperReport& whole) {
  whole.title = kTitle;
  whole.authors = kAuthors;
  whole.arxiv = kArxiv;
  whole.summary = kSummary;
  whole.references = {
      {"Nguyen, Reddy: Differential learning kinetics govern the transition from memorization to "
       "generalization during in-context learning (ICLR 2025)",
       kArxiv},
      {"Lyu, Li: Gradient Descent Maximizes the Margin of Homogeneous Neural Networks (2019)",
       "1906.05890"}};
}

const PaperRecipe& recipe() {
  static const PaperRecipe recipe{kId, {}, "", describe};
  return recipe;
}

}  // namespace

Paper paper() {
  Paper paper;
  paper.id = kId;
  paper.title = kTitle;
  paper.authors = kAuthors;
  paper.arxiv = kArxiv;
  paper.summary = kSummary;
  for (const ClaimRecipe& claim : recipe().claims) paper.claims.push_back(claim.id);
  paper.headline = recipe().headline;
  paper.reproduce = [](const ReproduceOptions& options) { return reproduce(recipe(), options); };
  paper.judge_again = [](const std::filesystem::path& folder) {
    return judge_again(recipe(), folder);
  };
  paper.verify = verify;
  return paper;
}

}  // namespace iclab::papers::differential_kinetics
