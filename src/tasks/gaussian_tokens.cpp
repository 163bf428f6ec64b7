#include "tasks/gaussian_tokens.h"

namespace iclab::tasks {
namespace {

using program::Stream;

class GaussianTokens : public Task {
 public:
  explicit GaussianTokens(const Settings& settings)
      : tokens_(settings.integer("tokens")), dim_(settings.integer("dim")),
        signs_(settings.text("labels") == "sign") {}

  Prompt sample(Builder& b) const override {
    Prompt prompt;
    prompt.set("tokens", b.normal(Stream::kPrompt, {tokens_, dim_}));
    prompt.set("query", b.normal(Stream::kPrompt, {dim_}));
    const Value targets =
        signs_ ? b.sign(Stream::kPrompt, {tokens_}) : b.normal(Stream::kPrompt, {tokens_});
    prompt.set("targets", targets);
    prompt.set("target", index(targets, 0, tokens_ - 1));
    return prompt;
  }

  std::optional<LinearMoments> moments(Builder&, const TestTasks&) const override { return {}; }

  bool targets_are_signs() const override { return signs_; }

  std::int64_t dim() const override { return dim_; }

 private:
  std::int64_t tokens_, dim_;
  bool signs_;
};

}  // namespace

TaskEntry gaussian_tokens_entry() {
  Parameter tokens{.name = "tokens", .kind = Kind::kInteger, .help = "tokens T of a prompt"};
  tokens.minimum = 1;
  tokens.maximum = 1e5;
  Parameter dim{.name = "dim", .kind = Kind::kInteger, .help = "numbers d of a token"};
  dim.minimum = 1;
  dim.maximum = 1e5;
  Parameter labels{.name = "labels", .kind = Kind::kText, .help = "N(0, 1), or -1 and 1"};
  labels.fallback = std::string("normal");
  labels.choices = {"normal", "sign"};
  return {"gaussian-tokens", "Gaussian tokens with random labels, for measuring speed", "iclab bench",
          {tokens, dim, labels},
          [](const Settings& settings) { return std::make_unique<GaussianTokens>(settings); }};
}

}  // namespace iclab::tasks
