#include "tasks/subspace_regression.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "program/functions.h"
#include "tasks/orthonormal.h"
#include "tasks/regression_prompt.h"
#include "tasks/subspace_classes.h"

namespace iclab::tasks {
namespace {

using program::Stream;

class SubspaceRegression : public Task {
 public:
  explicit SubspaceRegression(const Settings& settings)
      : dim_(settings.integer("dim")), regression_(regression_of(settings)),
        haar_(settings.text("basis") == "haar"), rank_(settings.integer("rank")),
        components_(settings.integer("components")), shared_(settings.integer("shared")),
        evenly_(settings.has("assignment") && settings.text("assignment") == "even"),
        by_power_(settings.has("weights") && settings.text("weights") == "power") {
    custom_ = !settings.text("classes").empty();
    classes_ = custom_ ? parse_classes(settings.text("classes"), dim_)
                       : (check_mixture(), shared_core(rank_, components_, shared_));
  }

  Prompt sample(Builder& b) const override {
    std::vector<Directions> all;
    for (const SubspaceClass& c : classes_) all.push_back(directions(b, c));
    // Drawn for every number of components, so that the streams of sweep points stay paired.
    const Value drawn = b.integers(Stream::kPrompt, {}, classes());
    const Value which = evenly_ ? remainder(b.prompt_index(), classes()) : drawn;
    Prompt prompt = sample_from(b, all, which);
    if (by_power_) {
      std::vector<double> weights;
      for (const SubspaceClass& c : classes_) weights.push_back(1 / c.power());
      prompt.set("weight", gather(b.constant({classes()}, weights), which));
    }
    return prompt;
  }

  Prompt sample_test(Builder& b, std::span<const TestTasks> tests, Value which) const override {
    std::vector<Directions> all;
    std::vector<double> powers;
    if (tests.size() == 1 && tests[0].where == "id") {
      Prompt prompt = sample(b);
      prompt.set("power", b.constant(power()));
      return prompt;
    }
    for (const TestTasks& test : tests) {
      all.push_back(directions(b, test));
      powers.push_back(test.where == "class" ? classes_[static_cast<size_t>(test.component)].power() : power());
    }
    Prompt prompt = sample_from(b, all, which);
    const auto count = static_cast<std::int64_t>(tests.size());
    prompt.set("power", count == 1 ? b.constant(powers[0]) : gather(b.constant({count}, powers), which));
    return prompt;
  }

  std::optional<LinearMoments> moments(Builder& b, const TestTasks& test) const override {
    if (regression_.hidden > 0) return {};
    LinearMoments moments{{}, {}, regression_.context, regression_.noise * regression_.noise};
    if (test.where == "id") {
      for (const SubspaceClass& c : classes_) moments.classes.push_back(second_moment(directions(b, c)));
    } else {
      moments.classes = {second_moment(directions(b, test))};
    }
    Value total = moments.classes[0];
    for (size_t k = 1; k < moments.classes.size(); ++k) total = total + moments.classes[k];
    moments.second_moment = total * (1.0 / static_cast<double>(moments.classes.size()));
    return moments;
  }

  std::int64_t dim() const override { return dim_; }
  std::int64_t classes() const override { return static_cast<std::int64_t>(classes_.size()); }

 private:
  // Tasks are `factor`^(1/2) u a, a ~ N(0, I): of power factor * rank, as the columns of u are orthonormal
  // up to a class's scale.
  struct Directions {
    Value u;            // (d, rank)
    double factor = 1;
  };

  void check_mixture() const {
    const auto wrong = [](const std::string& message) {
      throw UsageError("task 'subspace-regression': " + message);
    };
    if (rank_ > dim_) wrong(fmt::format("rank {} is above dim {}", rank_, dim_));
    if (shared_ > rank_) wrong(fmt::format("shared {} is above rank {}", shared_, rank_));
    if (components_ == 1 && shared_ > 0)
      wrong(fmt::format("components = 1 is coded with shared = 0, found shared = {}", shared_));
    if (distinct() > dim_)
      wrong(fmt::format("shared + components * (rank - shared) = {} distinct columns do not fit into "
                        "dim {}", distinct(), dim_));
  }

  // R: number of distinct columns.
  std::int64_t distinct() const {
    if (!custom_) return shared_ + components_ * (rank_ - shared_);
    return static_cast<std::int64_t>(used_columns(classes_).size());
  }

  // E |w|^2.
  double power() const {
    double total = 0;
    for (const SubspaceClass& c : classes_) total += c.power();
    return total / static_cast<double>(classes_.size());
  }

  // The prompt of a task in all[which]; all have as many columns as the widest, the others of zeros.
  Prompt sample_from(Builder& b, const std::vector<Directions>& all, Value which) const {
    std::int64_t rank = 0;
    for (const Directions& one : all) rank = std::max(rank, one.u.shape()[1]);
    const Value a = draw_coefficients(b, regression_, rank);
    std::vector<Value> tables;
    for (const Directions& one : all) {
      Value u = std::sqrt(one.factor) * one.u;
      const std::int64_t missing = rank - u.shape()[1];
      if (missing > 0) u = program::concat({u, b.constant({dim_, missing}, {0.0})}, 1);
      tables.push_back(reshape(u, {1, dim_, rank}));
    }
    const Value table = program::concat(tables, 0);
    const Value u = tables.size() == 1 ? reshape(table, {dim_, rank}) : gather(table, which);
    return regression_prompt(b, regression_, matmul(u, a));
  }

  static Value second_moment(const Directions& one) {
    return one.factor * matmul(one.u, transpose(one.u));
  }

