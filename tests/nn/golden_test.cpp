// Blocks and whole models against PyTorch: outputs, loss and all gradients, in float64, through the
// program that training executes. The file's layout: tests/reference/transformer.py.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "nn/block.h"
#include "program/functions.h"
#include "tests/evaluate.h"
#include "train/compile.h"
#include "train/loss.h"

namespace iclab::nn {
namespace {

using iclab::testing::Numbers;
using iclab::testing::some_numbers;
using nlohmann::json;
using program::Rate;
using program::Shape;
using Given = std::map<std::string, Setting>;

constexpr double kTolerance = 1e-10;  // of an array's largest entry

json golden() {
  std::ifstream in(ICLAB_SOURCE_DIR "/tests/golden/transformer.json");
  return json::parse(in);
}

Numbers made(const json& entry, std::int64_t count) {
  Numbers numbers = some_numbers(count, entry["seed"].get<std::uint64_t>());
  for (double& x : numbers) x = entry["offset"].get<double>() + entry["scale"].get<double>() * x;
  return numbers;
}

const json& find(const json& entries, const std::string& name) {
  for (const json& entry : entries)
    if (entry["name"] == name) return entry;
  throw std::out_of_range(name);
}

class Case {
 public:
  explicit Case(const json& entry)
      : entry_(entry), config_(entry["config"]), batch_(entry["batch"].get<std::int64_t>()) {
    for (const json& input : entry["inputs"]) add_input(input);
  }

  void check() {
    const Value output = build();
    Value f = output;
    const std::string loss_name = entry_["loss_name"];
    if (!loss_name.ends_with("-positions") && !f.shape().empty()) f = index(f, 0, f.shape()[0] - 1);
    const Value loss = prompt_mean(train::compared(loss_name, f, prompt_["target"]));
    const auto plan = train::compile_step(loss, weights_, std::span(&output, 1), batch_, true);
    for (const program::Layout layout : {program::Layout::kLanes, program::Layout::kOrdinary}) {
      SCOPED_TRACE(program::name(layout));
      program::PlanOptions options = plan->options;
      options.layout = layout;
      check(program::make_plan(plan->program, plan->outputs, options), output.shape());
    }
  }

 private:
  void check(const std::shared_ptr<const program::Plan>& plan, const Shape& output_shape) {
    program::Executor<double> executor(plan);
    for (const auto& [name, numbers] : inputs_) executor.set_prompt_input(name, numbers);

    ASSERT_EQ(weights_.all().size(), entry_["weights"].size());
    for (const auto& weight : weights_.all()) {
      const json& given = find(entry_["weights"], weight.name);
      ASSERT_EQ(weight.value.shape(), given["shape"].get<Shape>()) << weight.name;
      std::ranges::copy(made(given, program::elements(weight.value.shape())),
                        executor.input(weight.name).begin());
    }
    executor.begin({});
    executor.run(0);

    const double want = entry_["loss"];
    EXPECT_NEAR(executor.output(0)[0], want, kTolerance * std::fabs(want));
    Shape shape(output_shape);
    shape.insert(shape.begin(), batch_);
    expect_equal("output", entry_["output"], shape, executor.output(1 + weights_.all().size()));
    double before = 0;  // the largest entry of the weight before
    for (size_t i = 0; const auto& weight : weights_.all()) {
      const std::span<const double> got = executor.output(++i);
      // Softmax forgets what all scores share: b_K's gradient is 0, a sum of what makes up W_K's.
      const double scale = weight.name.ends_with(".b_K") ? before : 0;
      expect_equal(weight.name, entry_["gradients"][weight.name], weight.value.shape(), got, scale);
      before = largest_of(got);
    }
  }

  void add_input(const json& input) {
    const std::string name = input["name"];
    const auto shape = input["shape"].get<Shape>();
    if (name == "signs") {  // the same for all prompts
      signs_ = b_.constant(shape, input["integers"].get<std::vector<double>>());
      return;
    }
    const Shape one(shape.begin() + 1, shape.end());
    if (!input.contains("integers")) {
      inputs_[name] = made(input, program::elements(shape));
      prompt_.set(name, b_.input(name, one, Rate::kPrompt));
      return;
    }
    const auto numbers = input["integers"].get<std::vector<std::int64_t>>();
    if (!std::string(entry_["loss_name"]).starts_with("cross-entropy")) {  // labels
      inputs_[name] = Numbers(numbers.begin(), numbers.end());
      prompt_.set(name, b_.input(name, one, Rate::kPrompt));
      return;
    }
    prompt_.set(name, gather(b_.integer_constant(shape, numbers), b_.prompt_index()));
  }

  Value build() {
    const std::string kind = entry_["kind"];
    if (kind == "gpt") return gpt();
    if (kind == "one-layer") {
      const Value post = relu(attention(b_, weights_, "blocks.0.attn", prompt_["x"],
                                        attention_options(config_["attention"])));
      const auto hidden = post.shape()[1];
      return dot(reshape(post, {hidden}), signs_) / static_cast<double>(hidden);
    }
    const Value x = prompt_["x"];
    const Value shift = weights_.declare("shift", [&] { return b_.constant(x.shape(), {0.0}); });
    return block_alone(kind, x + shift);
  }

