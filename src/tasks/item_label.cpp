#include "tasks/item_label.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "program/functions.h"

namespace iclab::tasks {
namespace {

using program::Stream;

constexpr std::int64_t kMostNovelItems = 20'000;

enum class Balance { kNone, kContext, kContextAndTarget };

// How a context is made of distinct items: the target, then the others.
struct Layout {
  std::int64_t context = 1;     // N
  std::int64_t copies = 1;      // n, in slots
  std::int64_t burstiness = 1;  // B: times a slot stands in the context
  Balance balance = Balance::kNone;
  bool shuffled = true;

  std::int64_t slots() const { return context / burstiness; }
  std::int64_t others() const { return slots() - copies; }

  /// Slots with the target's label.
  std::int64_t alike() const {
    return balance == Balance::kContextAndTarget ? (slots() - 1) / 2 : slots() / 2;
  }

  /// Labels of the distinct items relative to the target's.
  std::vector<double> balanced_signs() const {
    std::vector<double> signs(static_cast<size_t>(slots()), -1.0);
    std::fill_n(signs.begin(), alike(), 1.0);
    return signs;
  }

  /// Which of the distinct items stands in each place of the context, (N); invalid: each in its own place.
  Value places(Builder& b) const {
    std::vector<std::int64_t> item;
    for (std::int64_t c = 0; c < context; ++c) item.push_back(std::max<std::int64_t>(c / burstiness - copies + 1, 0));
    const bool in_place = copies == 1 && burstiness == 1;
    if (in_place && !shuffled) return {};
    const Value ordered = b.integer_constant({context}, item);
    return shuffled ? gather(ordered, rank(b.uniform(Stream::kPrompt, {context}))) : ordered;
  }
};

Value arranged(Value distinct, Value places) { return places.valid() ? gather(distinct, places) : distinct; }

// 1 at the places of the target, item 0.
Value copies_of_first(Builder& b, const Layout& layout, Value places) {
  const Value zero = b.integer_constant({}, {0});
  if (places.valid()) return to_real(equal(places, zero));
  std::vector<double> first(static_cast<size_t>(layout.context), 0.0);
  first[0] = 1;
  return b.constant({layout.context}, first);
}

Value item_table(Builder& b, Stream stream, std::int64_t rows, std::int64_t dim) {
  return (1 / std::sqrt(static_cast<double>(dim))) * b.normal(stream, {rows, dim});
}

// Infinitely many items: new ones in every prompt.
class FreshItems : public Task {
 public:
  FreshItems(const Layout& layout, std::int64_t dim, bool statistics)
      : layout_(layout), dim_(dim), statistics_(statistics) {}

  Prompt sample(Builder& b) const override {
    const std::int64_t distinct = layout_.others() + 1;
    Prompt prompt;
    const Value drawn = item_table(b, Stream::kPrompt, statistics_ ? 1 : distinct, dim_);
    const Value target = index(drawn, 0, 0);
    const Value labels = layout_.balance == Balance::kNone
                             ? b.sign(Stream::kPrompt, {distinct})
                             : b.sign(Stream::kPrompt, {}) * b.constant({distinct}, layout_.balanced_signs());
    const Value seen = statistics_ ? overlaps(b, target) : drawn;
    const Value places = layout_.places(b);
    prompt.set(statistics_ ? "overlaps" : "items", arranged(seen, places));
    prompt.set("labels", arranged(labels, places));
    prompt.set("query", target);
    prompt.set("copies", copies_of_first(b, layout_, places));
    prompt.set("target", index(labels, 0, 0));
    return prompt;
  }

  Prompt sample_set(Builder& b, const std::string& set) const override {
    if (set == "novel") return sample(b);
    throw UsageError(fmt::format("task 'item-label' with fresh_items = true: found set '{}', accepted is 'novel': "
                                 "it keeps no items", set));
  }

  std::optional<LinearMoments> moments(Builder&, const TestTasks&) const override { return {}; }

  bool targets_are_signs() const override { return true; }

  std::int64_t dim() const override { return dim_; }