  // Q (d, d): the identity, or QR of a Gaussian matrix with R_jj > 0, drawn once a program.
  Value basis(Builder& b) const {
    if (!haar_) return b.identity(dim_);
    if (b.program().names.contains("task.basis")) return b.named("task.basis");
    return b.name(orthonormal(b.normal(Stream::kTask, {dim_, dim_})), "task.basis");
  }

  static Value columns_of(Value q, const std::vector<std::int64_t>& columns) {
    std::vector<Value> parts;
    for (const std::int64_t column : columns) parts.push_back(slice(q, 1, column, 1));
    return program::concat(parts, 1);
  }

  Directions directions(Builder& b, const SubspaceClass& c) const {
    return {c.scale * columns_of(basis(b), c.columns)};
  }

  Directions directions(Builder& b, const TestTasks& test) const {
    if (test.where == "class") {
      if (test.component < 0 || test.component >= classes())
        throw UsageError(fmt::format("test tasks 'class {}': accepted are classes 0 to {}",
                                     test.component, classes() - 1));
      return directions(b, classes_[static_cast<size_t>(test.component)]);
    }
    if (test.where == "isotropic") return {b.identity(dim_), power() / static_cast<double>(dim_)};
    if (test.where == "complement") return complement(b);
    if (test.where == "span" || test.where == "outside") return rotated(b, test);
    throw UsageError(fmt::format("unknown test tasks '{}'; accepted are id, isotropic, complement, "
                                 "span, outside", test.where));
  }

  // w isotropic in the span of the columns no class uses, E |w|^2 as in training.
  Directions complement(Builder& b) const {
    const std::vector<std::int64_t> used = used_columns(classes_);
    std::vector<std::int64_t> unused;
    for (std::int64_t j = 0; j < dim_; ++j)
      if (!std::binary_search(used.begin(), used.end(), j)) unused.push_back(j);
    if (unused.empty())
      throw UsageError("test tasks 'complement' are undefined: the classes span all directions");
    return {columns_of(basis(b), unused), power() / static_cast<double>(unused.size())};
  }

  // U(theta) = [S, cos(theta) B_0 + sin(theta) B'].
  Directions rotated(Builder& b, const TestTasks& test) const {
    if (custom_)
      throw UsageError(fmt::format("test tasks '{}' are undefined for explicit classes", test.where));
    const std::int64_t own = rank_ - shared_;
    const bool span = test.where == "span";
    if (span && components_ < 2)
      throw UsageError("test tasks 'span' need at least 2 components");
    if (!span && distinct() + own > dim_)
      throw UsageError(fmt::format("test tasks 'outside' need {} unused columns, dim {} leaves {}", own,
                                   dim_, dim_ - distinct()));
    const double turns = test.angle_deg / 360.0;
    const double cosine = lanes::host_unary(lanes::Unary::kCosTurns, turns);
    const double sine = lanes::host_unary(lanes::Unary::kSinTurns, turns);
    const Value q = basis(b);
    std::vector<Value> parts;
    if (shared_ > 0) parts.push_back(slice(q, 1, 0, shared_));
    if (own > 0) {
      const std::int64_t other = span ? shared_ + own : distinct();
      parts.push_back(cosine * slice(q, 1, shared_, own) + sine * slice(q, 1, other, own));
    }
    return {program::concat(parts, 1)};
  }

  std::int64_t dim_;
  Regression regression_;
  bool haar_, custom_ = false;
  std::int64_t rank_, components_, shared_;
  bool evenly_, by_power_;
  std::vector<SubspaceClass> classes_;
};

Parameter whole(const std::string& name, const std::string& help, std::int64_t fallback,
                double minimum) {
  Parameter p{.name = name, .kind = Kind::kInteger, .help = help};
  p.fallback = fallback;
  p.minimum = minimum;
  p.maximum = 4096;
  return p;
}

}  // namespace

TaskEntry subspace_regression_entry() {
  Parameter basis{.name = "basis", .kind = Kind::kText,
                  .help = "orthonormal basis Q: axis = identity, haar = QR of a Gaussian, one a seed"};
  basis.fallback = std::string("axis");
  basis.choices = {"axis", "haar"};
  Parameter classes{.name = "classes", .kind = Kind::kText,
                    .help = "explicit classes as columns@scale/..., instead of rank, components, shared"};
  classes.fallback = std::string();
  Parameter dim{.name = "dim", .kind = Kind::kInteger, .help = "input dimension d"};
  dim.minimum = 1;
  dim.maximum = 4096;
  Parameter assignment{.name = "assignment", .kind = Kind::kText,
                       .help = "a prompt's class is random, or even: classes take turns in a batch; "
                               "random if not given"};
  assignment.optional = true;
  assignment.choices = {"random", "even"};
  Parameter weights{.name = "weights", .kind = Kind::kText,
                    .help = "classes' losses count equal, or are divided by their power E y^2; equal "
                            "if not given"};
  weights.optional = true;
  weights.choices = {"equal", "power"};
  std::vector<Parameter> parameters{
      dim, whole("rank", "rank r of every component", 1, 1),
      whole("components", "number of components K", 1, 1),
      whole("shared", "columns s that all components share", 0, 0), basis, classes, assignment, weights};
  for (Parameter& parameter : regression_parameters()) parameters.push_back(std::move(parameter));
  return {"subspace-regression",
          "Regression with task vectors from a mixture of low-rank Gaussians, linear or ReLU networks",
          "arXiv 2606.06814", parameters,
          [](const Settings& settings) { return std::make_unique<SubspaceRegression>(settings); }};
}

}  // namespace iclab::tasks
