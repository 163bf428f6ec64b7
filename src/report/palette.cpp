#include "report/palette.h"

#include <algorithm>
#include <array>
#include <set>
#include <vector>

namespace iclab::report {
namespace {

// Blue, vermilion, green, purple, orange, sky blue, black, yellow: best contrast on white first.
constexpr std::array kColours = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                 "#E69F00", "#56B4E9", "#000000", "#F0E442"};
constexpr std::array kShapes = {"circle",      "square", "diamond",
                                "triangle-up", "cross",  "triangle-down"};
constexpr size_t kYellow = 7;  // hardly visible on white: only if seven others are taken

}  // namespace

Palette::Palette(std::span<const Figure* const> figures) {
  std::map<std::string, std::set<std::string>> meets;
  std::vector<std::string> names;
  for (const Figure* figure : figures) {
    const std::vector<std::string> series = figure->series();
    for (const std::string& name : series) {
      if (!meets.contains(name)) names.push_back(name);
      meets[name].insert(series.begin(), series.end());
    }
  }

  std::map<std::string, size_t> given;
  std::array<int, kColours.size()> uses{};
  std::set<std::pair<size_t, size_t>> pairs;  // of colour and shape, given out
  for (const std::string& name : names) {
    std::set<size_t> taken;
    for (const std::string& other : meets[name])
      if (given.contains(other)) taken.insert(given[other]);
    const size_t usable = taken.size() >= kYellow ? kColours.size() : kYellow;
    size_t best = kColours.size();
    for (size_t colour = 0; colour < usable; ++colour) {
      if (taken.contains(colour) && taken.size() < kColours.size()) continue;
      if (best == kColours.size() || uses[colour] < uses[best]) best = colour;
    }
    if (best == kColours.size()) best = kYellow;
    given[name] = best;
    ++uses[best];
    size_t shape = looks_.size() % kShapes.size();
    for (size_t tries = 0; tries < kShapes.size() && !pairs.insert({best, shape}).second; ++tries)
      shape = (shape + 1) % kShapes.size();
    looks_[name] = {kColours[best], kShapes[shape]};
  }
}

}  // namespace iclab::report
