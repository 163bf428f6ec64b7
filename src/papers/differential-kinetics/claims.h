// The claims of arXiv 2412.00104, one recipe each; statements and acceptance are those of
// differential-kinetics.md, section 4.
#pragma once

#include "papers/reproduction.h"

namespace iclab::papers::differential_kinetics {

ClaimRecipe transition();       // C1
ClaimRecipe onset();            // C2
ClaimRecipe context_length();   // C3
ClaimRecipe long_tail();        // C4
ClaimRecipe criterion();        // C5
ClaimRecipe memorisation();     // C6
ClaimRecipe critical_number();  // C7
ClaimRecipe bimodality();       // C8
ClaimRecipe copies();           // C9
ClaimRecipe balance();          // C10
ClaimRecipe frequencies();      // C11
ClaimRecipe transience();       // C12
ClaimRecipe afterwards();       // C13
ClaimRecipe independence();     // C14
ClaimRecipe full_model();       // C15

}  // namespace iclab::papers::differential_kinetics
