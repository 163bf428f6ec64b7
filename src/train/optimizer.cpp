#include "train/optimizer.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "train/power.h"

namespace iclab::train {
namespace {

Parameter number(const std::string& name, const std::string& help, double fallback) {
  Parameter p{.name = name, .kind = Kind::kReal, .help = help};
  p.fallback = fallback;
  p.minimum = 0;
  return p;
}

Parameter learning_rate() {
  Parameter lr{.name = "lr", .kind = Kind::kReal, .help = "learning rate"};
  lr.minimum = 0;
  return lr;
}

Parameter below_one(Parameter p) {
  p.maximum = 1;
  p.below_maximum = true;
  return p;
}

std::vector<Parameter> adam_parameters(const Parameter& decay) {
  return {learning_rate(), below_one(number("beta1", "decay of the mean", 0.9)),
          below_one(number("beta2", "decay of the square", 0.999)),
          number("epsilon", "added after the root", 1e-8), decay};
}

void set_adam(const Settings& s, std::int64_t step, lanes::UpdateArgs& args) {
  args.lr = s.real("lr");
  args.b1 = s.real("beta1");
  args.b2 = s.real("beta2");
  args.epsilon = s.real("epsilon");
  args.decay = s.real("weight_decay");
  args.correction1 = 1.0 / (1.0 - whole_power(args.b1, step + 1));
  args.correction2 = 1.0 / (1.0 - whole_power(args.b2, step + 1));
}

}  // namespace

std::span<const OptimizerEntry> optimizer_registry() {
  const Parameter decay = number("weight_decay", "added to the gradient: decay * weight", 0);
  const Parameter decoupled = number("weight_decay", "shrinks each weight by lr * decay", 0.01);
  static const std::vector<OptimizerEntry> entries = {
      {"sgd", "theta -= lr * gradient", "", {learning_rate(), decay}, lanes::Update::kSgd, 0,
       [](const Settings& s, std::int64_t, lanes::UpdateArgs& args) {
         args.lr = s.real("lr");
         args.decay = s.real("weight_decay");
       }},
      {"momentum", "m = mu m + gradient; theta -= lr * m", "Polyak 1964",
       {learning_rate(), below_one(number("mu", "momentum", 0.9)), decay}, lanes::Update::kMomentum, 1,
       [](const Settings& s, std::int64_t, lanes::UpdateArgs& args) {
         args.lr = s.real("lr");
         args.mu = s.real("mu");
         args.decay = s.real("weight_decay");
       }},
      {"adam", "Adam, bias-corrected, epsilon added after the root", "arXiv 1412.6980",
       adam_parameters(decay), lanes::Update::kAdam, 2, set_adam},
      {"adamw", "Adam with decoupled weight decay: theta -= lr * decay * theta apart from its step",
       "arXiv 1711.05101", adam_parameters(decoupled), lanes::Update::kAdamW, 2, set_adam},
  };
  return entries;
}

const OptimizerEntry& find_optimizer(const std::string& name) {
  std::vector<std::string> names;
  for (const OptimizerEntry& entry : optimizer_registry()) {
    if (entry.name == name) return entry;
    names.push_back(entry.name);
  }
  throw UsageError(fmt::format("unknown optimizer '{}'; accepted are {}{}", name, join(names),
                               did_you_mean(name, names)));
}

}  // namespace iclab::train
