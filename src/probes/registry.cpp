#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "probes/general.h"
#include "probes/labels.h"
#include "probes/linear.h"
#include "probes/sampled.h"

namespace iclab::probes {

std::span<const ProbeEntry> probe_registry() {
  static const std::vector<ProbeEntry> entries = {
      training_loss_entry(), evaluation_mse_entry(), accuracy_entry(), memory_entry(), linear_risk_entry(),
      sampled_risk_entry(), effective_matrix_entry(), weight_entry()};
  return entries;
}

const ProbeEntry& find_probe(const std::string& name) {
  std::vector<std::string> names;
  for (const ProbeEntry& entry : probe_registry()) {
    if (entry.name == name) return entry;
    names.push_back(entry.name);
  }
  throw UsageError(fmt::format("unknown probe '{}'; accepted are {}{}", name, join(names),
                               did_you_mean(name, names)));
}

double when_diverged(const ProbeEntry& entry, const std::string& output) {
  const auto begins = [&](const std::string& name) { return output.starts_with(name); };
  if (std::ranges::any_of(entry.losses, begins)) return std::numeric_limits<double>::infinity();
  if (std::ranges::any_of(entry.scores, begins)) return -std::numeric_limits<double>::infinity();
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace iclab::probes