 private:
  // Given the target x, another item's overlap with it is N(0, |x|^2/D).
  Value overlaps(Builder& b, Value x) const {
    const Value square_norm = dot(x, x);
    const Value own = reshape(square_norm, {1});
    if (layout_.others() == 0) return own;
    const Value others = (1 / std::sqrt(static_cast<double>(dim_))) * sqrt(square_norm) *
                         b.normal(Stream::kPrompt, {layout_.others()});
    return program::concat({own, others}, 0);
  }

  Layout layout_;
  std::int64_t dim_;
  bool statistics_;
};

// K items, drawn once a run with their labels. How a prompt draws from them is left open.
class KeptItems : public Task {
 public:
  KeptItems(std::int64_t items, std::int64_t context, std::int64_t dim, double zipf)
      : items_(items), context_(context), dim_(dim), zipf_(zipf) {
    if (zipf == 0) return;
    for (std::int64_t k = 1; k <= items; ++k) weights_.push_back(lanes::host_binary(lanes::Binary::kPower, static_cast<double>(k), -zipf));
    const double total = std::accumulate(weights_.begin(), weights_.end(), 0.0);
    for (double& weight : weights_) weight /= total;
  }

  std::optional<LinearMoments> moments(Builder&, const TestTasks&) const override { return {}; }

  bool targets_are_signs() const override { return true; }

  std::int64_t dim() const override { return dim_; }

  std::int64_t kept_items() const override { return items_; }

  Prompt kept_item(Builder& b, Value k) const override {
    const Table table = declare(b);
    Prompt prompt;
    prompt.set("query", gather(table.items, k));
    prompt.set("target", gather(table.labels, k));
    if (zipf_ > 0) {
      std::vector<double> weights = weights_;
      for (double& weight : weights) weight *= static_cast<double>(items_);
      prompt.set("weight", gather(b.constant({items_}, weights), k));
    }
    return prompt;
  }

 protected:
  struct Table {
    Value items, labels;  // (K, D), (K)
  };

  // The first of a program's draws that are made once a run, so that every program has the same items.
  Table declare(Builder& b) const {
    const Value items = b.name(item_table(b, Stream::kTask, items_, dim_), "items");
    return {items, b.name(labels(b), "labels")};
  }

  // Half 1, half -1, in random order.
  virtual Value labels(Builder& b) const {
    const Value order = rank(b.uniform(Stream::kTask, {items_}));
    return select(order < b.integer_constant({}, {items_ / 2}), b.constant(1.0), b.constant(-1.0));
  }

  // Independent items, with probabilities p_k.
  Value any_items(Builder& b, const program::Shape& shape) const {
    return zipf_ > 0 ? b.categorical(Stream::kPrompt, shape, weights_) : b.integers(Stream::kPrompt, shape, items_);
  }

  static Prompt prompt_of(const Table& table, Value context, Value target) {
    Prompt prompt;
    prompt.set("items", gather(table.items, context));
    prompt.set("labels", gather(table.labels, context));
    prompt.set("query", gather(table.items, target));
    prompt.set("target", gather(table.labels, target));
    prompt.set("copies", to_real(equal(context, target)));
    return prompt;
  }

  // The target and N other items; with fewer than these, others with repetitions.
  Prompt trained_prompt(Builder& b) const {
    const Table table = declare(b);
    if (items_ <= context_) {
      const Value target = b.integers(Stream::kPrompt, {}, items_);
      return prompt_of(table, shifted_past(b.integers(Stream::kPrompt, {context_}, items_ - 1), target), target);
    }
    const Value distinct = distinct_items(b, context_ + 1);
    const Value order = rank(b.uniform(Stream::kPrompt, {context_ + 1}));
    const Value mixed = gather(distinct, order);
    return prompt_of(table, slice(mixed, 0, 1, context_), index(mixed, 0, 0));
  }

  // Indices from 0 on, without `left_out`.
  static Value shifted_past(Value indices, Value left_out) {
    return indices + to_integer(left_out <= indices);
  }

  // A uniform set of `count` items, in no particular order (R. W. Floyd, CACM 30, 1987).
  Value distinct_items(Builder& b, std::int64_t count) const {
    Value chosen = b.integer_constant({count}, {-1});
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t last = items_ - count + i;
      const Value drawn = b.integers(Stream::kPrompt, {}, last + 1);
      const Value taken = sum(to_real(equal(chosen, drawn)));
      const Value item = select(b.constant(0.0) < taken, b.integer_constant({}, {last}), drawn);
      std::vector<std::int64_t> place(static_cast<size_t>(count));
      std::iota(place.begin(), place.end(), 0);
      chosen = select(equal(b.integer_constant({count}, place), b.integer_constant({}, {i})), item, chosen);
    }
    return chosen;
  }

