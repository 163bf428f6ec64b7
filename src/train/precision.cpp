#include "train/precision.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "base/error.h"

namespace iclab::train {
namespace {

void check_choice(const Choice& choice, const std::string& what) {
  for (const auto& [key, value] : choice.settings.values()) {
    const std::string where = fmt::format("{} '{}': {}", what, choice.kind, key);
    if (const auto* number = std::get_if<double>(&value)) check_float32(*number, where);
    if (const auto* numbers = std::get_if<std::vector<double>>(&value))
      for (const double each : *numbers) check_float32(each, where);
  }
}

}  // namespace

void check_float32(double number, const std::string& where) {
  constexpr double kLeast = std::numeric_limits<float>::min(), kMost = std::numeric_limits<float>::max();
  const double size = std::abs(number);
  if (size == 0 || (size >= kLeast && size <= kMost)) return;
  throw UsageError(fmt::format("{}: found {}, which float32 turns into {}; accepted are 0 and numbers from {:.6g} to {:.6g} "
                               "in size, or precision = \"float64\"",
                               where, number, size < kLeast ? "0" : "infinity", kLeast, kMost));
}

void check_float32(const Choice& task, const Choice& model, const Training& training) {
  check_choice(task, "task");
  check_choice(model, "model");
  check_choice(training.optimizer, "optimizer");
  if (training.schedule) check_choice(*training.schedule, "schedule");
  for (const Group& group : training.groups) {
    const std::string where = fmt::format("[[train.group]] match = \"{}\": ", group.match);
    if (group.lr) check_float32(*group.lr, where + "lr");
    if (group.weight_decay) check_float32(*group.weight_decay, where + "weight_decay");
  }
  check_float32(training.gradient_scale, "[train] gradient_scale");
  if (training.clip) check_float32(*training.clip, "[train] clip");
}

}  // namespace iclab::train