  Value block_alone(const std::string& kind, Value x) {
    if (kind == "function") return function(config_["function"], x);
    if (kind == "norm") return norm(b_, weights_, "blocks.0.ln1", x, norm_kind(config_["norm"]));
    if (kind == "mlp") return mlp(b_, weights_, "blocks.0.mlp", x, mlp_options(config_));
    if (kind == "attention")
      return attention(b_, weights_, "blocks.0.attn", x, attention_options(config_));
    if (kind == "block") {
      BlockOptions options{.attention = attention_options(config_["attention"]), .mlp = {}};
      options.has_mlp = !config_["mlp"].is_null();
      if (options.has_mlp) options.mlp = mlp_options(config_["mlp"]);
      options.norm = norm_kind(config_["norm"]);
      options.norm_first = config_["norm_position"] == "pre";
      return block(b_, weights_, "blocks.0", x, options);
    }
    EXPECT_EQ(kind, "loss");
    return x;
  }

  Value gpt() {
    Given given;
    for (const std::string key : {"layers", "heads", "width", "mlp", "vocabulary", "outputs"})
      given[key] = config_[key].get<std::int64_t>();
    for (const std::string key : {"activation", "norm", "norm_position", "positions"})
      given[key] = config_[key].get<std::string>();
    for (const std::string key : {"causal", "biases"}) given[key] = config_[key].get<bool>();
    if (config_["prompt"] == "raw") prompt_.set("tokens", prompt_["x"]);
    const ModelEntry& entry = find_model("transformer");
    const auto same = [](const std::string& key) { return key; };
    return entry.make(resolve(entry.parameters, given, "model", same))
        ->predict_positions(b_, weights_, prompt_);
  }

  static Value function(const std::string& name, Value x) {
    if (name == "softmax") return softmax(x);
    if (name == "log-softmax") return program::log_softmax(x);
    if (name == "log-sum-exp") return log_sum_exp(x);
    if (name == "sigmoid") return sigmoid(x);
    if (name == "softplus") return softplus(x);
    return activate(x, activation(name));
  }

  static Activation activation(const std::string& name) {
    if (name == "relu") return Activation::kRelu;
    EXPECT_TRUE(name == "gelu" || name == "gelu-tanh") << name;
    return name == "gelu" ? Activation::kGelu : Activation::kGeluTanh;
  }

  static Norm norm_kind(const std::string& name) {
    return name == "layer" ? Norm::kLayer : name == "rms" ? Norm::kRms : Norm::kNone;
  }

  static MlpOptions mlp_options(const json& config) {
    return {.width = config["width"],
            .output_width = config["output_width"],
            .activation = activation(config["activation"]),
            .biases = config["biases"]};
  }

  static AttentionOptions attention_options(const json& config) {
    AttentionOptions options;
    if (config["kind"] == "linear") options.kind = AttentionOptions::Kind::kLinear;
    options.heads = config["heads"];
    options.key_width = config["key_width"];
    options.value_width = config["value_width"];
    options.output_width = config["output_width"];
    options.biases = config["biases"];
    if (!config["scale"].is_null()) options.scale = config["scale"].get<double>();
    options.causal = config["causal"];
    options.query_only = config["query_only"];
    options.query_is_key = config["query_is_key"];
    if (config["positions"] == "rotary") options.positions = AttentionOptions::Positions::kRotary;
    options.folded_query_key = config["folded_query_key"];
    options.folded_value_output = config["folded_value_output"];
    return options;
  }

  static double largest_of(std::span<const double> numbers) {
    double largest = 0;
    for (const double x : numbers) largest = std::max(largest, std::fabs(x));
    return largest;
  }

  // The array itself, or its sum, norm, products with numbers and some entries; to the tolerance
  // times its largest entry or `scale`.
  static void expect_equal(const std::string& what, const json& want, const Shape& shape,
                           std::span<const double> got, double scale = 0) {
    SCOPED_TRACE(what);
    ASSERT_EQ(shape, want["shape"].get<Shape>());
    ASSERT_EQ(got.size(), static_cast<size_t>(program::elements(shape)));
    const double largest = std::max(largest_of(got), scale);
    if (want.contains("values")) {
      for (size_t i = 0; i < got.size(); ++i)
        EXPECT_NEAR(got[i], want["values"][i].get<double>(), kTolerance * largest) << i;
      return;
    }
    double sum = 0, squares = 0;
    for (const double x : got) {
      sum += x;
      squares += x * x;
    }
    const double norm = want["norm"], count = static_cast<double>(got.size());
    const double size = std::max(norm, largest);
    EXPECT_NEAR(std::sqrt(squares), norm, kTolerance * size);
    EXPECT_NEAR(sum, want["sum"].get<double>(), kTolerance * size * std::sqrt(count));
    for (std::uint64_t seed = 1001; const json& product : want["dots"]) {
      const Numbers numbers = some_numbers(static_cast<std::int64_t>(got.size()), seed++);
      const double dot = std::inner_product(got.begin(), got.end(), numbers.begin(), 0.0);
      EXPECT_NEAR(dot, product.get<double>(), kTolerance * size * std::sqrt(count));
    }
    for (const json& sample : want["samples"])
      EXPECT_NEAR(got[sample[0].get<size_t>()], sample[1].get<double>(), kTolerance * largest);
  }

  const json& entry_;
  const json& config_;
  std::int64_t batch_;
  Builder b_;
  Weights weights_;
  tasks::Prompt prompt_;
  Value signs_;
  std::map<std::string, Numbers> inputs_;
};

TEST(Golden, NumbersAreThoseOfTheReference) {
  const json numbers = golden()["numbers"];
  EXPECT_EQ(some_numbers(4, numbers["seed"]), numbers["values"].get<Numbers>());
}

TEST(Golden, EveryCaseIsPyTorchs) {
  const json file = golden();
  int cases = 0;
  for (const json& entry : file["cases"]) {
    SCOPED_TRACE(entry["name"].get<std::string>());
    Case(entry).check();
    ++cases;
  }
  EXPECT_GT(cases, 60);
}

}  // namespace
}  // namespace iclab::nn