  std::int64_t items_, context_, dim_;
  double zipf_;
  std::vector<double> weights_;  // p_k; none: all alike
};

// The paper's own sampler: N independent items; the target's own draw if the context has it, else one of these.
class IndependentItems : public KeptItems {
 public:
  using KeptItems::KeptItems;

  Prompt sample(Builder& b) const override { return sample_from(b, declare(b), items_, false); }

  Prompt sample_set(Builder& b, const std::string& set) const override {
    if (set == "trained") return trained_prompt(b);
    if (set != "novel") return Task::sample_set(b, set);
    declare(b);  // its draws come first
    const std::int64_t novel = novel_items();
    const Value items = item_table(b, Stream::kTask, novel, dim_);
    return sample_from(b, {items, b.sign(Stream::kTask, {novel})}, novel, true);
  }

  std::optional<std::int64_t> shared_items(const std::string& set) const override {
    if (set == "novel") return novel_items();
    return {};
  }

 private:
  std::int64_t novel_items() const { return std::min(items_, kMostNovelItems); }

  Prompt sample_from(Builder& b, const Table& table, std::int64_t rows, bool uniform) const {
    const auto draw = [&](const program::Shape& shape) {
      return uniform ? b.integers(Stream::kPrompt, shape, rows) : any_items(b, shape);
    };
    const Value context = draw({context_});
    const Value drawn = draw({});
    const Value place = b.integers(Stream::kPrompt, {}, context_);
    const Value copies = sum(to_real(equal(context, drawn)));
    const Value target = select(b.constant(0.0) < copies, drawn, gather(context, place));
    return prompt_of(table, context, b.name(target, "target"));
  }
};

// The target a given number of times; the others differ from it.
class ExactCopies : public KeptItems {
 public:
  ExactCopies(std::int64_t items, const Layout& layout, std::int64_t dim, double zipf)
      : KeptItems(items, layout.context, dim, zipf), layout_(layout), fresh_(layout, dim, false) {}

  Prompt sample(Builder& b) const override {
    const Table table = declare(b);
    const Value target = b.name(any_items(b, {}), "target");
    std::vector<Value> distinct{reshape(target, {1})};
    if (layout_.balance == Balance::kNone) {
      if (layout_.others() > 0)
        distinct.push_back(zipf_ > 0 ? others_by_weight(b, target)
                                     : shifted_past(b.integers(Stream::kPrompt, {layout_.others()}, items_ - 1), target));
    } else {
      for (const Value part : balanced_others(b, target)) distinct.push_back(part);
    }
    const Value indices = distinct.size() == 1 ? distinct[0] : program::concat(distinct, 0);
    return prompt_of(table, arranged(indices, layout_.places(b)), target);
  }

  Prompt sample_set(Builder& b, const std::string& set) const override {
    if (set == "trained") return trained_prompt(b);
    if (set == "novel") return fresh_.sample(b);
    return Task::sample_set(b, set);
  }

 private:
  // Where prompts choose by label, items 0 .. K/2 - 1 have label 1: they are exchangeable.
  Value labels(Builder& b) const override {
    if (layout_.balance == Balance::kNone) return KeptItems::labels(b);
    std::vector<double> halves(static_cast<size_t>(items_), -1.0);
    std::fill_n(halves.begin(), items_ / 2, 1.0);
    return b.constant({items_}, halves);
  }

  // Others with the target's label, then those with the other one.
  std::vector<Value> balanced_others(Builder& b, Value target) const {
    const std::int64_t half = items_ / 2, alike = layout_.alike() - 1, unlike = layout_.slots() - layout_.alike();
    const Value in_first = to_integer(target < b.integer_constant({}, {half}));
    const Value size = b.integer_constant({}, {half}), one = b.integer_constant({}, {1});
    const Value own = (one - in_first) * size, other = in_first * size;  // where the halves begin
    std::vector<Value> parts;
    if (alike > 0)
      parts.push_back(own + shifted_past(b.integers(Stream::kPrompt, {alike}, half - 1), target - own));
    if (unlike > 0) parts.push_back(other + b.integers(Stream::kPrompt, {unlike}, half));
    return parts;
  }

