#include "tasks/linear_prompt.h"

namespace iclab::tasks {

using program::Stream;

std::vector<Parameter> linear_prompt_parameters() {
  Parameter context{.name = "context", .kind = Kind::kInteger, .help = "labelled examples n"};
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
  return {context, noise, sampler};
}

Sampler sampler_of(const Settings& settings) {
  return settings.text("sampler") == "statistics" ? Sampler::kStatistics : Sampler::kPrompts;
}

Prompt linear_prompt(Builder& b, Value w, std::int64_t context, double noise, Sampler sampler) {
  const std::int64_t n = context, d = w.shape()[0];
  const auto count = static_cast<double>(n);
  Prompt prompt;
  const Value x_query = b.normal(Stream::kPrompt, {d});
  prompt.set("x_query", x_query);
  const Value target = dot(w, x_query);
  prompt.set("target", target);

  if (sampler == Sampler::kPrompts) {
    const Value x = b.normal(Stream::kPrompt, {n, d});
    const Value eps = b.normal(Stream::kPrompt, {n});
    prompt.set("x", x);
    const Value clean = matmul(x, w);
    prompt.set("y", clean + noise * eps);
    prompt.set("targets", program::concat({clean, reshape(target, {1})}, 0));
    return prompt;
  }

  const Value a = b.normal(Stream::kPrompt, {n});
  const Value eps = b.normal(Stream::kPrompt, {n});
  const Value g = b.normal(Stream::kPrompt, {d});
  const Value length = sqrt(dot(w, w));
  const Value u = w / length;
  const Value y = length * a + noise * eps;
  const Value across = g - dot(u, g) * u;
  prompt.set("h", dot(a, y) / count * u + sqrt(dot(y, y)) / count * across);
  return prompt;
}

}  // namespace iclab::tasks
