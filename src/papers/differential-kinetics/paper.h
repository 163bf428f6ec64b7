// "Differential learning kinetics govern the transition from memorization to generalization during
// in-context learning", arXiv 2412.00104.
#pragma once

#include "papers/paper.h"

namespace iclab::papers::differential_kinetics {

Paper paper();

}  // namespace iclab::papers::differential_kinetics