  // From p restricted to k != target: the inverse of its distribution function, by bisection in steps of powers
  // of two. The weights are summed from the smallest on, for the sake of the rare ones.
  Value others_by_weight(Builder& b, Value target) const {
    const std::int64_t most = static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(items_)));
    std::vector<double> before(static_cast<size_t>(most), 2.0);  // total of the j smallest weights; beyond K never reached
    double total = 0;
    for (std::int64_t j = 0; j < items_; ++j) {
      before[static_cast<size_t>(j)] = total;
      total += weights_[static_cast<size_t>(items_ - 1 - j)];
    }
    const Value table = b.constant({most}, before);
    const Value last = b.integer_constant({}, {items_ - 1});
    const Value own = gather(b.constant({items_}, weights_), target);
    const Value own_before = gather(table, last - target);
    const Value drawn = (1.0 - own) * b.uniform(Stream::kPrompt, {layout_.others()});
    const Value point = select(drawn < own_before, drawn, drawn + own);
    Value found = b.integer_constant({layout_.others()}, {0});
    for (std::int64_t step = most / 2; step > 0; step /= 2) {
      const Value further = found + b.integer_constant({}, {step});
      found = select(gather(table, further) <= point, further, found);
    }
    // Rounding may leave the point just inside the target's own interval: then its neighbour it is.
    const Value ascending = b.name(last - found, "ascending");
    const Value neighbour = select(equal(target, b.integer_constant({}, {0})), target + b.integer_constant({}, {1}),
                                   target - b.integer_constant({}, {1}));
    return select(equal(ascending, target), neighbour, ascending);
  }

  Layout layout_;
  FreshItems fresh_;
};

// ---- settings -----------------------------------------------------------------------------------

Balance balance_of(const Settings& settings) {
  if (!settings.has("balance") || settings.text("balance") == "none") return Balance::kNone;
  return settings.text("balance") == "context" ? Balance::kContext : Balance::kContextAndTarget;
}

std::int64_t integer_or(const Settings& settings, const std::string& key, std::int64_t otherwise) {
  return settings.has(key) ? settings.integer(key) : otherwise;
}

[[noreturn]] void refuse(const std::string& key, const std::string& found, const std::string& accepted) {
  throw UsageError(fmt::format("task 'item-label': {}: found {}, accepted is {}", key, found, accepted));
}

Layout layout_of(const Settings& settings) {
  Layout layout;
  layout.context = settings.integer("context");
  layout.copies = integer_or(settings, "copies", 1);
  layout.burstiness = integer_or(settings, "burstiness", 1);
  layout.balance = balance_of(settings);
  layout.shuffled = settings.has("order") ? settings.text("order") == "shuffled" : settings.text("sampler") != "statistics";
  if (layout.context % layout.burstiness != 0)
    refuse("burstiness", fmt::to_string(layout.burstiness), fmt::format("a divisor of the context's {} items", layout.context));
  if (layout.copies > layout.slots())
    refuse("copies", fmt::to_string(layout.copies),
           fmt::format("at most {}, the distinct places of a context of {} with burstiness {}", layout.slots(), layout.context,
                       layout.burstiness));
  const bool odd = layout.slots() % 2 != 0;
  if (layout.balance != Balance::kNone && layout.copies != 1)
    refuse("balance", fmt::format("'{}' with copies = {}", settings.text("balance"), layout.copies), "copies = 1");
  if (layout.balance == Balance::kContext && odd)
    refuse("balance", fmt::format("'context' for {} context items", layout.slots()), "an even number of them");
  if (layout.balance == Balance::kContextAndTarget && (!odd || layout.slots() < 3))
    refuse("balance", fmt::format("'context-and-target' for {} context items", layout.slots()), "an odd number of them from 3 on");
  return layout;
}

// Without `copies` the context is drawn as it comes: nothing can be asked of it.
void refuse_without_copies(const Settings& settings) {
  for (const std::string key : {"burstiness", "balance", "order"})
    if (settings.has(key)) refuse(key, "it without copies", fmt::format("{} together with copies", key));
}

