#include "nn/linear_attention.h"

#include <cmath>

#include "base/error.h"
#include "nn/population_risk.h"

namespace iclab::nn {
namespace {

using program::Stream;

// (1/n) sum_i y_i x_i, given by a statistics sampler or computed from the prompt.
Value label_weighted_mean(const tasks::Prompt& prompt) {
  if (prompt.has("h")) return prompt["h"];
  const Value y = prompt["y"];
  return matmul(y, prompt["x"]) * (1.0 / static_cast<double>(y.shape()[0]));
}

class LinearAttention : public Model {
 public:
  explicit LinearAttention(const Settings& settings)
      : form_(settings.text("form")), random_(settings.text("init") == "random"),
        alpha_(settings.real("alpha")), with_query_(settings.boolean("include_query")) {
    if (form_ == "separate" && random_)
      throw UsageError("model 'linear-attention': init 'random' is undefined for form 'separate'; "
                       "accepted is 'identity'");
  }

  Value predict(Builder& b, Weights& weights, const tasks::Prompt& prompt) const override {
    const Value x_query = prompt["x_query"];
    const std::int64_t d = x_query.shape()[0];
    if (form_ == "full") return b.name(full(b, weights, prompt, d), "prediction");

    const Value h = b.name(label_weighted_mean(prompt), "h");
    if (form_ == "merged") return b.name(dot(x_query, matmul(gamma(b, weights, d), h)), "prediction");
    const Value v = value(b, weights);
    if (form_ == "factored")
      return b.name(v * dot(x_query, matmul(w(b, weights, d), h)), "prediction");
    const Value query = b.name(matmul(wq(b, weights, d), x_query), "query");
    const Value key = b.name(matmul(wk(b, weights, d), h), "key");
    return b.name(v * dot(query, key), "prediction");
  }

  Value effective_matrix(Builder& b, Weights& weights, std::int64_t d) const override {
    if (form_ == "merged") return gamma(b, weights, d);
    if (form_ != "full") {
      const Value v = value(b, weights);
      if (form_ == "factored") return v * w(b, weights, d);
      const Value query = wq(b, weights, d), key = wk(b, weights, d);
      return v * matmul(transpose(query), key);
    }
    const Blocks blocks = full_blocks(b, weights, d);
    return blocks.v * transpose(blocks.a) +
           reshape(blocks.b, {d, 1}) * reshape(blocks.p, {1, d});  // v A^T + b p^T
  }

  Value population_loss(Builder& b, Weights& weights,
                        const tasks::LinearMoments& moments) const override {
    const std::int64_t d = moments.second_moment.shape()[0];
    const Value risk = linear_risk(effective_matrix(b, weights, d), moments.second_moment,
                                   moments.context, moments.noise_variance);
    if (form_ != "full") return risk;
    const Blocks blocks = full_blocks(b, weights, d);
    return risk + full_attention_excess(blocks.p, blocks.v, blocks.a, blocks.b, moments, with_query_);
  }

 private:
  // W_PV's last row is (p^T, v), the first d columns of W_KQ are [A; b^T].
  struct Blocks {
    Value p, v, a, b;
  };

  // Identity: (alpha/sqrt d) I. Random: N(0, alpha^2/d^2), and N(0, alpha^2/d) for the merged form.
  Value initial_matrix(Builder& b, std::int64_t d) const {
    const double dim = static_cast<double>(d);
    const double scale = form_ == "merged" || !random_ ? alpha_ / std::sqrt(dim) : alpha_ / dim;
    return scale * (random_ ? b.normal(Stream::kModel, {d, d}) : b.identity(d));
  }

  Value gamma(Builder& b, Weights& weights, std::int64_t d) const {
    return weights.declare("Gamma", [&] { return initial_matrix(b, d); });
  }
  Value value(Builder& b, Weights& weights) const {
    return weights.declare("v", [&] { return b.constant(alpha_); });
  }
  Value w(Builder& b, Weights& weights, std::int64_t d) const {
    return weights.declare("W", [&] { return initial_matrix(b, d); });
  }
  Value wq(Builder& b, Weights& weights, std::int64_t d) const {
    return weights.declare("W_Q", [&] { return alpha_ * b.identity(d); });
  }
  Value wk(Builder& b, Weights& weights, std::int64_t d) const {
    return weights.declare("W_K", [&] { return alpha_ * b.identity(d); });
  }

  // v = alpha and A = W0^T, all else 0.
  Value pv(Builder& b, Weights& weights, std::int64_t d) const {
    return weights.declare("W_PV", [&] {
      std::vector<double> numbers(static_cast<size_t>((d + 1) * (d + 1)), 0.0);
      numbers.back() = alpha_;
      return b.constant({d + 1, d + 1}, std::move(numbers));
    });
  }
  Value kq(Builder& b, Weights& weights, std::int64_t d) const {
    return weights.declare("W_KQ", [&] {
      return pad(pad(transpose(initial_matrix(b, d)), 0, 0, d + 1), 1, 0, d + 1);
    });
  }

  Blocks full_blocks(Builder& b, Weights& weights, std::int64_t d) const {
    const Value last_row = index(pv(b, weights, d), 0, d);
    const Value first_columns = slice(kq(b, weights, d), 1, 0, d);
    return {slice(last_row, 0, 0, d), index(last_row, 0, d), slice(first_columns, 0, 0, d),
            index(first_columns, 0, d)};
  }

  Value full(Builder& b, Weights& weights, const tasks::Prompt& prompt, std::int64_t d) const {
    const Value x = prompt["x"], y = prompt["y"];
    const Value w_pv = pv(b, weights, d), w_kq = kq(b, weights, d);
    const std::int64_t n = y.shape()[0];
    const Value context = program::concat({transpose(x), reshape(y, {1, n})}, 0);  // (d+1, n)
    const Value query_token = program::concat({reshape(prompt["x_query"], {d, 1}), b.constant({1, 1}, {0.0})}, 0);
    const Value z = program::concat({context, query_token}, 1);  // (d+1, n+1)
    const Value keys = with_query_ ? z : context;
    const Value pattern = b.name(matmul(transpose(keys), matmul(w_kq, z)) *
                                     (1.0 / static_cast<double>(n)), "pattern");
    const Value out = z + matmul(matmul(w_pv, keys), pattern);
    return index(index(out, 0, d), 0, n);
  }

  std::string form_;
  bool random_;
  double alpha_;
  bool with_query_;
};

}  // namespace

ModelEntry linear_attention_entry() {
  Parameter form{.name = "form", .kind = Kind::kText, .help = "parameterisation"};
  form.choices = {"merged", "factored", "separate", "full"};
  Parameter init{.name = "init", .kind = Kind::kText,
                 .help = "identity: (alpha/sqrt d) I; random: Gaussian entries"};
  init.fallback = std::string("identity");
  init.choices = {"identity", "random"};
  Parameter alpha{.name = "alpha", .kind = Kind::kReal, .help = "initial scale alpha"};
  alpha.fallback = 1e-2;
  alpha.minimum = 0;
  Parameter include_query{.name = "include_query", .kind = Kind::kBoolean,
                          .help = "full form: the query's token is a key and value too"};
  include_query.fallback = true;
  return {"linear-attention", "One layer of linear attention", "arXiv 2306.09927, 2606.06814",
          {form, init, alpha, include_query},
          [](const Settings& settings) { return std::make_unique<LinearAttention>(settings); }};
}

}  // namespace iclab::nn
