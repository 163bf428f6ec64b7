#include "study/merge.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "study/stored_studies.h"

namespace iclab::study {
namespace {

using train::RunStatus;

// Each transaction costs a few fsyncs; this bounds what waits for one.
constexpr std::size_t kBytesATransaction = 16 << 20;

// True if the other's state of a run is later than ours.
bool is_later(const StoredRun& other, const StoredRun& ours) {
  if (!other.error.empty()) return false;  // a failure says nothing that a run, or another failure, does not
  if (!ours.error.empty()) return other.step >= ours.step && other.step > 0;
  if (other.step != ours.step) return other.step > ours.step;
  return other.has_ended() && !ours.has_ended();
}

std::vector<std::pair<std::string, train::Measurement>> measurements_of(const std::vector<Series>& all) {
  std::vector<std::pair<std::string, train::Measurement>> found;
  for (const Series& series : all)
    for (std::size_t i = 0; i < series.steps.size(); ++i)
      for (std::size_t j = 0; j < series.values[i].size(); ++j)
        found.push_back({series.probe, {0, series.name, series.steps[i], static_cast<int>(j), series.values[i][j]}});
  return found;
}

// A run as it stands in its row: saving it changes nothing.
Progress as_it_stands(const StoredRun& run) {
  Progress progress;
  progress.run = run.id;
  progress.status = run.status;
  progress.step = run.step;
  progress.seconds = run.seconds;
  progress.error = run.error;
  progress.plan = run.plan;
  progress.cause = run.cause;
  return progress;
}

std::string where(const Store& store, const std::string& key) {
  return fmt::format("{}: '{}'", store.folder().string(), key);
}

class Merge {
 public:
  Merge(Store& into, const Store& from) : into_(into), from_(from) {}

  Merged run(const std::function<void(std::int64_t, std::int64_t)>& done) {
    const Store* const one = &from_;
    check_studies(into_, std::span(&one, 1));
    const std::vector<StoredRun> runs = from_.runs();
    for (std::size_t i = 0; i < runs.size(); ++i) {
      add(runs[i]);
      if (bytes_ >= kBytesATransaction) flush();
      if (done) done(static_cast<std::int64_t>(i + 1), static_cast<std::int64_t>(runs.size()));
    }
    flush();
    into_.add_probes(from_.probes());
    add_documents();
    return merged_;
  }

 private:
  void add(const StoredRun& theirs) {
    const std::optional<StoredRun> ours = into_.run(theirs.id);
    if (!ours) new_.push_back(theirs);
    const bool later = !ours || is_later(theirs, *ours);
    ++(!ours ? merged_.added : later ? merged_.advanced : merged_.known);
    if (ours && ours->step == theirs.step && theirs.has_ended() && ours->has_ended()) check_same_end(theirs, *ours);

    Progress progress = as_it_stands(later ? theirs : *ours);
    if (later) {
      progress.state = from_.checkpoint(theirs.id).value_or(std::vector<std::byte>{});
      if (theirs.has_ended()) progress.weights = from_.weights(theirs.id);
    }
    progress.measured = measurements_of(from_.series(theirs.id));
    progress.blanks = from_.blanks(theirs.id);
    progress.outputs = from_.outputs(theirs.id);
    bytes_ += bytes_of(progress);
    if (!progress.error.empty()) {  // what it measured before it failed is saved on its own
      Progress failure = as_it_stands(later ? theirs : *ours);
      progress.error.clear();
      waiting_.push_back(std::move(progress));
      waiting_.push_back(std::move(failure));
    } else {
      waiting_.push_back(std::move(progress));
    }
  }

  void check_same_end(const StoredRun& theirs, const StoredRun& ours) const {
    const std::vector<train::Tensor> weights = from_.weights(theirs.id);
    if (weights.empty()) return;  // set aside with measurements alone
    if (theirs.status == ours.status && same_tensors(weights, into_.weights(ours.id))) return;
    throw Error(fmt::format("run {}: ended at step {} with other weights in {} than in {}; found stores of different "
                            "builds, or a damaged one",
                            theirs.id, theirs.step, from_.folder().string(), into_.folder().string()));
  }

  void flush() {
    if (!new_.empty()) into_.add_runs(new_);
    if (!waiting_.empty()) into_.save(waiting_);
    new_.clear();
    waiting_.clear();
    bytes_ = 0;
  }

  // Which part of a study a store was for is said of that store alone. Its wall time stays apart from ours, by the name of
  // its folder, so that merging again adds nothing.
  void add_documents() {
    for (const std::string& key : from_.document_keys()) {
      const std::string theirs = *from_.document(key);
      const std::optional<std::string> ours = into_.document(key);
      if (key == kWallSeconds)
        set(fmt::format("{}/{}", kWallSeconds, from_.folder().filename().string()), theirs);
      else if (is_study(key) && ours)
        set(key, wider_study(*ours, theirs, where(from_, key)));
      else if (!is_portion(key) && !ours)
        set(key, theirs);
    }
  }

  void set(const std::string& key, const std::string& text) {
    if (into_.document(key) != text) into_.set_document(key, text);
  }

  Store& into_;
  const Store& from_;
  Merged merged_;
  std::vector<StoredRun> new_;
  std::vector<Progress> waiting_;
  std::size_t bytes_ = 0;
};

}  // namespace

void check_studies(const Store& into, std::span<const Store* const> from) {
  std::map<std::string, std::string> studies;
  for (const std::string& key : into.document_keys())
    if (is_study(key)) studies[key] = *into.document(key);
  for (const Store* store : from)
    for (const std::string& key : store->document_keys()) {
      if (!is_study(key)) continue;
      const std::string theirs = *store->document(key);
      std::string& ours = studies.try_emplace(key, theirs).first->second;
      ours = std::string(wider_study(ours, theirs, where(*store, key)));
    }
}

Merged merge(Store& into, const Store& from, const std::function<void(std::int64_t, std::int64_t)>& done) {
  return Merge(into, from).run(done);
}

}  // namespace iclab::study
