// What the runs of a paper's studies measured, by study, sweep point and seed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "study/results.h"
#include "study/store.h"
#include "study/study.h"

namespace iclab::papers {

/// Which output of which probe: the probe of that kind (and test, for probe 'risk'), or of that
/// name, and its series.
struct Quantity {
  std::string probe = "risk";
  std::string test = "id";  // probe 'risk' only
  std::string series = "risk";
  std::string name{};  // instead of kind and test
};

/// The risk that the probe of that name in the study file measures.
inline Quantity named_risk(const std::string& name) { return {.name = name}; }

/// One sweep point of a study with the runs of all its seeds.
class Arm {
 public:
  Arm(const study::Study& intended, const study::Study& actual, size_t index,
      const study::Store& store);

  /// The point as the study file has it. Predictions read their constants here, so that runs
  /// changed by overrides are held against the theory of the unchanged ones.
  const study::Point& point() const { return *intended_; }
  const Settings& task() const { return intended_->task.settings; }
  const Settings& model() const { return intended_->model.settings; }
  double lr() const { return intended_->training.optimizer.settings.real("lr"); }

  std::int64_t seeds() const { return seeds_; }
  std::int64_t steps() const { return actual_->steps; }

  /// At the steps of this study's probe. Throws Error if the study has no such probe.
  study::RunOutput output(std::int64_t seed, const Quantity& quantity) const;

  /// The first element over the steps: the curve of a scalar.
  struct Curve {
    std::vector<std::int64_t> steps;
    std::vector<double> values;
  };
  Curve curve(std::int64_t seed, const Quantity& quantity) const;

  /// The curve's values at the first steps that another has, NaN where it has none: up to the last that both have.
  std::vector<double> values_at(const std::vector<std::int64_t>& steps, std::int64_t seed, const Quantity& quantity) const;

  /// One element at a step, or (no step) where each run ended, of all seeds: see study::Sample for runs without a value.
  study::Sample sample(const Quantity& quantity, std::optional<std::int64_t> step, size_t element = 0) const;

  /// The same of outputs that were read before, for many steps.
  std::vector<study::RunOutput> outputs(const Quantity& quantity) const;  // by seed
  study::Sample sample(std::span<const study::RunOutput> runs, const Quantity& quantity,
                       std::optional<std::int64_t> step, size_t element = 0) const;

  /// The scalar's steps: those at which the study asks for it.
  const std::vector<std::int64_t>& due(const Quantity& quantity) const { return probe(quantity).due; }

  /// One element at the study's last step, by seed: see study::Sample for a run that did not get there.
  std::vector<double> final(const Quantity& quantity, size_t element = 0) const;

  /// All elements at the last step; empty for a run that did not get there.
  std::vector<double> final_array(std::int64_t seed, const Quantity& quantity) const;

  /// Prompts over which a probe averages.
  std::int64_t evaluation_prompts(const Quantity& quantity) const;

  /// Which runs, for hover texts: "mean-loss, components 2, shared 1, seed 3"; seed -1: all of
  /// them.
  std::string label(std::int64_t seed) const;

 private:
  const study::ProbeSpec& probe(const Quantity& quantity) const;
  study::RunView run(std::int64_t seed) const;

  std::string identity_, salt_;  // of the runs
  const study::Study* study_;
  const study::Point* intended_;
  const study::Point* actual_;
  std::int64_t seeds_;
  const study::Store* store_;
};

/// A study as its file has it and as it was run.
struct StudyPair {
  study::Study intended, actual;
};

/// The steps that several curves have in common, and the curves' values there.
struct CommonSteps {
  std::vector<std::int64_t> steps;
  std::vector<std::vector<double>> values;  // by curve
};
CommonSteps common_steps(const std::vector<Arm::Curve>& curves);

class Measurements {
 public:
  Measurements(const std::map<std::string, StudyPair>& studies, const study::Store& store)
      : studies_(&studies), store_(&store) {}

  /// False for a study that the mode does not have: figures leave it out.
  bool has(const std::string& study) const { return studies_->contains(study); }

  /// The points of a study in order; none if the mode does not have it.
  std::vector<Arm> arms(const std::string& study) const;

 private:
  const std::map<std::string, StudyPair>* studies_;
  const study::Store* store_;
};

}  // namespace iclab::papers
