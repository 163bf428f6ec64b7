#include "nn/perceptron.h"

#include "nn/initial.h"

namespace iclab::nn {

Value perceptron(Builder& b, Weights& weights, const std::string& prefix, Value rows, std::int64_t hidden,
                 std::int64_t outputs) {
  const Initial initial = uniform_initial();
  const auto layer = [&](const std::string& letter, Value from, std::int64_t to) {
    return linear(b, weights, prefix, letter, from, to, true, initial);
  };
  const Value first = relu(layer("1", rows, hidden));
  const Value second = relu(layer("2", first, hidden));
  return layer("3", second, outputs);
}

}  // namespace iclab::nn
