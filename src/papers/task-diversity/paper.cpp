#include "papers/task-diversity/paper.h"

#include "papers/reproduction.h"
#include "papers/task-diversity/claims.h"
#include "papers/task-diversity/verify.h"

namespace iclab::papers::task_diversity {
namespace {

constexpr const char* kId = "task-diversity";
constexpr const char* kTitle =
    "The Effect of Training Task Diversity on In-Context Learning through the Lens of "
    "Low-Dimensional Subspaces";
constexpr const char* kAuthors = "S. M. Kwon, A. S. Xu, C. Yaras, D. Song, L. Balzano, Q. Qu";
constexpr const char* kArxiv = "2606.06814";
constexpr const char* kSummary =
    "Linear attention learns linear regression in context from tasks drawn in low-dimensional "
    "subspaces: what does "
    "more diversity among the training tasks change?";

void describe(report::PaperReport& whole) {
  whole.title = kTitle;
  whole.authors = kAuthors;
  whole.arxiv = kArxiv;
  whole.summary = kSummary;
  whole.note = {
      "What is the paper's. Only the abstracts of arXiv 2606.06814 and of its sister paper "
      "2505.14808 could be read. "
      "They state: training tasks from a mixture of low-rank Gaussians, diversity counted in "
      "non-overlapping columns "
      "of their subspaces; with linear attention, more diversity (i) shortens the plateau of "
      "in-context learning and "
      "(ii) lets it seem to generalise out of distribution; trained on a union of subspaces the "
      "model reaches all "
      "angles between them, trained on one subspace its risk depends on the angle and cannot be "
      "driven to 0.",
      "What is ours. Every formula, number, protocol and threshold on this page was derived or "
      "chosen for this "
      "project and checked numerically; none of them is the paper's. The paper's theorems, "
      "settings and figures "
      "are not known here, so a verdict speaks about the statement as worded on its card, not "
      "about the paper's "
      "own experiments.",
      "What comes out. Claim (ii) follows in closed form and holds. Claim (i) depends on what is "
      "held fixed while "
      "diversity grows, which the abstract does not say: in the most literal setting (equal-power "
      "mixture, mean "
      "loss, fixed learning rate) the plateau gets longer; with summed losses, with nested classes "
      "or in the merged "
      "form it gets shorter; with a rate matched to the curvature it stays. The regime map shows "
      "them all; nested "
      "classes (E) come closest to \"number of non-overlapping columns\", but whether that is the "
      "paper's reading "
      "could not be verified. What softmax transformers do (C12, C13) is measured at a small size, "
      "with no theory beside it; their plateaus differ so much between seeds that a comparison of "
      "two may stay open."};
  whole.headline = "C8";
  whole.headline_sentence =
      "The plateau relative to that of a single class, against the number of non-overlapping "
      "columns, one curve for "
      "each thing that may be held fixed: above 1 diversity lengthens the plateau, below 1 it "
      "shortens it.";
  whole.unchecked = {
      {"the paper's theorem statements, hyper-parameters and figures",
       "only its abstract could be read"},
      {"the second-moment equivalence (C6) for softmax attention",
       "no such equivalence is guaranteed there; the transformers of C12 are not trained on the single "
       "Gaussian with the mixture's second moment"},
      {"which convention of the regime map is the paper's",
       "the abstract does not say what is held fixed"}};
  whole.references = {
      {"Kwon, Xu, Yaras, Song, Balzano, Qu: The Effect of Training Task Diversity on In-Context "
       "Learning through the "
       "Lens of Low-Dimensional Subspaces (2026)",
       kArxiv},
      {"Kwon, Xu, Yaras, Balzano, Qu: the sister paper on angles between subspaces (2025)",
       "2505.14808"},
      {"Kim et al.: Task Diversity Shortens the ICL Plateau (2024)", "2410.05448"},
      {"Zhang, Frei, Bartlett: Trained Transformers Learn Linear Models In-Context (2023)",
       "2306.09927"},
      {"Zhang, Singh, Latham, Saxe: training dynamics of linear attention (2025)", "2501.16265"}};
}

const PaperRecipe& recipe() {
  static const PaperRecipe recipe{
      kId,
      {population_loss(), single_subspace(), union_of_subspaces(), distinct_columns(),
       price_of_diversity(), second_moment(), plateau_law(), regime_map(), easy_class(),
       conditioning(), staircase(), transformers(), nonlinear_class()},
      "C8",
      describe};
  return recipe;
}

}  // namespace

Paper paper() { return paper_of(recipe(), verify); }

}  // namespace iclab::papers::task_diversity
