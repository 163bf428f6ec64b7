#include <fmt/format.h>

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

}  // namespace iclab::probes
