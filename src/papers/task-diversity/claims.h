// The claims of arXiv 2606.06814, one recipe each; statements and acceptance are those of
// task-diversity.md, section 6.
#pragma once

#include "papers/reproduction.h"

namespace iclab::papers::task_diversity {

ClaimRecipe population_loss();     // C1
ClaimRecipe single_subspace();     // C2
ClaimRecipe union_of_subspaces();  // C3
ClaimRecipe distinct_columns();    // C4
ClaimRecipe price_of_diversity();  // C5
ClaimRecipe second_moment();       // C6
ClaimRecipe plateau_law();         // C7
ClaimRecipe regime_map();          // C8
ClaimRecipe easy_class();          // C9
ClaimRecipe conditioning();        // C10
ClaimRecipe staircase();           // C11
ClaimRecipe transformers();        // C12
ClaimRecipe nonlinear_class();     // C13

}  // namespace iclab::papers::task_diversity
