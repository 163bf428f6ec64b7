#include "tasks/subspace_classes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/settings.h"
#include "base/text.h"

namespace iclab::tasks {

double SubspaceClass::power() const { return scale * scale * static_cast<double>(columns.size()); }

std::vector<SubspaceClass> shared_core(std::int64_t rank, std::int64_t components, std::int64_t shared) {
  const std::int64_t own = rank - shared;
  std::vector<SubspaceClass> classes(static_cast<size_t>(components));
  for (std::int64_t k = 0; k < components; ++k) {
    auto& columns = classes[static_cast<size_t>(k)].columns;
    for (std::int64_t j = 0; j < shared; ++j) columns.push_back(j);
    for (std::int64_t j = 0; j < own; ++j) columns.push_back(shared + k * own + j);
  }
  return classes;
}

std::vector<SubspaceClass> parse_classes(const std::string& text, std::int64_t dim) {
  std::vector<SubspaceClass> classes;
  const auto wrong = [&](const std::string& part, const std::string& message) {
    throw UsageError(fmt::format("classes '{}': '{}' {}; accepted are columns and a scale, like "
                                 "0,1@1/2,3@1.5", text, part, message));
  };
  for (const std::string& part : split(text, '/')) {
    SubspaceClass c;
    const std::vector<std::string> halves = split(part, '@');
    if (halves.empty() || halves.size() > 2) wrong(part, "is no class");
    Parameter column{.name = "columns", .kind = Kind::kIntegers};
    const Setting columns = parse_setting(column, halves[0], fmt::format("classes '{}'", text));
    c.columns = std::get<std::vector<std::int64_t>>(columns);
    if (c.columns.empty()) wrong(part, "has no columns");
    for (const std::int64_t j : c.columns) {
      if (j < 0 || j >= dim) wrong(part, fmt::format("has a column outside 0..{}", dim - 1));
      if (std::count(c.columns.begin(), c.columns.end(), j) > 1) wrong(part, "repeats a column");
    }
    if (halves.size() == 2) {
      Parameter scale{.name = "scale", .kind = Kind::kReal};
      c.scale = std::get<double>(parse_setting(scale, halves[1], fmt::format("classes '{}'", text)));
      if (!(c.scale > 0) || std::isinf(c.scale)) wrong(part, "has a scale that is not positive");
    }
    classes.push_back(std::move(c));
  }
  return classes;
}

std::vector<std::int64_t> used_columns(const std::vector<SubspaceClass>& classes) {
  std::vector<std::int64_t> all;
  for (const SubspaceClass& c : classes) all.insert(all.end(), c.columns.begin(), c.columns.end());
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

}  // namespace iclab::tasks
