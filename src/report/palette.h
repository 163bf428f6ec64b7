// Colours and shapes: a series looks the same in every figure of a page.
#pragma once

#include <map>
#include <span>
#include <string>

#include "report/figure.h"

namespace iclab::report {

/// How a series is drawn: an Okabe-Ito colour ("#0072B2") and a point shape of Vega ("circle").
struct Look {
  std::string colour, shape;
};

/// Looks by name. Series that meet in a figure differ in colour (up to the eight there are); names
/// of different figures share one only after all have been given out. Neighbours differ in shape
/// too, and colour and shape together are a name's own (up to the 48 pairs there are). Colours: M.
/// Okabe and K. Ito, "Color Universal Design", 2008.
class Palette {
 public:
  explicit Palette(std::span<const Figure* const> figures);

  const Look& look(const std::string& series) const { return looks_.at(series); }

 private:
  std::map<std::string, Look> looks_;
};

}  // namespace iclab::report
