#include "cli/axis_labels.h"

#include <fmt/format.h>

#include <algorithm>

namespace iclab::cli {
namespace {

std::string text_of(const Setting& setting, bool in_full) {
  if (const auto* text = std::get_if<std::string>(&setting)) return *text;
  if (const auto* real = std::get_if<double>(&setting); real && !in_full) return fmt::format("{:.6g}", *real);
  return to_text(setting);
}

// An axis that moves with others may have a value twice.
bool needs_all_digits(const study::Axis& axis) {
  std::vector<Setting> values = axis.values;
  std::ranges::sort(values);
  values.erase(std::ranges::unique(values).begin(), values.end());
  std::vector<std::string> texts;
  for (const Setting& value : values) texts.push_back(text_of(value, false));
  std::ranges::sort(texts);
  return std::ranges::adjacent_find(texts) != texts.end();
}

}  // namespace

AxisLabels::AxisLabels(const study::Study& study) {
  for (const study::Axis& axis : study.axes) in_full_.push_back(needs_all_digits(axis));
}

std::string AxisLabels::value(size_t axis, const Setting& setting) const { return text_of(setting, in_full_[axis]); }

std::string AxisLabels::point(const study::Point& point) const {
  std::string label;
  for (size_t i = 0; i < point.axes.size(); ++i)
    label += fmt::format("{}{} = {}", label.empty() ? "" : ", ", point.axes[i].first, value(i, point.axes[i].second));
  return label;
}

}  // namespace iclab::cli
