#include "tasks/item_label.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"

namespace iclab::tasks {
namespace {

using program::Stream;

class ItemLabel : public Task {
 public:
  explicit ItemLabel(const Settings& settings)
      : items_(settings.integer("items")), context_(settings.integer("context")),
        dim_(settings.integer("dim")) {
    if (items_ % 2 != 0)
      throw UsageError(fmt::format("task 'item-label': items: found {}, accepted is an even number, as "
                                   "half of the items have either label", items_));
  }

  Prompt sample(Builder& b) const override {
    const double scale = 1 / std::sqrt(static_cast<double>(dim_));
    const Value items = b.name(scale * b.normal(Stream::kTask, {items_, dim_}), "items");
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

}  // namespace

TaskEntry item_label_entry() {
  Parameter items{.name = "items", .kind = Kind::kInteger, .help = "items K, an even number"};
  items.minimum = 2;
  items.maximum = 1e7;
  Parameter context{.name = "context", .kind = Kind::kInteger, .help = "context items N"};
  context.minimum = 1;
  context.maximum = 1e5;
  Parameter dim{.name = "dim", .kind = Kind::kInteger, .help = "numbers D of an item"};
  dim.minimum = 1;
  dim.maximum = 1e5;
  return {"item-label", "Items with fixed labels; the target is among the context's items",
          "arXiv 2412.00104", {items, context, dim},
          [](const Settings& settings) { return std::make_unique<ItemLabel>(settings); }};
}

}  // namespace iclab::tasks
