#include "papers/measurements.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace iclab::papers {

Arm::Arm(const study::Study& intended, const study::Study& actual, size_t index,
         const study::Store& store)
    : study_(&actual),
      intended_(&intended.points[index]),
      actual_(&actual.points[index]),
      seeds_(actual.seeds),
      store_(&store) {}

const study::ProbeSpec& Arm::probe(const Quantity& quantity) const {
  for (const study::ProbeSpec& spec : actual_->probes) {
    const bool found =
        quantity.name.empty()
            ? spec.choice.kind == quantity.probe &&
                  (quantity.probe != "risk" || spec.choice.settings.text("test") == quantity.test)
            : spec.name == quantity.name;
    if (found) return spec;
  }
  if (!quantity.name.empty())
    throw Error(
        fmt::format("study '{}' has no probe of the name '{}'", study_->name, quantity.name));
  throw Error(fmt::format("study '{}' has no probe '{}' (test '{}')", study_->name, quantity.probe,
                          quantity.test));
}

study::Series Arm::series(std::int64_t seed, const Quantity& quantity) const {
  const study::ProbeSpec& spec = probe(quantity);
  study::Series found = store_->series(study_->run_id(*actual_, seed), spec.id, quantity.series)
                            .value_or(study::Series{});
  // A run that another study shares may have been measured at that study's steps too.
  size_t kept = 0;
  for (size_t i = 0; i < found.steps.size(); ++i) {
    const bool is_end = spec.at_end && i + 1 == found.steps.size();  // of a run that stopped early too
    if (!is_end && !std::ranges::binary_search(spec.due, found.steps[i])) continue;
    found.steps[kept] = found.steps[i];
    std::swap(found.values[kept++], found.values[i]);
  }
  found.steps.resize(kept);
  found.values.resize(kept);
  return found;
}

Arm::Curve Arm::curve(std::int64_t seed, const Quantity& quantity) const {
  study::Series found = series(seed, quantity);
  Curve curve{std::move(found.steps), {}};
  for (const std::vector<double>& value : found.values) curve.values.push_back(value.at(0));
  return curve;
}

std::vector<double> Arm::final_array(std::int64_t seed, const Quantity& quantity) const {
  study::Series found = series(seed, quantity);
  const std::vector<std::int64_t>& due = probe(quantity).due;
  if (found.steps.empty() || found.steps.back() != due.back()) return {};
  return std::move(found.values.back());
}

std::vector<double> Arm::final(const Quantity& quantity, size_t element) const {
  std::vector<double> values;
  for (std::int64_t seed = 0; seed < seeds_; ++seed) {
    const std::vector<double> array = final_array(seed, quantity);
    values.push_back(array.empty() ? std::numeric_limits<double>::infinity() : array.at(element));
  }
  return values;
}

std::int64_t Arm::evaluation_prompts(const Quantity& quantity) const {
  return probe(quantity).choice.settings.integer("prompts");
}

std::string Arm::label(std::int64_t seed) const {
  std::string text = study_->name;
  for (const auto& [key, value] : intended_->axes)
    text += fmt::format(", {} {}", key.substr(key.rfind('.') + 1), to_text(value));
  return seed < 0 ? text : text + fmt::format(", seed {}", seed);
}

std::vector<Arm> Measurements::arms(const std::string& study) const {
  std::vector<Arm> arms;
  const auto found = studies_->find(study);
  if (found == studies_->end()) return arms;
  const StudyPair& pair = found->second;
  for (size_t i = 0; i < pair.intended.points.size(); ++i)
    arms.emplace_back(pair.intended, pair.actual, i, *store_);
  return arms;
}

}  // namespace iclab::papers
