#include "papers/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "papers/paper.h"

namespace iclab::papers {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();

double number(const Json& value) { return value.is_number() ? value.get<double>() : kNoNumber; }

// The largest |number| of `want`, walking only where `got` has the same shape; false if it has not.
// Where they differ first is left in `path`.
bool same_shape(const Json& got, const Json& want, std::string& path, double& largest) {
  if (want.is_array() && got.is_array() && want.size() == got.size()) {
    for (size_t i = 0; i < want.size(); ++i) {
      std::string inner = fmt::format("{}[{}]", path, i);
      if (same_shape(got[i], want[i], inner, largest)) continue;
      path = inner;
      return false;
    }
    return true;
  }
  if (want.is_number() && got.is_number()) {
    largest = std::max(largest, std::fabs(want.get<double>()));
    return true;
  }
  return want.is_null() && got.is_null();
}

// The entry with the largest |got - want|; a NaN among them is the largest of all.
void find_worst(const Json& got, const Json& want, const std::string& path, double scale, Difference& worst) {
  if (want.is_array()) {
    for (size_t i = 0; i < want.size(); ++i)
      find_worst(got[i], want[i], fmt::format("{}[{}]", path, i), scale, worst);
    return;
  }
  if (want.is_null()) return;
  const double difference = std::fabs(number(got) - number(want)) / scale;
  const double error = std::isnan(difference) ? kInfinity : difference;
  if (error > worst.error) worst = {path, number(got), number(want), error, worst.tolerance};
}

// A number, or the text that stands for infinity.
double number_or_infinity(const Json& value) {
  return value.is_string() && value.get<std::string>() == "inf" ? kInfinity : number(value);
}

// The number with the largest |got - want| / max(|want|, kLeastScale); another shape is infinitely far.
void find_worst_each(const Json& got, const Json& want, const std::string& path, Difference& worst) {
  constexpr double kLeastScale = 1e-3;
  if (want.is_object() && got.is_object()) {
    for (const auto& [key, value] : want.items())
      find_worst_each(got.contains(key) ? got[key] : Json("missing"), value, path + "." + key, worst);
    return;
  }
  if (want.is_array() && got.is_array() && want.size() == got.size()) {
    for (size_t i = 0; i < want.size(); ++i)
      find_worst_each(got[i], want[i], fmt::format("{}[{}]", path, i), worst);
    return;
  }
  double error = kInfinity;
  if (want.is_number() && got.is_number()) {
    const double w = want.get<double>(), difference = std::fabs(got.get<double>() - w);
    if (!std::isnan(difference)) error = difference / std::max(std::fabs(w), kLeastScale);
  } else if (!want.is_structured() && !want.is_number() && got == want) {
    error = 0;
  }
  if (error > worst.error)
    worst = {path, number_or_infinity(got), number_or_infinity(want), error, worst.tolerance};
}

Json finite(double x) { return std::isfinite(x) ? Json(x) : Json(); }

Json to_json(const Difference& d) {
  return {{"path", d.path}, {"got", finite(d.got)}, {"want", finite(d.want)},
          {"error", finite(d.error)}, {"tolerance", d.tolerance}};
}

Json read_json(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  if (!std::filesystem::is_regular_file(file) || !(text << stream.rdbuf()))
    throw Error(fmt::format("{}: found no readable file, accepted is a file of test vectors",
                            file.string()));
  try {
    return Json::parse(text.str());
  } catch (const nlohmann::json::exception& error) {
    throw Error(fmt::format("{}: not JSON: {}", file.string(), error.what()));
  }
}

bool is_descriptive(const std::string& key) {
  return key == "paper" || key == "about" || key == "name" || key == "note" || key == "version" ||
         key == "meta";
}

}  // namespace

void Comparison::compare(const std::string& path, const Json& got, const Json& want, double tolerance) {
  Difference worst{path, number(got), number(want), 0, tolerance};
  std::string where = path;
  double largest = 0;
  if (same_shape(got, want, where, largest))
    find_worst(got, want, path, largest > 0 ? largest : 1.0, worst);
  else
    worst = {where, kNoNumber, kNoNumber, kInfinity, tolerance};
  count(worst);
}

void Comparison::compare_each(const std::string& path, const Json& got, const Json& want, double tolerance) {
  Difference worst{path, number_or_infinity(got), number_or_infinity(want), 0, tolerance};
  find_worst_each(got, want, path, worst);
  count(worst);
}

void Comparison::count(const Difference& worst) {
  if (worst.error <= worst.tolerance) ++passed_;
  else differences_.push_back(worst);
  const double ratio = worst.error == 0 ? 0 : worst.error / worst.tolerance;
  if (ratio > worst_ratio_) {
    worst_ratio_ = ratio;
    worst_ = worst;
  }
}

Verification verify_file(const std::filesystem::path& file) {
  const Json content = read_json(file);
  if (!content.is_object() || !content.contains("paper") || !content["paper"].is_string())
    throw Error(fmt::format("{}: found no key \"paper\", accepted is an object that names its paper",
                            file.string()));
  Verification verification{file.string(), content["paper"].get<std::string>(), {}, {}};
  try {
    const Paper& paper = find_paper(verification.paper);
    for (const auto& [section, value] : content.items())
      if (!is_descriptive(section) && !paper.verify(section, value, verification.comparison))
        verification.unknown.push_back(section);
  } catch (const Error& error) {
    throw Error(fmt::format("{}: {}", file.string(), error.what()));
  }
  const std::vector<std::string>& keys = verification.comparison.unknown();
  verification.unknown.insert(verification.unknown.end(), keys.begin(), keys.end());
  return verification;
}

Json to_json(const Verification& verification) {
  const Comparison& comparison = verification.comparison;
  Json json{{"file", verification.file},
            {"paper", verification.paper},
            {"passed", comparison.passed()},
            {"failed", comparison.failed()},
            {"unknown", verification.unknown.size()},
            {"worst", to_json(comparison.worst())},
            {"differences", Json::array()},
            {"unknown_sections", verification.unknown}};
  for (const Difference& difference : comparison.differences())
    json["differences"].push_back(to_json(difference));
  return json;
}

}  // namespace iclab::papers
