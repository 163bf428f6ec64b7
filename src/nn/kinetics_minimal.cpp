#include "nn/kinetics_minimal.h"

#include <fmt/format.h>

#include <optional>

#include "base/error.h"
#include "nn/perceptron.h"

namespace iclab::nn {
namespace {

using program::Stream;

class KineticsMinimal : public Model {
 public:
  explicit KineticsMinimal(const Settings& settings)
      : attention_(attention_of(settings)), hidden_(settings.integer("hidden")), w_(settings.real("w")),
        beta_spread_(settings.has("beta_spread") ? settings.real("beta_spread") : 1.0) {
    if (settings.has("beta")) beta_ = settings.real("beta");
    if (beta_ && settings.has("beta_spread"))
      throw UsageError("model 'kinetics-minimal': found both beta and beta_spread; accepted is one of them");
    const bool sets_beta = beta_ || settings.has("beta_spread");
    if (attention_ == Attention::kNone && (sets_beta || w_ != 0))
      throw UsageError(fmt::format("model 'kinetics-minimal': found an initial {} with attention = 'none'; accepted is "
                                   "one of them", sets_beta ? "beta" : "w"));
  }

  Value predict(Builder& b, Weights& weights, const tasks::Prompt& prompt) const override {
    const Value from_memory = predict_alone(b, weights, prompt);
    if (attention_ == Attention::kNone) return b.name(from_memory, "prediction");

    const Value target = prompt["query"];
    const Value beta = weights.declare("beta", [&] {
      const Value drawn = beta_spread_ * b.normal(Stream::kModel, {});
      return beta_ ? b.constant(*beta_) : drawn;
    });
    const Value overlaps = prompt.has("overlaps") ? prompt["overlaps"] : matmul(prompt["items"], target);
    const Value labels = prompt["labels"];
    const Value pattern = b.name(softmax(beta * seen(overlaps, target)), "pattern");
    const Value copied = b.name(dot(slice(pattern, 0, 0, labels.shape()[0]), labels), "copied");
    const Value w = weights.declare("w", [&] { return b.constant(w_); });
    return b.name(from_memory + w * copied, "prediction");
  }

  Value predict_alone(Builder& b, Weights& weights, const tasks::Prompt& prompt) const override {
    return b.name(memory(b, weights, prompt["query"]), "mlp.out");
  }

 private:
  enum class Attention { kContext, kSelf, kNone };

  static Attention attention_of(const Settings& settings) {
    if (!settings.has("attention") || settings.text("attention") == "context") return Attention::kContext;
    return settings.text("attention") == "self" ? Attention::kSelf : Attention::kNone;
  }

  // The scores the softmax is over; the target's own is the last, if it is among them.
  Value seen(Value overlaps, Value target) const {
    if (attention_ == Attention::kContext) return overlaps;
    return program::concat({overlaps, reshape(dot(target, target), {1})}, 0);
  }

  Value memory(Builder& b, Weights& weights, Value x) const {
    const Value row = reshape(x, {1, x.shape()[0]});
    return reshape(perceptron(b, weights, "mlp", row, hidden_, 1), {});
  }

  Attention attention_;
  std::int64_t hidden_;
  double w_;
  std::optional<double> beta_;
  double beta_spread_;
};

}  // namespace

ModelEntry kinetics_minimal_entry() {
  Parameter hidden{.name = "hidden", .kind = Kind::kInteger, .help = "width H of the MLP"};
  hidden.fallback = std::int64_t{512};
  hidden.minimum = 1;
  hidden.maximum = 1e5;
  Parameter beta{.name = "beta", .kind = Kind::kReal, .help = "initial beta; none: drawn, another for each seed"};
  beta.optional = true;
  Parameter spread{.name = "beta_spread", .kind = Kind::kReal,
                   .help = "standard deviation of the drawn initial beta; none: 1"};
  spread.optional = true;
  spread.minimum = 0;
  Parameter w{.name = "w", .kind = Kind::kReal, .help = "initial w"};
  w.fallback = 0.0;
  Parameter attention{.name = "attention", .kind = Kind::kText,
                      .help = "softmax over the context, or self: with the target; none: the MLP alone"};
  attention.optional = true;
  attention.choices = {"context", "self", "none"};
  return {"kinetics-minimal", "MLP on the target plus attention on overlaps with the context's items",
          "arXiv 2412.00104", {hidden, beta, spread, w, attention},
          [](const Settings& settings) { return std::make_unique<KineticsMinimal>(settings); }};
}

}  // namespace iclab::nn
