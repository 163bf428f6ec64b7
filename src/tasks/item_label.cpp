#include "tasks/item_label.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"

namespace iclab::tasks {
namespace {

using program::Stream;

double item_scale(std::int64_t dim) { return 1 / std::sqrt(static_cast<double>(dim)); }

// A finite number of items: a table and its labels, drawn once a run.
class TabledItems : public Task {
 public:
  TabledItems(std::int64_t items, std::int64_t context, std::int64_t dim)
      : items_(items), context_(context), dim_(dim) {
    if (items_ % 2 != 0)
      throw UsageError(fmt::format("task 'item-label': items: found {}, accepted is an even number, as "
                                   "half of the items have either label", items_));
  }

  Prompt sample(Builder& b) const override {
    const Value items = b.name(item_scale(dim_) * b.normal(Stream::kTask, {items_, dim_}), "items");
    const Value labels = b.name(balanced_labels(b), "labels");

    const Value context = b.integers(Stream::kPrompt, {context_}, items_);
    const Value target = b.name(target_in(b, context), "target");
    Prompt prompt;
    prompt.set("items", gather(items, context));
    prompt.set("labels", gather(labels, context));
    prompt.set("query", gather(items, target));
    prompt.set("target", gather(labels, target));
    return prompt;
  }

  std::optional<LinearMoments> moments(Builder&, const TestTasks&) const override { return {}; }

  std::int64_t dim() const override { return dim_; }

 private:
  // Half 1, half -1, in random order.
  Value balanced_labels(Builder& b) const {
    const Value order = rank(b.uniform(Stream::kTask, {items_}));
    return select(order < b.integer_constant({}, {items_ / 2}), b.constant(1.0), b.constant(-1.0));
  }

  // An index uniform among all; if the context lacks it, a uniformly chosen one of the context.
  Value target_in(Builder& b, Value context) const {
    const Value drawn = b.integers(Stream::kPrompt, {}, items_);
    const Value place = b.integers(Stream::kPrompt, {}, context_);
    const Value copies = sum(to_real(equal(context, drawn)));
    return select(b.constant(0.0) < copies, drawn, gather(context, place));
  }

  std::int64_t items_, context_, dim_;
};

// Infinitely many items: new ones in every prompt, with independent labels.
class FreshItems : public Task {
 public:
  FreshItems(std::int64_t context, std::int64_t dim, bool statistics)
      : context_(context), dim_(dim), statistics_(statistics) {}

  Prompt sample(Builder& b) const override { return statistics_ ? overlaps(b) : items(b); }

  std::optional<LinearMoments> moments(Builder&, const TestTasks&) const override { return {}; }

  std::int64_t dim() const override { return dim_; }

 private:
  Prompt items(Builder& b) const {
    const Value items = item_scale(dim_) * b.normal(Stream::kPrompt, {context_, dim_});
    const Value labels = b.sign(Stream::kPrompt, {context_});
    const Value place = b.name(b.integers(Stream::kPrompt, {}, context_), "place");
    Prompt prompt;
    prompt.set("items", items);
    prompt.set("labels", labels);
    prompt.set("query", gather(items, place));
    prompt.set("target", gather(labels, place));
    return prompt;
  }

  // Given the target x, another item's overlap with it is N(0, |x|^2/D). The copy stands first.
  Prompt overlaps(Builder& b) const {
    const Value x = item_scale(dim_) * b.normal(Stream::kPrompt, {dim_});
    const Value labels = b.sign(Stream::kPrompt, {context_});
    const Value square_norm = dot(x, x);
    const Value copy = reshape(square_norm, {1});
    Prompt prompt;
    if (context_ == 1) {
      prompt.set("overlaps", copy);
    } else {
      const Value others = item_scale(dim_) * sqrt(square_norm) * b.normal(Stream::kPrompt, {context_ - 1});
      prompt.set("overlaps", program::concat({copy, others}, 0));
    }
    prompt.set("labels", labels);
    prompt.set("query", x);
    prompt.set("target", index(labels, 0, 0));
    return prompt;
  }

  std::int64_t context_, dim_;
  bool statistics_;
};

std::unique_ptr<Task> make_item_label(const Settings& settings) {
  const std::int64_t context = settings.integer("context"), dim = settings.integer("dim");
  const bool fresh = settings.boolean("fresh_items");
  if (fresh == settings.has("items"))
    throw UsageError(fmt::format("task 'item-label': found {} fresh_items = true; accepted is one of them",
                                 fresh ? "both items and" : "neither items nor"));
  const bool statistics = settings.text("sampler") == "statistics";
  if (fresh) return std::make_unique<FreshItems>(context, dim, statistics);
  if (statistics)
    throw UsageError("task 'item-label': sampler 'statistics' is for fresh_items = true; items accept 'prompts'");
  return std::make_unique<TabledItems>(settings.integer("items"), context, dim);
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
  return {"item-label", "Labelled items; the target is among the context's items", "arXiv 2412.00104",
          {items, fresh, sampler, context, dim}, make_item_label};
}

}  // namespace iclab::tasks
