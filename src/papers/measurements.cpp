#include "papers/measurements.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace iclab::papers {

Arm::Arm(const study::Study& intended, const study::Study& actual, size_t index,
         const study::Store& store)
    : identity_(actual.points[index].identity().dump()),
      salt_(actual.salt(actual.points[index])),
      study_(&actual),
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

study::RunView Arm::run(std::int64_t seed) const {
  return study::view_of(store_->run(study_->run_id(identity_, salt_, seed)), actual_->steps);
}

// Every run of a reproduction is complete: what was due up to its end was measured, with or without a finite number.
study::RunOutput Arm::output(std::int64_t seed, const Quantity& quantity) const {
  const study::ProbeSpec& spec = probe(quantity);
  study::RunView view = run(seed);
  study::Series series = store_->series(view.id, spec.id, quantity.series).value_or(study::Series{});
  return {std::move(view), spec, std::move(series), spec.due};
}

Arm::Curve Arm::curve(std::int64_t seed, const Quantity& quantity) const {
  const study::RunOutput found = output(seed, quantity);
  Curve curve{found.steps(), {}};
  for (const std::vector<double>& value : found.series().values) curve.values.push_back(value.at(0));
  return curve;
}

std::vector<double> Arm::values_at(const std::vector<std::int64_t>& steps, std::int64_t seed,
                                   const Quantity& quantity) const {
  const Curve found = curve(seed, quantity);
  std::vector<double> values;
  size_t known = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    const auto place = std::ranges::lower_bound(found.steps, steps[i]);
    const bool there = place != found.steps.end() && *place == steps[i];
    values.push_back(there ? found.values[static_cast<size_t>(place - found.steps.begin())] : std::nan(""));
    if (there) known = i + 1;
  }
  values.resize(known);
  return values;
}

std::vector<study::RunOutput> Arm::outputs(const Quantity& quantity) const {
  std::vector<study::RunOutput> runs;
  for (std::int64_t seed = 0; seed < seeds_; ++seed) runs.push_back(output(seed, quantity));
  return runs;
}

study::Sample Arm::sample(std::span<const study::RunOutput> runs, const Quantity& quantity,
                          std::optional<std::int64_t> step, size_t element) const {
  return study::sample_of(runs, probe(quantity), quantity.series, step, element);
}

study::Sample Arm::sample(const Quantity& quantity, std::optional<std::int64_t> step, size_t element) const {
  return sample(outputs(quantity), quantity, step, element);
}

std::vector<double> Arm::final_array(std::int64_t seed, const Quantity& quantity) const {
  return output(seed, quantity).at(probe(quantity).due.back()).numbers;
}

std::vector<double> Arm::final(const Quantity& quantity, size_t element) const {
  return sample(quantity, due(quantity).back(), element).values;
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

CommonSteps common_steps(const std::vector<Arm::Curve>& curves) {
  CommonSteps common;
  for (const Arm::Curve& curve : curves) {
    if (&curve == &curves.front()) {
      common.steps = curve.steps;
      continue;
    }
    std::vector<std::int64_t> both;
    std::ranges::set_intersection(common.steps, curve.steps, std::back_inserter(both));
    common.steps = std::move(both);
  }
  for (const Arm::Curve& curve : curves) {
    std::vector<double>& values = common.values.emplace_back();
    for (size_t i = 0; i < curve.steps.size(); ++i)
      if (std::ranges::binary_search(common.steps, curve.steps[i])) values.push_back(curve.values[i]);
  }
  return common;
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
