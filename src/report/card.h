// A claim as a card of the page, and the parts that other places of the page share with it.
#pragma once

#include <string>

#include "report/claim.h"
#include "report/palette.h"

namespace iclab::report {

/// "R", "N", "I", "…", "–": a verdict in one letter, so that colour never stands alone.
const char* verdict_letter(Verdict verdict);

/// The verdict's class in page.css: "reproduced", "not-reproduced", ...
const char* verdict_class(Verdict verdict);

/// A square of the strip of verdicts that leads to `link`.
std::string verdict_cell(const Claim& claim, const std::string& link);

/// A figure with its key, data and files. `checks` is the id of the table that says the same in
/// words.
std::string figure_html(const Figure& figure, const Palette& palette, const std::string& checks);

/// The card. The figure named `shown_above` is left out and pointed at.
std::string card_html(const Claim& claim, const Palette& palette, const std::string& shown_above);

}  // namespace iclab::report
