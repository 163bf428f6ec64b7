#include "study/export.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "study/results.h"

namespace iclab::study {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors are little-endian");

constexpr size_t kHeaderAlignment = 8;
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // as the reference implementation

// ---- safetensors --------------------------------------------------------------------------------

class HeaderReader {
 public:
  HeaderReader(const std::string& name, std::uint64_t data_bytes)
      : name_(name), data_bytes_(data_bytes) {}

  // Where a tensor's data lies, and the tensor without it.
  struct Entry {
    train::Tensor tensor;
    std::uint64_t begin, end;
  };

  std::vector<Entry> read(std::string_view text) const {
    std::set<std::string> names;
    bool twice = false;
    const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
      if (depth == 1 && event == Json::parse_event_t::key)
        twice = !names.insert(parsed.get<std::string>()).second || twice;
      return true;
    };
    const Json header = Json::parse(text, watch, false);
    if (!header.is_object() || twice)
      fail("found a header that is no JSON object with each name once");
    std::vector<Entry> entries;
    for (const auto& [name, value] : header.items())
      if (name != "__metadata__") entries.push_back(entry(name, value));
    // An empty tensor lies before the one that begins at the same byte.
    std::ranges::sort(entries, {}, [](const Entry& e) { return std::pair(e.begin, e.end); });
    std::uint64_t at = 0;
    for (const Entry& one : entries) {
      if (one.begin != at)
        fail(fmt::format("'{}' begins at byte {}, accepted is {}", one.tensor.name, one.begin, at));
      at = one.end;
    }
    if (at != data_bytes_)
      fail(fmt::format("found {} bytes of data, the header has {}", data_bytes_, at));
    return entries;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(fmt::format("{}: is not a safetensors file of weights: {}", name_, what));
  }

 private:
  Entry entry(const std::string& name, const Json& value) const {
    const auto is_size = [](const Json& x) { return x.is_number_unsigned(); };
    const auto sizes = [&](const char* key) {
      return value.contains(key) && value[key].is_array() &&
             std::ranges::all_of(value[key], is_size);
    };
    const bool whole = value.is_object() && value.size() == 3 && sizes("shape") &&
                       sizes("data_offsets") && value["data_offsets"].size() == 2 &&
                       value.contains("dtype") && value["dtype"].is_string();
    if (!whole) fail(fmt::format("'{}' needs dtype, shape and data_offsets", name));
    const std::string type = value["dtype"].get<std::string>();
    if (type != "F32" && type != "F64")
      fail(fmt::format("'{}' is {}, accepted are F32 and F64", name, type));

    Entry found{{name, {}, type == "F64", {}},
                value["data_offsets"][0].get<std::uint64_t>(),
                value["data_offsets"][1].get<std::uint64_t>()};
    std::uint64_t bytes = found.tensor.is_double ? sizeof(double) : sizeof(float);
    for (const Json& x : value["shape"]) {
      const auto extent = x.get<std::uint64_t>();
      if (extent > data_bytes_) fail(fmt::format("'{}' has the extent {}", name, extent));
      found.tensor.shape.push_back(static_cast<std::int64_t>(extent));
      bytes = extent != 0 && bytes > data_bytes_ / extent ? data_bytes_ + 1 : bytes * extent;
    }
    if (found.end > data_bytes_ || found.begin > found.end || found.end - found.begin != bytes)
      fail(fmt::format("'{}' lies from byte {} to {}, which does not fit its shape or the file",
                       name, found.begin, found.end));
    return found;
  }

  const std::string& name_;
  std::uint64_t data_bytes_;
};

// A store can be damaged; a file made of it must not look whole.
void check_bytes(const train::Tensor& tensor) {
  const double size = tensor.is_double ? sizeof(double) : sizeof(float);
  double wanted = size;  // a product of damaged extents may be no integer
  for (const std::int64_t extent : tensor.shape) wanted *= static_cast<double>(extent);
  const bool is_negative = std::ranges::any_of(tensor.shape, [](std::int64_t x) { return x < 0; });
  if (is_negative || static_cast<double>(tensor.bytes.size()) != wanted)
    throw Error(fmt::format("tensor '{}': found {} bytes, its shape [{}] needs {:.0f}", tensor.name,
                            tensor.bytes.size(), fmt::join(tensor.shape, ", "), wanted));
}

// ---- CSV ----------------------------------------------------------------------------------------

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

std::string cell(const Setting& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return quoted(*text);
  return quoted(to_text(value));
}

std::string header(const Study& study) {
  std::string text = "run";
  for (const Axis& axis : study.axes) text += fmt::format(",{}", quoted(axis.key));
  return text + ",seed";
}

