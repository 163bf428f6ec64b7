// `iclab run --explain`: what a step computes, value by value.
#pragma once

#include "cli/command.h"
#include "study/study.h"

namespace iclab::cli {

/// A step of the study's first sweep point, as written and as executed. Nothing is run or stored.
Result explain_step(const study::Study& study, bool as_json);

}  // namespace iclab::cli
