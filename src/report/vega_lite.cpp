#include "report/vega_lite.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace iclab::report {
namespace {

constexpr const char* kSchema = "https://vega.github.io/schema/vega-lite/v6.json";
constexpr int kWidth = 680, kHeight = 340, kPanelWidth = 260;  // pixels of a drawing area
constexpr size_t kDirectLabels = 4;           // up to so many series are named at their ends
constexpr double kLabelGap = 16.0 / kHeight;  // between two names, as a fraction of the height
constexpr int kAxisExtent = 42;               // pixels that the labels of a y axis take at least
constexpr size_t kDense = 60;  // from so many points of a series on they are drawn smaller

// "angle to the training subspace, θ (degrees)".
std::string axis_title(const Axis& axis) {
  std::string title = axis.word;
  if (!axis.symbol.empty()) title += (title.empty() ? "" : ", ") + axis.symbol;
  if (!axis.unit.empty()) title += " (" + axis.unit + ")";
  return title;
}

// A caption in lines as long as a figure is wide: Vega does not wrap.
std::vector<std::string> lines_of(const std::string& text) {
  constexpr size_t kLetters = 110;
  std::vector<std::string> lines;
  for (const std::string& word : split(text, ' ')) {
    const bool fits = !lines.empty() && lines.back().size() + 1 + word.size() <= kLetters;
    if (fits) lines.back() += " " + word;
    else lines.push_back(word);
  }
  return lines;
}

// The stretch of an axis that is drawn.
struct Domain {
  double from = 0, to = 1;
  bool log = false;

  // Where a value lies, 0 at the beginning, 1 at the end.
  double fraction(double value) const {
    return log ? std::log(value / from) / std::log(to / from) : (value - from) / (to - from);
  }
  double at(double part) const {
    return log ? from * std::pow(to / from, part) : from + part * (to - from);
  }
};

// Around `values`, a margin of `below` and `above` times the range added where the axis leaves it
// open.
Domain domain_of(const Axis& axis, const std::vector<double>& values, bool from_zero, double below,
                 double above) {
  Domain domain{.log = axis.log};
  double lo = kAbsent, hi = kAbsent;
  for (const double value : values) {
    if (!std::isfinite(value) || (axis.log && value <= 0)) continue;
    lo = std::isnan(lo) ? value : std::min(lo, value);
    hi = std::isnan(hi) ? value : std::max(hi, value);
  }
  if (std::isnan(lo)) lo = hi = 1;
  if (from_zero && !axis.log) {
    lo = std::min(lo, 0.0);
    hi = std::max(hi, 0.0);
    if (lo == 0) below = 0;
  }
  if (!std::isnan(axis.from)) lo = axis.from;
  if (!std::isnan(axis.to)) hi = axis.to;
  if (lo == hi) {  // one value: some room around it
    lo = axis.log ? lo / 2 : lo - 0.5 * std::max(std::abs(lo), 1.0);
    hi = axis.log ? hi * 2 : hi + 0.5 * std::max(std::abs(hi), 1.0);
  }
  domain.from = lo;
  domain.to = hi;
  const Domain tight = domain;
  if (std::isnan(axis.from)) domain.from = tight.at(-below);
  if (std::isnan(axis.to)) domain.to = tight.at(1 + above);
  return domain;
}

// Round numbers inside [from, to]: powers of ten over many decades, else 1, 2, 5.
std::vector<double> log_ticks(double from, double to) {
  const double decades = std::log10(to / from);
  const int first = static_cast<int>(std::floor(std::log10(from)));
  const int last = static_cast<int>(std::ceil(std::log10(to)));
  const int stride = std::max(1, static_cast<int>(std::ceil(decades / 7)));
  std::vector<double> factors = {1};
  if (decades < 3) factors = {1, 2, 5};
  if (decades < 0.8) factors = {1, 1.5, 2, 3, 4, 5, 6, 8};
  std::vector<double> ticks;
  for (int power = first; power <= last; power += stride)
    for (const double factor : factors) {
      // Divide by an exact power: 1e-3, not 0.001000...2.
      const double tick =
          power >= 0 ? factor * std::pow(10.0, power) : factor / std::pow(10.0, -power);
      if (tick >= from * (1 - 1e-9) && tick <= to * (1 + 1e-9)) ticks.push_back(tick);
    }
  return ticks;
}

// Multiples of 1, 2 or 5 times a power of ten, about six of them.
std::vector<double> linear_ticks(double from, double to) {
  const double raw = (to - from) / 6;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= raw) {
      step = factor * power;
      break;
    }
  std::vector<double> ticks;
  for (double k = std::ceil(from / step - 1e-9); k * step <= to + 1e-9 * step; ++k)
    ticks.push_back(k * step);
  return ticks;
}