std::unique_ptr<Task> make_fresh(const Settings& settings) {
  if (settings.has("zipf")) refuse("zipf", "it with fresh_items = true", "zipf with items");
  return std::make_unique<FreshItems>(layout_of(settings), settings.integer("dim"), settings.text("sampler") == "statistics");
}

std::unique_ptr<Task> make_kept(const Settings& settings) {
  const std::int64_t items = settings.integer("items"), context = settings.integer("context"), dim = settings.integer("dim");
  const double zipf = settings.has("zipf") ? settings.real("zipf") : 0;
  if (settings.text("sampler") == "statistics")
    throw UsageError("task 'item-label': sampler 'statistics' is for fresh_items = true; items accept 'prompts'");
  if (items % 2 != 0)
    throw UsageError(fmt::format("task 'item-label': items: found {}, accepted is an even number, as half of the items "
                                 "have either label", items));
  if (!settings.has("copies")) {
    refuse_without_copies(settings);
    return std::make_unique<IndependentItems>(items, context, dim, zipf);
  }
  const Layout layout = layout_of(settings);
  if (layout.balance != Balance::kNone && zipf > 0)
    refuse("balance", fmt::format("'{}' with zipf = {}", settings.text("balance"), zipf), "one of them");
  if (layout.balance != Balance::kNone && items < 4 && layout.alike() > 1)
    refuse("items", fmt::to_string(items), "at least 4 with balance: others of the target's label");
  return std::make_unique<ExactCopies>(items, layout, dim, zipf);
}

std::unique_ptr<Task> make_item_label(const Settings& settings) {
  const bool fresh = settings.boolean("fresh_items");
  if (fresh == settings.has("items"))
    throw UsageError(fmt::format("task 'item-label': found {} fresh_items = true; accepted is one of them",
                                 fresh ? "both items and" : "neither items nor"));
  return fresh ? make_fresh(settings) : make_kept(settings);
}

Parameter optional_integer(const std::string& name, const std::string& help) {
  Parameter parameter{.name = name, .kind = Kind::kInteger, .help = help};
  parameter.optional = true;
  parameter.minimum = 1;
  parameter.maximum = 1e5;
  return parameter;
}

Parameter optional_choice(const std::string& name, const std::string& help, const std::vector<std::string>& choices) {
  Parameter parameter{.name = name, .kind = Kind::kText, .help = help};
  parameter.optional = true;
  parameter.choices = choices;
  return parameter;
}

}  // namespace

TaskEntry item_label_entry() {
  Parameter items{.name = "items", .kind = Kind::kInteger, .help = "items K, an even number"};
  items.optional = true;
  items.minimum = 2;
  items.maximum = 1e7;
  Parameter fresh{.name = "fresh_items", .kind = Kind::kBoolean,
                  .help = "instead of items: K infinite, new items and labels in every prompt"};
  fresh.fallback = false;
  Parameter sampler{.name = "sampler", .kind = Kind::kText,
                    .help = "prompts, or statistics of fresh items: overlaps with the target"};
  sampler.fallback = std::string("prompts");
  sampler.choices = {"prompts", "statistics"};
  Parameter context{.name = "context", .kind = Kind::kInteger, .help = "context items N"};
  context.minimum = 1;
  context.maximum = 1e5;
  Parameter dim{.name = "dim", .kind = Kind::kInteger, .help = "numbers D of an item"};
  dim.minimum = 1;
  dim.maximum = 1e5;
  Parameter zipf{.name = "zipf", .kind = Kind::kReal, .help = "item k is drawn with weight k^-zipf; none: all alike"};
  zipf.optional = true;
  zipf.minimum = 0;
  zipf.maximum = 20;
  return {"item-label", "Labelled items; the target is among the context's items", "arXiv 2412.00104",
          {items, fresh, sampler, context, dim,
           optional_integer("copies", "the target stands n times in the context, the others differ from it; none: "
                                      "independent items, the target one of them"),
           optional_integer("burstiness", "each item of a context of N/B stands B times; none: once"),
           optional_choice("balance", "labels half either way, in the context or with the target's; none: as they come",
                           {"none", "context", "context-and-target"}),
           optional_choice("order", "of the context, given copies or fresh items; none: shuffled (statistics: the "
                                    "copies first)", {"shuffled", "copies-first"}),
           zipf},
          make_item_label};
}

}  // namespace iclab::tasks
