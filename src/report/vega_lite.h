// A figure as a Vega-Lite v6 specification.
#pragma once

#include "base/json.h"
#include "report/figure.h"
#include "report/palette.h"

namespace iclab::report {

/// The specification without its rows. Every kind of row is one named layer (its points that never
/// happened another): theory, interval, measured, measured_never, seed, seed_never, bar,
/// reference_x, reference_y, reference; one mark (of a line: one vertex) a row. "data" has the
/// format of Figure::csv(); the caller adds "values". "usermeta" tells the page what it may adapt.
Json vega_lite(const Figure& figure, const Palette& palette);

/// The same with the rows inline as objects: opens in Altair and in the Vega editor as it is.
Json vega_lite_with_data(const Figure& figure, const Palette& palette);

}  // namespace iclab::report
