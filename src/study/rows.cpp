#include "study/rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/json.h"

namespace iclab::study {
namespace {

static_assert(std::endian::native == std::endian::little, "blobs are little-endian");

constexpr const char* kSelectRuns =
    "SELECT runs.id, identities.text, study_seed, seed_index, status, step, seconds, error, plan, cause, checksum, seal "
    "FROM runs JOIN identities ON identities.number = runs.identity ORDER BY runs.number";
constexpr const char* kSelectRun =
    "SELECT runs.id, identities.text, study_seed, seed_index, status, step, seconds, error, plan, cause, checksum, seal "
    "FROM runs JOIN identities ON identities.number = runs.identity WHERE runs.id = ?";

train::RunStatus status_of(const std::string& text) {
  if (text == "finished") return train::RunStatus::kFinished;
  if (text == "stopped") return train::RunStatus::kStopped;
  if (text == "diverged") return train::RunStatus::kDiverged;
  return train::RunStatus::kRunning;
}

struct Row {
  StoredRun run;
  std::string seal;
};

Row row_in(const Statement& row) {
  StoredRun run;
  run.id = row.text(0);
  run.identity = row.text(1);
  run.study_seed = static_cast<std::uint64_t>(row.integer(2));
  run.seed_index = row.integer(3);
  run.status = status_of(row.text(4));
  run.step = row.integer(5);
  run.seconds = row.real(6);
  run.error = row.text(7);
  run.plan = row.text(8);
  run.cause = row.text(9);
  run.checksum = row.text(10);
  return {std::move(run), row.text(11)};
}

StoredRun sealed_run_in(const Database& database, const Statement& statement) {
  Row row = row_in(statement);
  if (!row.seal.empty() && row.seal != seal_of(row.run))
    throw Damaged(fmt::format("{}: run {} is damaged: its row is not what was saved; restore the store from a copy",
                              database.file().string(), row.run.id));
  return std::move(row.run);
}

// The shape as it is written beside `bytes` bytes of numbers of this size.
std::vector<std::int64_t> shape_of(const Database& database, const std::string& name, const std::string& text,
                                   std::uint64_t bytes, std::uint64_t size) {
  const std::uint64_t numbers = bytes / size;
  const Json shape = Json::parse(text, nullptr, false);
  const auto is_extent = [](const Json& extent) { return extent.is_number_unsigned(); };
  bool fits = shape.is_array() && std::ranges::all_of(shape, is_extent);
  std::uint64_t elements = 1;
  for (size_t axis = 0; fits && axis < shape.size(); ++axis) {
    const auto extent = shape[axis].get<std::uint64_t>();
    fits = extent == 0 || elements <= numbers / extent;
    elements *= extent;
  }
  if (!fits || elements != numbers || bytes % size != 0)
    throw Damaged(fmt::format("{}: the file is damaged: weight '{}' has the shape {} and {} bytes for numbers of {}",
                              database.file().string(), name, text, bytes, size));
  return shape.get<std::vector<std::int64_t>>();
}

}  // namespace

std::int64_t number_of(Database& database, const std::string& run) {
  Query statement(database, "SELECT number FROM runs WHERE id = ?");
  return statement->bind(1, std::string_view(run)).step() ? statement->integer(0) : -1;
}

std::optional<StoredRun> read_row(Database& database, const std::string& id) {
  Query statement(database, kSelectRun);
  if (!statement->bind(1, std::string_view(id)).step()) return {};
  return row_in(*statement).run;
}

std::optional<StoredRun> read_run(Database& database, const std::string& id) {
  Query statement(database, kSelectRun);
  if (!statement->bind(1, std::string_view(id)).step()) return {};
  return sealed_run_in(database, *statement);
}

std::vector<StoredRun> read_rows(Database& database) {
  Query statement(database, kSelectRuns);
  std::vector<StoredRun> found;
  while (statement->step()) found.push_back(row_in(*statement).run);
  return found;
}

std::vector<StoredRun> read_runs(Database& database) {
  Query statement(database, kSelectRuns);
  std::vector<StoredRun> found;
  while (statement->step()) found.push_back(sealed_run_in(database, *statement));
  return found;
}

std::string seal_of(const StoredRun& run) {
  return to_hex(sha256(fmt::format("{} {} {} {} {} {} {} {} {} {} {} {} {}", run.id, run.study_seed, run.seed_index,
                                   status_name(run.status), run.step, run.seconds, run.error.size(), run.error, run.plan,
                                   run.cause.size(), run.cause, run.checksum, run.identity)));
}

std::vector<StoredOutput> read_outputs(Database& database, std::int64_t run) {
  Query statement(database, "SELECT probe, name, elements FROM series WHERE run = ? ORDER BY probe, name");
  statement->bind(1, run);
  std::vector<StoredOutput> found;
  while (statement->step()) found.push_back({statement->text(0), statement->text(1), statement->integer(2)});
  return found;
}

std::vector<Series> read_series(Database& database, std::int64_t run) {
  Query statement(database,
                  "SELECT probe, name, step, value FROM series "
                  "JOIN measurements ON measurements.series = series.number "
                  "WHERE run = ? ORDER BY probe, name, step");
  statement->bind(1, run);
  std::vector<Series> found;
  while (statement->step()) {
    std::string probe = statement->text(0), name = statement->text(1);
    if (found.empty() || found.back().probe != probe || found.back().name != name)
      found.push_back({std::move(probe), std::move(name), {}, {}});
    found.back().steps.push_back(statement->integer(2));
    found.back().values.push_back(doubles(database, statement->blob_view(3)));
  }
  return found;
}

std::vector<train::Tensor> read_weights(Database& database, std::int64_t run) {
  Query statement(database, "SELECT name, shape, precision, data FROM weights WHERE run = ? ORDER BY position");
  statement->bind(1, run);
  std::vector<train::Tensor> tensors;
  while (statement->step()) {
    train::Tensor tensor{statement->text(0), {}, statement->text(2) == "float64", statement->blob(3)};
    const size_t size = tensor.is_double ? sizeof(double) : sizeof(float);
    tensor.shape = shape_of(database, tensor.name, statement->text(1), tensor.bytes.size(), size);
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

std::vector<std::pair<std::string, std::int64_t>> read_blanks(Database& database, std::int64_t run) {
  Query statement(database, "SELECT probe, step FROM blanks WHERE run = ? ORDER BY probe, step");
  statement->bind(1, run);
  std::vector<std::pair<std::string, std::int64_t>> found;
  while (statement->step()) found.emplace_back(statement->text(0), statement->integer(1));
  return found;
}

std::vector<double> doubles(const Database& database, std::span<const std::byte> bytes) {
  if (bytes.size() % sizeof(double) != 0)
    throw Damaged(fmt::format("{}: the file is damaged: a measurement has {} bytes", database.file().string(),
                              bytes.size()));
  std::vector<double> values(bytes.size() / sizeof(double));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

void add_to_hash(Sha256& hash, const StoredRun& run, const std::vector<train::Tensor>& weights,
                 const std::vector<Series>& series) {
  hash.update(fmt::format("run {} {} {} {} {} {}\n", run.id, static_cast<int>(run.status), run.step, run.study_seed,
                          run.seed_index, run.identity));
  for (const train::Tensor& tensor : weights) {
    hash.update(fmt::format("weight {} {} {} {}\n", tensor.name, Json(tensor.shape).dump(),
                            tensor.is_double ? "float64" : "float32", tensor.bytes.size()));
    hash.update(std::span<const std::byte>(tensor.bytes));
  }
  for (const Series& one : series) {
    hash.update(fmt::format("series {} {} {}\n", one.probe, one.name, one.steps.size()));
    for (size_t i = 0; i < one.steps.size(); ++i) {
      hash.update(fmt::format("step {} {}\n", one.steps[i], one.values[i].size()));
      hash.update(std::as_bytes(std::span(one.values[i])));
    }
  }
}

std::string checksum_of(Database& database, const StoredRun& run, std::int64_t number, const std::vector<Series>& series) {
  Sha256 hash;
  add_to_hash(hash, run, read_weights(database, number), series);
  for (const auto& [probe, step] : read_blanks(database, number)) hash.update(fmt::format("blank {} {}\n", probe, step));
  return to_hex(hash.digest());
}

}  // namespace iclab::study
