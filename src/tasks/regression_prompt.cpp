#include "tasks/regression_prompt.h"

#include <cmath>

#include "base/error.h"

namespace iclab::tasks {
namespace {

using program::Stream;

Prompt full_prompt(Builder& b, const Regression& regression, Value task) {
  const std::int64_t n = regression.context, d = task.shape()[0];
  Value x_query = b.normal(Stream::kPrompt, {d});
  Value x = b.normal(Stream::kPrompt, {n, d});
  Value eps = b.normal(Stream::kPrompt, {n});
  if (regression.active_dim) {
    const Value active = regression.active_dim->mask(b);
    x_query = active * x_query;
    x = active * x;
  }
  Value examples;
  if (regression.active_context) {
    examples = regression.active_context->mask(b);
    x = reshape(examples, {n, 1}) * x;
    eps = examples * eps;
  }
  Value clean, target;
  if (regression.hidden == 0) {
    target = dot(task, x_query);
    clean = matmul(x, task);
  } else {
    const Value a = b.normal(Stream::kPrompt, {regression.hidden});
    const Value outer = std::sqrt(2.0 / static_cast<double>(regression.hidden)) * a;
    target = dot(relu(matmul(x_query, task)), outer);
    clean = matmul(relu(matmul(x, task)), outer);
  }
  Prompt prompt;
  prompt.set("x", x);
  prompt.set("y", clean + regression.noise * eps);
  prompt.set("x_query", x_query);
  prompt.set("target", target);
  prompt.set("targets", program::concat({clean, reshape(target, {1})}, 0));
  if (examples.valid())
    prompt.set("counted", program::concat({examples, b.constant({1}, {1.0})}, 0));
  return prompt;
}

Prompt brief_prompt(Builder& b, const Regression& regression, Value w) {
  const std::int64_t n = regression.context, d = w.shape()[0];
  const auto count = static_cast<double>(n);
  const Value x_query = b.normal(Stream::kPrompt, {d});
  const Value a = b.normal(Stream::kPrompt, {n});
  const Value eps = b.normal(Stream::kPrompt, {n});
  const Value g = b.normal(Stream::kPrompt, {d});
  const Value length = sqrt(dot(w, w));
  const Value u = w / length;
  const Value y = length * a + regression.noise * eps;
  const Value across = g - dot(u, g) * u;
  Prompt prompt;
  prompt.set("x_query", x_query);
  prompt.set("target", dot(w, x_query));
  prompt.set("h", dot(a, y) / count * u + sqrt(dot(y, y)) / count * across);
  return prompt;
}

}  // namespace

std::vector<Parameter> regression_parameters() {
  Parameter context{.name = "context", .kind = Kind::kInteger,
                    .help = "labelled examples n; with the query a prompt has n + 1 points"};
  context.minimum = 1;
  context.maximum = 1e6;
  Parameter noise{.name = "noise", .kind = Kind::kReal,
                  .help = "standard deviation sigma of the label noise"};
  noise.fallback = 0.0;
  noise.minimum = 0;
  Parameter sampler{.name = "sampler", .kind = Kind::kText,
                    .help = "draw every example, or only h = (1/n) sum y_i x_i (same law, faster)"};
  sampler.fallback = std::string("prompts");
  sampler.choices = {"prompts", "statistics"};
  Parameter function{.name = "function", .kind = Kind::kText,
                     .help = "w.x, or a network sqrt(2/m) sum a_h relu(u_h.x), u_h drawn as w; linear if not given"};
  function.optional = true;
  function.choices = {"linear", "relu"};
  Parameter hidden{.name = "hidden", .kind = Kind::kInteger, .help = "hidden units m of function 'relu'"};
  hidden.optional = true;
  hidden.minimum = 1;
  hidden.maximum = 4096;
  return {context, noise, sampler, function, hidden, curriculum_parameter("context")};
}

Regression regression_of(const Settings& settings) {
  Regression regression{settings.integer("context"), settings.real("noise")};
  const bool nonlinear = settings.has("function") && settings.text("function") == "relu";
  if (settings.text("sampler") == "statistics") regression.sampler = Sampler::kStatistics;
  if (nonlinear && !settings.has("hidden"))
    throw UsageError("[task] function 'relu' needs hidden, its number of hidden units");
  if (!nonlinear && settings.has("hidden"))
    throw UsageError("[task] hidden belongs to function 'relu'; linear functions have no hidden units");
  if (nonlinear && regression.sampler == Sampler::kStatistics)
    throw UsageError("[task] sampler 'statistics' is for linear functions; function 'relu' accepts 'prompts'");
  if (nonlinear) regression.hidden = settings.integer("hidden");
  regression.active_context = curriculum_of(settings, "context");
  regression.active_dim = curriculum_of(settings, "dim");
  const bool grows = regression.active_context || regression.active_dim;
  if (grows && regression.sampler == Sampler::kStatistics)
    throw UsageError("[task] sampler 'statistics' has no curriculum; accepted is 'prompts'");
  return regression;
}

Value draw_coefficients(Builder& b, const Regression& regression, std::int64_t rank) {
  if (regression.hidden == 0) return b.normal(Stream::kPrompt, {rank});
  return b.normal(Stream::kPrompt, {rank, regression.hidden});
}

Prompt regression_prompt(Builder& b, const Regression& regression, Value task) {
  return regression.sampler == Sampler::kPrompts ? full_prompt(b, regression, task)
                                                 : brief_prompt(b, regression, task);
}

}  // namespace iclab::tasks