// A run's part of series.csv, of one output.
std::string series_rows(const std::string& prefix, const std::string& probe, const Series& series) {
  std::string rows;
  for (size_t i = 0; i < series.steps.size(); ++i)
    for (size_t j = 0; j < series.values[i].size(); ++j)
      fmt::format_to(std::back_inserter(rows), "{},{},{},{},{},{}\n", prefix, quoted(probe), quoted(series.name),
                     series.steps[i], j, series.values[i][j]);
  return rows;
}

}  // namespace

std::vector<std::byte> to_safetensors(std::span<const train::Tensor> tensors,
                                      const std::map<std::string, std::string>& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t at = 0;
  for (const train::Tensor& tensor : tensors) {
    check_bytes(tensor);
    header[tensor.name] = {{"dtype", tensor.is_double ? "F64" : "F32"},
                           {"shape", tensor.shape},
                           {"data_offsets", {at, at + tensor.bytes.size()}}};
    at += tensor.bytes.size();
  }
  std::string text = header.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.resize((text.size() + kHeaderAlignment - 1) / kHeaderAlignment * kHeaderAlignment, ' ');

  const std::uint64_t size = text.size();
  std::vector<std::byte> bytes(sizeof size + size + at);
  std::memcpy(bytes.data(), &size, sizeof size);
  std::memcpy(bytes.data() + sizeof size, text.data(), size);
  auto out = bytes.begin() + static_cast<std::ptrdiff_t>(sizeof size + size);
  for (const train::Tensor& tensor : tensors) out = std::ranges::copy(tensor.bytes, out).out;
  return bytes;
}

std::vector<train::Tensor> from_safetensors(std::span<const std::byte> bytes,
                                            const std::string& name) {
  std::uint64_t size = 0;
  const bool has_size = bytes.size() >= sizeof size;
  if (has_size) std::memcpy(&size, bytes.data(), sizeof size);
  const bool fits = has_size && size <= kMaxHeaderBytes && size <= bytes.size() - sizeof size;
  const HeaderReader reader(name, fits ? bytes.size() - sizeof size - size : 0);
  if (!fits) reader.fail(fmt::format("found {} bytes and a header of {}", bytes.size(), size));

  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + sizeof size, size);
  const std::span<const std::byte> data = bytes.subspan(sizeof size + size);
  std::vector<train::Tensor> tensors;
  for (auto& entry : reader.read(text)) {
    const auto part = data.subspan(entry.begin, entry.end - entry.begin);
    entry.tensor.bytes.assign(part.begin(), part.end());
    tensors.push_back(std::move(entry.tensor));
  }
  return tensors;
}

void write_safetensors(const std::filesystem::path& file, std::span<const train::Tensor> tensors,
                       const std::map<std::string, std::string>& metadata) {
  const std::vector<std::byte> bytes = to_safetensors(tensors, metadata);
  write_whole(file, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::vector<train::Tensor> read_safetensors(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  if (!in.is_open() || in.bad()) throw Error(fmt::format("{}: cannot be read", file.string()));
  const std::string bytes = text.str();
  return from_safetensors(std::as_bytes(std::span(bytes)), file.string());
}

void write_csv(const std::filesystem::path& folder, const Study& study, const Store& store) {
  make_folder(folder);
  WholeFile runs(folder / "runs.csv"), series(folder / "series.csv");
  runs.write(header(study) + ",status,step,seconds,error\n");
  series.write(header(study) + ",probe,series,step,index,value\n");
  const StudyRuns stored(study, store);
  for (size_t p = 0; p < study.points.size(); ++p) {
    const Point& point = study.points[p];
    std::string axes;
    for (const auto& [key, value] : point.axes) axes += fmt::format(",{}", cell(value));
    const std::vector<RunView> views = stored.of(p);
    for (size_t seed = 0; seed < views.size(); ++seed) {
      const RunView& run = views[seed];
      if (!store.run(run.id)) continue;
      const std::string prefix = fmt::format("{}{},{}", run.id, axes, seed);
      runs.write(fmt::format("{},{},{},{},{}\n", prefix, state_name(run.state), run.step, run.seconds, quoted(run.why)));
      const std::vector<Series> all = store.series(run.id);
      for (const ProbeSpec& probe : point.probes)
        for (const Series& one : all)
          if (one.probe == probe.id) series.write(series_rows(prefix, probe.name, asked(one, probe, run)));
    }
  }
  runs.finish();
  series.finish();
}

}  // namespace iclab::study
