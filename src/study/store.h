// The store: one SQLite file with a study's runs, series, checkpoints, weights and claims. Written
// by one process at a time; readable by any number, however long. What has ended carries checksums, which every reading
// of it checks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "train/run.h"

namespace iclab::study {

/// One probe's named output over the steps at which it was measured.
struct Series {
  std::string probe;  // ProbeSpec::id
  std::string name;
  std::vector<std::int64_t> steps;          // ascending
  std::vector<std::vector<double>> values;  // [step][element]
};

/// The document with the wall time, in seconds, of the commands that trained into a store; of stores that were merged into
/// it "wall-seconds/FOLDER".
inline constexpr const char* kWallSeconds = "wall-seconds";

/// What a store holds is not what was saved into it.
class Damaged : public Error {
 public:
  using Error::Error;
};

/// "running", "finished", "stopped", "diverged": as stores and tables spell it.
std::string_view status_name(train::RunStatus status);

/// An output of a probe in a run, measured or not.
struct StoredOutput {
  std::string probe, name;
  std::int64_t elements = 0;  // numbers a measurement has; 0: an older store does not say
};

struct StoredRun {
  std::string id{};
  std::string identity{};  // Point::identity() as canonical JSON text
  std::uint64_t study_seed = 0;
  std::int64_t seed_index = 0;
  train::RunStatus status = train::RunStatus::kRunning;
  std::int64_t step = 0;  // of the last saved state
  double seconds = 0;     // of training so far
  std::string error{};      // why it failed, if it did
  std::string plan{};      // hash of the steps and probes it was last computed for; "" before its end
  std::string cause{};     // why it diverged, if it did
  std::string checksum{};  // of an ended run; "" of others

  bool has_ended() const { return error.empty() && status != train::RunStatus::kRunning; }
};

/// What a run has to save at once: one transaction.
struct Progress {
  std::string run;
  train::RunStatus status = train::RunStatus::kRunning;
  std::int64_t step = 0;
  double seconds = 0;
  std::vector<std::pair<std::string, train::Measurement>> measured;  // (ProbeSpec::id, measurement)
  std::vector<std::byte> state;                                      // checkpoint
  std::vector<train::Tensor> weights;                                // once the run has ended
  std::string error;  // why it failed: then nothing else is read
  std::string plan;   // once the run has ended
  std::string cause;  // why it diverged, if it did
  std::vector<StoredOutput> outputs;  // of all its probes
  /// (ProbeSpec::id, step) that were due and gave no finite number.
  std::vector<std::pair<std::string, std::int64_t>> blanks;
};

/// Bytes that it takes in memory, about.
std::size_t bytes_of(const Progress& progress);

/// True if two runs have the same weights, bit for bit.
bool same_tensors(const std::vector<train::Tensor>& a, const std::vector<train::Tensor>& b);

/// How long a write waits while another program reads the store: without `stop` a minute; with it as long as it takes, but
/// only a few seconds from when a stop is requested. Then the write throws Busy.
struct Patience {
  std::stop_token stop{};
  std::function<void()> tell{};  // called once, if a write has waited for two seconds
};

class Store {
 public:
  enum class Access { kRead, kWrite };

  /// Opens (kWrite: creates) the store in a folder. A store of an older schema is read as it is, or brought to today's
  /// (kWrite). Throws Error: folder not writable, not a store, store of an unknown schema, another process writes to it.
  Store(const std::filesystem::path& folder, Access access);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  void set_patience(Patience patience);
  const std::filesystem::path& folder() const;

  // ---- runs (safe to call from several threads) -------------------------------------------------
  // Reading a state, weights or series throws Damaged, which names the run, if they are not what was saved.
  void add_runs(std::span<const StoredRun> runs);  // those already there are left alone
  std::optional<StoredRun> run(const std::string& id) const;
  std::vector<StoredRun> runs() const;
  void save(const Progress& progress);
  void save(std::span<const Progress> progress);  // all of them, or none, in one transaction
  std::optional<std::vector<std::byte>> checkpoint(const std::string& run) const;
  std::vector<train::Tensor> weights(const std::string& run) const;
  std::vector<Series> series(const std::string& run) const;
  /// (ProbeSpec::id, step) that were due and gave no finite number.
  std::vector<std::pair<std::string, std::int64_t>> blanks(const std::string& run) const;
  std::vector<StoredOutput> outputs(const std::string& run) const;  // by probe and name
  /// Steps at which each probe was measured, ascending, blanks among them.
  std::map<std::string, std::vector<std::int64_t>> measured_steps(const std::string& run) const;
  std::optional<Series> series(const std::string& run, const std::string& probe,
                               const std::string& name) const;

  /// What a ProbeSpec::id stands for.
  struct StoredProbe {
    std::string id, kind, settings;  // settings: JSON text
  };
  void add_probes(std::span<const StoredProbe> probes);  // those already there are left alone
  std::vector<StoredProbe> probes() const;

  // ---- the study and what was derived from it ---------------------------------------------------
  void set_document(const std::string& key,
                    const std::string& text);  // study file, claims, machine
  void drop_document(const std::string& key);
  std::optional<std::string> document(const std::string& key) const;
  std::vector<std::string> document_keys() const;  // in alphabetical order

  /// Over all finished runs' identities, weights and series in canonical order: one changed bit
  /// anywhere changes it. Taken of what is there; what is found damaged on the way is told, or (without `damages`) thrown.
  std::string sha256(std::vector<std::string>* damages = nullptr) const;

  /// What does not hold of the file and its checksums, a sentence each; `done(i, n)` is told how far it is.
  std::vector<std::string> damages(const std::function<void(std::int64_t, std::int64_t)>& done = {}) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace iclab::study