// "10⁻³" where a number would be long, as an expression over the tick's value.
std::string power_labels(const std::vector<double>& ticks) {
  static const char* const kRaised[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string expression;
  for (const double tick : ticks) {
    const int power = static_cast<int>(std::floor(std::log10(tick) + 1e-9));
    if (power > -3 && power < 4) continue;
    const double factor = tick / std::pow(10.0, power);
    std::string label = std::abs(factor - 1) < 1e-6 ? "10" : fmt::format("{:.2g}·10", factor);
    if (power < 0) label += "⁻";
    for (const char digit : std::to_string(std::abs(power))) label += kRaised[digit - '0'];
    expression += fmt::format("datum.value > {:.6g} && datum.value < {:.6g} ? '{}' : ", tick * 0.99,
                              tick * 1.01, label);
  }
  return expression.empty() ? "" : expression + "datum.label";
}

// A filter on the kind of a row, with a further condition.
Json filter(RowKind kind, const std::string& condition = "") {
  std::string expression = fmt::format("datum.kind === '{}'", row_kind_name(kind));
  if (!condition.empty()) expression += " && " + condition;
  return {{"filter", expression}};
}

// A text inside an expression.
std::string quoted(const std::string& text) { return Json(text).dump(); }

class Drawing {
 public:
  Drawing(const Figure& figure, const Palette& palette)
      : figure_(figure),
        palette_(palette),
        rows_(figure.rows()),
        series_(figure.series()),
        panels_(figure.panel_names()),
        categories_(!figure.x_axis().categories.empty()) {
    std::vector<double> x, y;
    for (const Row& row : rows_) {
      x.insert(x.end(), {row.x, row.x2});
      y.insert(y.end(), {row.y, row.lo, row.hi});
      never_ = never_ || std::isinf(row.y);
      ++counts_[row.kind];
    }
    const bool bars = counts_[RowKind::kBar] > 0;
    x_ = domain_of(figure.x_axis(), x, false, 0.03, 0.03);
    if (categories_)
      x_ = {.from = -0.5, .to = static_cast<double>(figure.x_axis().categories.size()) - 0.5};
    highest_ = domain_of(figure.y_axis(), y, true, 0, 0).to;
    y_ = domain_of(figure.y_axis(), y, true, 0.05, never_ ? 0.16 : 0.06);
    for (const std::string& name : series_) {
      colours_.push_back(palette.look(name).colour);
      shapes_.push_back(palette.look(name).shape);
    }
    direct_ = series_.size() <= kDirectLabels && panels_.empty() && !categories_ && !bars;
    // With names on the x axis, a series that is a category needs no second name.
    named_by_axis_ = categories_ && (series_.size() <= 1 || series_ == figure.x_axis().categories);
  }

  Json specification() const {
    Json spec;
    spec["$schema"] = kSchema;
    spec["title"] = {{"text", figure_.title()}, {"anchor", "start"}};
    if (!figure_.caption().empty()) spec["title"]["subtitle"] = lines_of(figure_.caption());
    spec["description"] = figure_.title() + ". " + figure_.caption();
    spec["data"] = {{"format", {{"type", "csv"}, {"parse", parse()}}}};
    if (!derived().empty()) spec["transform"] = derived();
    if (panels_.empty()) {
      spec["width"] = kWidth;
      spec["height"] = kHeight;
      spec["layer"] = layers();
    } else {
      std::vector<std::string> headings;
      for (const std::string& panel : panels_) headings.push_back(panel_heading() + panel);
      spec["facet"] = {{"field", "heading"},
                       {"type", "nominal"},
                       {"sort", headings},
                       {"title", nullptr},
                       {"header", {{"labelFontWeight", 600}}}};
      spec["columns"] = std::min<size_t>(panels_.size(), 3);
      spec["spec"] = {{"width", kPanelWidth}, {"height", 0.8 * kHeight}, {"layer", layers()}};
    }
    spec["config"] = config();
    spec["usermeta"] = {{"panels", panels_.size()},
                        {"marks", rows_.size()},
                        {"label_letters", direct_ ? longest_series() : 0},
                        {"legend_entry_width", legend_entry_width()},
                        {"legend", direct_ ? legend() : Json()}};
    return spec;
  }

  // Rows as objects; absent values are left out, infinite ones are told by "never".
  Json values() const {
    Json result = Json::array();
    for (const Row& row : rows_) {
      Json object = {{"kind", row_kind_name(row.kind)}};
      const auto set = [&](const char* key, double value) {
        if (std::isfinite(value)) object[key] = value;
      };
      if (!row.panel.empty()) object["panel"] = row.panel;
      object["series"] = row.series;
      if (categories_ && !std::isnan(row.x)) {
        object["x"] = figure_.category(row.x);
      } else {
        set("x", row.x);
      }
      set("x2", row.x2);
      set("y", row.y);
      set("lo", row.lo);
      set("hi", row.hi);
      if (std::isinf(row.y)) object["never"] = true;
      if (row.seed >= 0) object["seed"] = row.seed;
      if (row.seeds > 0) object["seeds"] = row.seeds;
      if (!row.settings.empty()) object["settings"] = row.settings;
      result.push_back(std::move(object));
    }
    return result;
  }

 private:
  std::string panel_heading() const { return figure_.panel_word() + " = "; }

  // Columns that all layers share.
  Json derived() const {
    Json steps = Json::array();
    // Categories stand at 0, 1, ...: runs can be spread around them and a prediction drawn across.
    if (categories_)
      steps.push_back({{"calculate", fmt::format("indexof({}, datum.x)",
                                                 Json(figure_.x_axis().categories).dump())},
                       {"as", "place"}});
    if (!panels_.empty())
      steps.push_back(
          {{"calculate", quoted(panel_heading()) + " + datum.panel"}, {"as", "heading"}});
    return steps;
  }

  Json parse() const {
    Json types = {{"x2", "number"},      {"y", "number"},      {"lo", "number"},
                  {"hi", "number"},      {"never", "boolean"}, {"seed", "number"},
                  {"seeds", "number"},   {"series", "string"}, {"panel", "string"},
                  {"settings", "string"}};
    types["x"] = categories_ ? "string" : "number";
    return types;
  }

  // Pixels of a symbol and the longest name.
  size_t legend_entry_width() const { return 44 + 15 * longest_series() / 2; }

  size_t longest_series() const {
    size_t letters = 0;
    for (const std::string& name : series_) letters = std::max(letters, name.size());
    return letters;
  }

  // ---- axes ----------------------------------------------------------------------------------
  Json scale(const Domain& domain) const {
    Json result = {{"type", domain.log ? "log" : "linear"}, {"domain", {domain.from, domain.to}}};
    result["nice"] = false;
    if (!domain.log) result["zero"] = false;
    return result;
  }

  // Ticks up to `last`; beyond is the place of "never".
  Json axis(const Axis& axis, const Domain& domain, double last) const {
    Json result = {{"title", axis_title(axis)}};
    std::vector<double> ticks = axis.ticks;
    if (ticks.empty() && domain.log) ticks = log_ticks(domain.from, last);
    if (ticks.empty() && last < domain.to) ticks = linear_ticks(domain.from, last);
    if (ticks.empty()) {
      result["tickCount"] = 6;
    } else {
      result["values"] = ticks;
    }
    if (!domain.log) return result;
    result["format"] = "~g";
    const std::string labels = power_labels(ticks);
    if (!labels.empty()) result["labelExpr"] = labels;
    return result;
  }

  Json x(const std::string& field = "") const {
    const Axis& axis_x = figure_.x_axis();
    Json result = {{"field", field.empty() ? categories_ ? "place" : "x" : field},
                   {"type", "quantitative"},
                   {"scale", scale(x_)},
                   {"axis", axis(axis_x, x_, x_.to)}};
    if (!categories_) return result;
    std::vector<int> places(axis_x.categories.size());
    for (size_t i = 0; i < places.size(); ++i) places[i] = static_cast<int>(i);
    result["axis"] = {
        {"title", axis_title(axis_x)},
        {"values", places},
        {"ticks", false},
        {"labelExpr", fmt::format("split({}[datum.value], ' ')", Json(axis_x.categories).dump())}};
    return result;
  }

  Json y(const std::string& field = "y") const {
    Json result = {{"field", field}, {"type", "quantitative"}, {"scale", scale(y_)}};
    result["axis"] = axis(figure_.y_axis(), y_, never_ ? highest_ : y_.to);
    // Alone, the word stands upright above the axis; beside panels there is no room for it.
    if (panels_.empty()) {
      result["axis"].update({{"titleAngle", 0},
                             {"titleAlign", "left"},
                             {"titleBaseline", "bottom"},
                             {"minExtent", kAxisExtent},
                             {"titleX", -kAxisExtent},
                             {"titleY", -12}});
    }
    return result;
  }

  // ---- looks ---------------------------------------------------------------------------------
  Json legend() const {
    return {{"title", nullptr},
            {"orient", "top"},
            {"direction", "horizontal"},
            {"columns", std::max<size_t>(1, kWidth / legend_entry_width())},
            {"symbolSize", 70},
            {"labelLimit", 260},
            {"offset", panels_.empty() ? 34 : 10}};
  }

  Json look(const std::vector<std::string>& range) const {
    Json result = {{"field", "series"},
                   {"type", "nominal"},
                   {"scale", {{"domain", series_}, {"range", range}}}};
    result["legend"] = direct_ || named_by_axis_ ? Json() : legend();
    return result;
  }

  Json colour() const { return look(colours_); }
  Json shape() const { return look(shapes_); }

  // What hovering tells.
  Json hover(RowKind kind) const {
    const auto entry = [](const std::string& field, const std::string& title, bool real) {
      Json result = {
          {"field", field}, {"title", title}, {"type", real ? "quantitative" : "nominal"}};
      if (real) result["format"] = ".4~g";
      return result;
    };
    Json fields = {entry("series", "series", false),
                   entry("x", axis_title(figure_.x_axis()), !categories_),
                   entry("y_told", axis_title(figure_.y_axis()), false)};
    if (kind == RowKind::kMeasured)
      fields.insert(fields.end(), {entry("interval_told", "interval", false),
                                   entry("seeds_told", "seeds", false)});
    if (kind == RowKind::kSeed) fields.push_back(entry("seed", "seed", false));
    if (kind != RowKind::kBar) fields.push_back(entry("settings_told", "run", false));
    return fields;
  }

  Json told() const {
    const std::string infinite = "'" + figure_.y_axis().infinite + "'";
    return Json::array(
        {{{"calculate", "datum.never ? " + infinite + " : format(datum.y, '.4~g')"}, {"as", "y_told"}},
         {{"calculate",
           "isValid(datum.lo) ? '[' + format(datum.lo, '.4~g') + ', ' + (isValid(datum.hi) && "
           "isFinite(datum.hi) ? format(datum.hi, '.4~g') : " + infinite + ") + ']' : 'none'"},
          {"as", "interval_told"}},
         {{"calculate", "datum.seeds ? datum.seeds : 'exact'"}, {"as", "seeds_told"}},
         {{"calculate", "datum.settings || '–'"}, {"as", "settings_told"}}});
  }

  bool clipped() const {
    const Axis &a = figure_.x_axis(), &b = figure_.y_axis();
    return !(std::isnan(a.from) && std::isnan(a.to) && std::isnan(b.from) && std::isnan(b.to));
  }

  // ---- layers, from the back to the front ------------------------------------------------------
  Json layers() const {
    Json result = Json::array();
    if (count(RowKind::kBar)) result.push_back(bars());
    add_rules(result);
    add_curves(result);
    if (never_) add_never_edge(result);
    if (count(RowKind::kSeed)) add_points(result, RowKind::kSeed);
    if (count(RowKind::kTheory)) result.push_back(theory());
    if (has_intervals()) result.push_back(intervals());
    if (count(RowKind::kMeasured)) add_points(result, RowKind::kMeasured);
    if (direct_) add_series_names(result);
    return result;
  }

  int count(RowKind kind) const {
    const auto found = counts_.find(kind);
    return found == counts_.end() ? 0 : found->second;
  }

  bool has_intervals() const {
    return std::any_of(rows_.begin(), rows_.end(), [](const Row& row) {
      return row.kind == RowKind::kMeasured && !std::isnan(row.lo);
    });
  }

  Json bars() const {
    Json told_fields = told();
    told_fields.insert(told_fields.begin(), filter(RowKind::kBar));
    Json x_left = x();
    x_left["bin"] = "binned";
    Json height = y();
    height["stack"] = nullptr;
    return {{"name", "bar"},
            {"transform", told_fields},
            {"mark", {{"type", "bar"}, {"opacity", 0.45}, {"binSpacing", 1}}},
            {"encoding",
             {{"x", x_left},
              {"x2", {{"field", "x2"}}},
              {"y", height},
              {"color", colour()},
              {"tooltip", hover(RowKind::kBar)}}}};
  }

  Json theory() const {
    Json layer = {{"name", "theory"},
                  {"transform", Json::array({filter(RowKind::kTheory)})},
                  {"mark", {{"type", "line"}, {"strokeWidth", 2}, {"clip", clipped()}}},
                  {"encoding", {{"x", x()}, {"y", y()}, {"color", colour()}}}};
    if (!categories_) return layer;
    layer["transform"].push_back({{"calculate", "datum.place - 0.32"}, {"as", "left"}});
    layer["transform"].push_back({{"calculate", "datum.place + 0.32"}, {"as", "right"}});
    layer["mark"] = {{"type", "rule"}, {"strokeWidth", 2.25}};
    layer["encoding"]["x"] = x("left");
    layer["encoding"]["x2"] = {{"field", "right"}};
    return layer;
  }

  // An interval that reaches "never" ends at the upper edge, one that reaches 0 on a logarithmic
  // axis at the lower.
  Json intervals() const {
    const std::string lo = fmt::format("max(datum.lo, {})", y_.from);
    const std::string hi =
        fmt::format("isValid(datum.hi) && isFinite(datum.hi) ? min(datum.hi, {0}) : {0}", y_.to);
    return {
        {"name", "interval"},
        {"transform", Json::array({filter(RowKind::kMeasured, "isValid(datum.lo)"),
                                   {{"calculate", lo}, {"as", "lo_drawn"}},
                                   {{"calculate", hi}, {"as", "hi_drawn"}}})},
        {"mark", {{"type", "rule"}, {"strokeWidth", 1.75}}},
        {"encoding",
         {{"x", x()}, {"y", y("lo_drawn")}, {"y2", {{"field", "hi_drawn"}}}, {"color", colour()}}}};
  }

  // Measured values large, single runs small and pale; those that never happened on the upper edge.
  void add_points(Json& result, RowKind kind) const {
    const bool single = kind == RowKind::kSeed;
    const size_t dense = kDense * std::max<size_t>(1, series_.size());
    const bool small = static_cast<size_t>(count(kind)) > dense;
    Json transform = told();
    if (single && categories_)
      transform.push_back(
          {{"calculate", "datum.place + 0.4 * ((datum.seed * 0.6180339887) % 1) - 0.2"},
           {"as", "spread"}});
    const auto layer = [&](const std::string& name, const std::string& condition) {
      Json steps = transform;
      steps.insert(steps.begin(), filter(kind, condition));
      // Runs of one category are spread by a golden-ratio sequence of their seeds.
      Json encoding = {{"x", x(single && categories_ ? "spread" : "")},
                       {"y", y()},
                       {"color", colour()},
                       {"shape", shape()},
                       {"tooltip", hover(kind)}};
      Json mark = {{"type", "point"}, {"filled", true}, {"opacity", single ? 0.5 : 1.0}};
      mark["size"] = small ? 26 : single ? 38 : 64;
      mark["clip"] = clipped();
      return Json{{"name", name}, {"transform", steps}, {"mark", mark}, {"encoding", encoding}};
    };
    const std::string name = row_kind_name(kind);
    result.push_back(layer(name, "!datum.never"));
    const bool never = std::any_of(rows_.begin(), rows_.end(), [&](const Row& row) {
      return row.kind == kind && std::isinf(row.y);
    });
    if (!never) return;
    Json edge = layer(name + "_never", "datum.never");
    edge["mark"]["clip"] = false;
    edge["encoding"]["y"] = {{"value", 0}};
    result.push_back(std::move(edge));
  }

  // The place of "never" (or "infinite"): a line at the upper edge, named like a tick.
  void add_never_edge(Json& result) const {
    result.push_back({{"name", "never_edge"},
                      {"data", {{"values", Json::array({Json::object()})}}},
                      {"mark", {{"type", "rule"}, {"strokeDash", {1, 3}}, {"style", "reference"}}},
                      {"encoding", {{"y", {{"value", 0}}}}}});
    const Json one_row =
        Json::array({{{"filter", "true" + in_first_panel()}},
                     {{"aggregate", Json::array({{{"op", "count"}, {"as", "rows"}}})},
                      {"groupby", {"panel"}}}});
    const Json mark = {{"type", "text"},
                       {"text", figure_.y_axis().infinite},
                       {"align", "right"},
                       {"dx", -7},
                       {"style", "edge-word"}};
    result.push_back({{"name", "never_word"},
                      {"transform", one_row},
                      {"mark", mark},
                      {"encoding", {{"x", {{"value", 0}}}, {"y", {{"value", 0}}}}}});
  }

  // A further condition of a filter: what is written stands in one panel.
  std::string in_first_panel() const {
    return panels_.empty() ? "" : " && datum.panel === " + quoted(panels_.front());
  }

  // ---- references ------------------------------------------------------------------------------
  void add_rules(Json& result) const {
    bool vertical = false, horizontal = false, left = false, right = false;
    for (const Row& row : rows_) {
      if (row.kind != RowKind::kReference) continue;
      horizontal = horizontal || std::isnan(row.x);
      if (!std::isnan(row.y)) continue;
      vertical = true;
      (x_.fraction(row.x) < 0.6 ? left : right) = true;
    }
    const Json mark = {{"type", "rule"}, {"strokeDash", {5, 4}}, {"style", "reference"}};
    const std::string is_x = "!isValid(datum.y)", is_y = "!isValid(datum.x)";
    const auto word = [&](const std::string& name, const std::string& condition, const Json& place,
                          const Json& encoding) {
      Json text = {{"type", "text"}, {"style", "reference-word"}};
      text.update(place);
      Json words = encoding;
      words["text"] = {{"field", "series"}};
      result.push_back(
          {{"name", name},
           {"transform", Json::array({filter(RowKind::kReference, condition + in_first_panel())})},
           {"mark", text},
           {"encoding", words}});
    };
    if (vertical) {
      const std::string place = categories_ ? "datum.place" : "datum.x";
      const std::string middle = fmt::format("{}", x_.at(0.6));
      result.push_back({{"name", "reference_x"},
                        {"transform", Json::array({filter(RowKind::kReference, is_x)})},
                        {"mark", mark},
                        {"encoding", {{"x", x()}}}});
      const Json at_top = {{"x", x()}, {"y", {{"value", 0}}}};
      if (left)
        word("reference_x_word", is_x + " && " + place + " < " + middle,
             {{"align", "left"}, {"baseline", "top"}, {"dx", 5}, {"dy", 3}}, at_top);
      if (right)
        word("reference_x_word_left", is_x + " && " + place + " >= " + middle,
             {{"align", "right"}, {"baseline", "top"}, {"dx", -5}, {"dy", 3}}, at_top);
    }
    if (horizontal) {
      result.push_back({{"name", "reference_y"},
                        {"transform", Json::array({filter(RowKind::kReference, is_y)})},
                        {"mark", mark},
                        {"encoding", {{"y", y()}}}});
      word("reference_y_word", is_y,
           {{"align", "right"}, {"baseline", "bottom"}, {"dx", -3}, {"dy", -3}},
           {{"x", {{"value", "width"}}}, {"y", y()}});
    }
  }

  void add_curves(Json& result) const {
    const bool any = std::any_of(rows_.begin(), rows_.end(), [](const Row& row) {
      return row.kind == RowKind::kReference && !std::isnan(row.x) && !std::isnan(row.y);
    });
    if (!any) return;
    const std::string both = "isValid(datum.x) && isValid(datum.y)";
    result.push_back({{"name", "reference"},
                      {"transform", Json::array({filter(RowKind::kReference, both)})},
                      {"mark",
                       {{"type", "line"},
                        {"strokeDash", {5, 4}},
                        {"strokeWidth", 1.25},
                        {"style", "reference"},
                        {"clip", clipped()}}},
                      {"encoding", {{"x", x()}, {"y", y()}, {"detail", {{"field", "series"}}}}}});
    for (const CurveWord& word : curve_words())
      result.push_back(
          {{"name", fmt::format("reference_word_{}", word.number)},
           {"transform",
            Json::array({filter(
                RowKind::kReference,
                fmt::format("datum.series === {} && datum.x === {} && {}{}", quoted(word.label),
                            Json(word.x).dump(), both, in_first_panel()))})},
           {"mark",
            {{"type", "text"},
             {"align", "left"},
             {"baseline", word.rises ? "top" : "bottom"},
             {"dx", 5},
             {"dy", word.rises ? 3 : -3},
             {"style", "reference-word"}}},
           {"encoding", {{"x", x()}, {"y", y()}, {"text", {{"field", "series"}}}}}});
  }

  // Right of a curve's middle, above a falling and below a rising one.
  struct CurveWord {
    int number = 0;
    std::string label;
    double x = 0;
    bool rises = false;
  };
  std::vector<CurveWord> curve_words() const {
    std::map<std::string, std::vector<const Row*>> curves;
    for (const Row& row : rows_)
      if (row.kind == RowKind::kReference && !std::isnan(row.x) && !std::isnan(row.y) &&
          (panels_.empty() || row.panel == panels_.front()))
        curves[row.series].push_back(&row);
    std::vector<CurveWord> words;
    for (const auto& [label, points] : curves) {
      const bool rises = points.back()->y > points.front()->y;
      words.push_back({static_cast<int>(words.size()), label, points[points.size() / 2]->x, rises});
    }
    return words;
  }

  // ---- direct labels ---------------------------------------------------------------------------
  // The height at which each name stands: at the end of its line (without a line, its points),
  // moved apart where ends meet.
  std::vector<double> name_heights() const {
    std::vector<double> heights;
    for (const std::string& name : series_) {
      const Row* last = nullptr;
      for (const bool line : {true, false}) {
        for (const Row& row : rows_)
          if (row.series == name && std::isfinite(row.y) && row.kind != RowKind::kReference &&
              (row.kind == RowKind::kTheory) == line && (!last || row.x >= last->x))
            last = &row;
        if (last) break;
      }
      heights.push_back(last ? std::clamp(y_.fraction(last->y), 0.0, 1.0) : 1.0);
    }
    std::vector<size_t> order(heights.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return heights[a] < heights[b]; });
    // Upwards until nothing overlaps, then back under the edge.
    for (size_t i = 1; i < order.size(); ++i)
      heights[order[i]] = std::max(heights[order[i]], heights[order[i - 1]] + kLabelGap);
    double ceiling = 1;
    for (size_t i = order.size(); i-- > 0;) {
      heights[order[i]] = std::min(heights[order[i]], ceiling);
      ceiling = heights[order[i]] - kLabelGap;
    }
    return heights;
  }

  void add_series_names(Json& result) const {
    const std::vector<double> heights = name_heights();
    Json names = Json::array();
    for (size_t i = 0; i < series_.size(); ++i)
      names.push_back({{"series", series_[i]}, {"y", y_.at(heights[i])}});
    const Json data = {{"values", names}};
    const Json edge = {{"value", "width"}};
    result.push_back(
        {{"name", "label_dot"},
         {"data", data},
         {"mark",
          {{"type", "point"}, {"filled", true}, {"opacity", 1}, {"size", 50}, {"xOffset", 12}}},
         {"encoding", {{"x", edge}, {"y", y()}, {"color", colour()}, {"shape", shape()}}}});
    result.push_back(
        {{"name", "label"},
         {"data", data},
         {"mark", {{"type", "text"}, {"align", "left"}, {"dx", 21}, {"style", "label"}}},
         {"encoding", {{"x", edge}, {"y", y()}, {"text", {{"field", "series"}}}}}});
  }

  Json config() const {
    const char* sans = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";
    return {
        {"font", sans},
        {"background", "white"},
        {"view", {{"stroke", nullptr}}},
        {"axis",
         {{"labelFontSize", 12},
          {"titleFontSize", 12.5},
          {"titleFontWeight", 500},
          {"labelColor", "#444"},
          {"titleColor", "#222"},
          {"domainColor", "#888"},
          {"tickColor", "#888"},
          {"gridColor", "#e8e8e8"},
          {"tickSize", 4},
          {"labelPadding", 4},
          {"titlePadding", 10}}},
        {"axisY", {{"domain", false}, {"ticks", false}, {"labelPadding", 7}}},
        {"axisX", {{"grid", false}}},
        {"legend", {{"labelFontSize", 12.5}, {"labelColor", "#222"}, {"columnPadding", 18}}},
        {"header", {{"labelFontSize", 12.5}, {"titleFontSize", 12.5}, {"titleFontWeight", 500}}},
        {"title", {{"fontSize", 15}, {"subtitleFontSize", 12.5}, {"offset", 22}}},
        {"style",
         {{"reference", {{"color", "#777"}}},
          {"reference-word", {{"color", "#666"}, {"fontSize", 11.5}, {"fontStyle", "italic"}}},
          {"edge-word", {{"color", "#444"}, {"fontSize", 12}}},
          {"label", {{"color", "#222"}, {"fontSize", 12.5}}}}}};
  }

  const Figure& figure_;
  const Palette& palette_;
  std::vector<Row> rows_;
  std::vector<std::string> series_, panels_, colours_, shapes_;
  std::map<RowKind, int> counts_;
  Domain x_, y_;
  double highest_ = 1;  // largest value on the y axis; above it only "never"
  bool categories_ = false, never_ = false, direct_ = false, named_by_axis_ = false;
};

}  // namespace

Json vega_lite(const Figure& figure, const Palette& palette) {
  return Drawing(figure, palette).specification();
}

Json vega_lite_with_data(const Figure& figure, const Palette& palette) {
  const Drawing drawing(figure, palette);
  Json spec = drawing.specification();
  spec["data"] = {{"values", drawing.values()}};
  return spec;
}

}  // namespace iclab::report
