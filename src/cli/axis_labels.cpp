#include "cli/axis_labels.h"

#include <fmt/format.h>

#include <algorithm>

namespace iclab::cli {
namespace {

constexpr int kFewest = 6, kMost = 17;  // 17 digits tell any two doubles apart

std::string text_of(const Setting& setting, int digits) {
  if (const auto* text = std::get_if<std::string>(&setting)) return *text;
  if (const auto* real = std::get_if<double>(&setting)) return fmt::format("{:.{}g}", *real, digits);
  return to_text(setting);
}

// An axis that moves with others may have a value twice.
int digits_of(const study::Axis& axis) {
  std::vector<Setting> values = axis.values;
  std::ranges::sort(values);
  values.erase(std::ranges::unique(values).begin(), values.end());
  for (int digits = kFewest; digits < kMost; ++digits) {
    std::vector<std::string> texts;
    for (const Setting& value : values) texts.push_back(text_of(value, digits));
    std::ranges::sort(texts);
    if (std::ranges::adjacent_find(texts) == texts.end()) return digits;
  }
  return kMost;
}

}  // namespace

AxisLabels::AxisLabels(const study::Study& study) {
  for (const study::Axis& axis : study.axes) digits_.push_back(digits_of(axis));
}

std::string AxisLabels::value(size_t axis, const Setting& setting) const { return text_of(setting, digits_[axis]); }

std::string AxisLabels::point(const study::Point& point) const {
  std::string label;
  for (size_t i = 0; i < point.axes.size(); ++i)
    label += fmt::format("{}{} = {}", label.empty() ? "" : ", ", point.axes[i].first, value(i, point.axes[i].second));
  return label;
}

}  // namespace iclab::cli
