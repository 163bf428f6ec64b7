#include "study/saver.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "base/json.h"

namespace iclab::study {

std::vector<Series> checked_series(Database& database, const StoredRun& run, std::int64_t number) {
  std::string what = "its series or weights are not those that were saved";
  try {
    std::vector<Series> series = read_series(database, number);
    if (run.checksum.empty() || checksum_of(database, run, number, series) == run.checksum) return series;
  } catch (const Damaged& error) {
    what = error.what();
  }
  throw Damaged(fmt::format("{}: run {} is damaged: {}; restore the store from a copy", database.file().string(),
                            run.id, what));
}

void Saver::save(const Progress& progress) {
  const std::int64_t run = update_run(progress);
  if (progress.error.empty()) save_results(run, progress);
  seal(progress.run);
}

void Saver::save_results(std::int64_t run, const Progress& progress) {
  save_outputs(run, progress.outputs);
  if (!progress.state.empty()) save_state(run, progress.state);
  if (!progress.weights.empty()) save_weights(run, progress.weights);
  save_measurements(run, progress);
  for (const auto& [probe, step] : progress.blanks)
    blank_.bind(1, run).bind(2, std::string_view(probe)).bind(3, step).run();
  if (progress.status != train::RunStatus::kRunning)
    note_checksum(progress.run);
  else
    checksum_.bind(1, std::string_view("")).bind(2, run).run();  // extended: it has not ended any more
}

void Saver::note_checksum(const std::string& id) {
  const std::optional<StoredRun> run = read_row(database_, id);
  const std::int64_t number = number_of(database_, id);
  const std::string checksum = checksum_of(database_, *run, number, read_series(database_, number));
  checksum_.bind(1, std::string_view(checksum)).bind(2, number).run();
}

std::int64_t Saver::update_run(const Progress& progress) {
  const std::optional<StoredRun> before = read_run(database_, progress.run);
  if (!before) throw Error(fmt::format("{}: no run {}", database_.file().string(), progress.run));
  const std::int64_t run = number_of(database_, progress.run);
  // What is added to an ended run gets a new checksum, which must not bless what was damaged before.
  if (!before->checksum.empty()) checked_series(database_, *before, run);
  if (!progress.error.empty()) {  // the latest checkpoint and its step stay
    fail_.bind(1, std::string_view(progress.error)).bind(2, run).run();
    checksum_.bind(1, std::string_view("")).bind(2, run).run();
    return run;
  }
  update_.bind(1, status_name(progress.status))
      .bind(2, progress.step)
      .bind(3, progress.seconds)
      .bind(4, std::string_view(progress.plan))
      .bind(5, std::string_view(progress.cause))
      .bind(6, run)
      .run();
  return run;
}

void Saver::seal(const std::string& id) {
  const std::optional<StoredRun> run = read_row(database_, id);
  seal_.bind(1, std::string_view(seal_of(*run))).bind(2, number_of(database_, id)).run();
}

void Saver::save_outputs(std::int64_t run, const std::vector<StoredOutput>& outputs) {
  for (const StoredOutput& output : outputs)
    output_.bind(1, run)
        .bind(2, std::string_view(output.probe))
        .bind(3, std::string_view(output.name))
        .bind(4, output.elements)
        .run();
}

void Saver::save_state(std::int64_t run, const std::vector<std::byte>& state) {
  Sha256 hash;
  checkpoint_.bind(1, run)
      .bind(2, std::span(state))
      .bind(3, std::string_view(to_hex(hash.update(std::span(state)).digest())))
      .run();
}

void Saver::save_weights(std::int64_t run, const std::vector<train::Tensor>& weights) {
  clear_weights_.bind(1, run).run();
  for (size_t i = 0; i < weights.size(); ++i) {
    const train::Tensor& tensor = weights[i];
    weight_.bind(1, run)
        .bind(2, static_cast<std::int64_t>(i))
        .bind(3, std::string_view(tensor.name))
        .bind(4, std::string_view(Json(tensor.shape).dump()))
        .bind(5, std::string_view(tensor.is_double ? "float64" : "float32"))
        .bind(6, std::span(tensor.bytes))
        .run();
  }
}

// Elements of one measurement follow each other.
void Saver::save_measurements(std::int64_t run, const Progress& progress) {
  const auto& all = progress.measured;
  std::map<std::pair<std::string, std::string>, std::int64_t> numbers;
  std::vector<double> values;
  for (size_t i = 0; i < all.size(); ++i) {
    const auto& [probe, measurement] = all[i];
    if (measurement.index != static_cast<int>(values.size()))
      throw Error(fmt::format("[store] element {} of series '{}' follows element {}", measurement.index,
                              measurement.series, static_cast<int>(values.size()) - 1));
    // One NaN for all, so that equal runs have equal bits.
    values.push_back(std::isnan(measurement.value) ? std::numeric_limits<double>::quiet_NaN() : measurement.value);
    const bool more = i + 1 < all.size() && all[i + 1].first == probe &&
                      all[i + 1].second.series == measurement.series && all[i + 1].second.step == measurement.step;
    if (more) continue;
    std::int64_t& series = numbers[{probe, measurement.series}];
    if (series == 0) series = series_number(run, probe, measurement.series);
    save_value(series, measurement, std::as_bytes(std::span(values)));
    values.clear();
  }
}

std::int64_t Saver::series_number(std::int64_t run, const std::string& probe, const std::string& name) {
  add_series_.bind(1, run).bind(2, std::string_view(probe)).bind(3, std::string_view(name)).run();
  find_series_.bind(1, run).bind(2, std::string_view(probe)).bind(3, std::string_view(name));
  find_series_.step();
  const std::int64_t number = find_series_.integer(0);
  find_series_.reset();
  return number;
}

// A step measured again must give the same bits.
void Saver::save_value(std::int64_t series, const train::Measurement& measurement, std::span<const std::byte> bytes) {
  find_value_.bind(1, series).bind(2, measurement.step);
  const bool there = find_value_.step();
  const bool equal = there && std::ranges::equal(find_value_.blob_view(0), bytes);
  find_value_.reset();
  if (there && !equal)
    throw Error(fmt::format("{}: series '{}' at step {} was measured again with other values; the store "
                            "keeps the first",
                            database_.file().string(), measurement.series, measurement.step));
  if (!there) value_.bind(1, series).bind(2, measurement.step).bind(3, bytes).run();
}

}  // namespace iclab::study
