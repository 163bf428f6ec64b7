// "The Effect of Training Task Diversity on In-Context Learning through the Lens of Low-Dimensional
// Subspaces", arXiv 2606.06814.
#pragma once

#include "papers/paper.h"

namespace iclab::papers::task_diversity {

Paper paper();

}  // namespace iclab::papers::task_diversity
