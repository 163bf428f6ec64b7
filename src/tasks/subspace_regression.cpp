#include "tasks/subspace_regression.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "tasks/linear_prompt.h"
#include "tasks/orthonormal.h"

namespace iclab::tasks {
namespace {

using program::Stream;

// The columns of component k of the shared-core construction: the s shared ones, then its own nu.
std::vector<SubspaceClass> mixture(std::int64_t rank, std::int64_t components, std::int64_t shared) {
  const std::int64_t own = rank - shared;
  std::vector<SubspaceClass> classes(static_cast<size_t>(components));
  for (std::int64_t k = 0; k < components; ++k) {
    auto& columns = classes[static_cast<size_t>(k)].columns;
    for (std::int64_t j = 0; j < shared; ++j) columns.push_back(j);
    for (std::int64_t j = 0; j < own; ++j) columns.push_back(shared + k * own + j);
  }
  return classes;
}

class SubspaceRegression : public Task {
 public:
  explicit SubspaceRegression(const Settings& settings)
      : dim_(settings.integer("dim")), context_(settings.integer("context")),
        noise_(settings.real("noise")), sampler_(sampler_of(settings)),
        haar_(settings.text("basis") == "haar"), rank_(settings.integer("rank")),
        components_(settings.integer("components")), shared_(settings.integer("shared")) {
    custom_ = !settings.text("classes").empty();
    classes_ = custom_ ? parse_classes(settings.text("classes"), dim_)
                       : (check_mixture(), mixture(rank_, components_, shared_));
  }

  Prompt sample(Builder& b) const override {
    // Drawn for every number of components, so that the streams of sweep points stay paired.
    const Value component =
        b.integers(Stream::kPrompt, {}, static_cast<std::int64_t>(classes_.size()));
    const Value a = b.normal(Stream::kPrompt, {max_rank()});
    const Value q = basis(b);
    std::vector<Value> tables;
    for (const SubspaceClass& c : classes_)
      tables.push_back(reshape(scaled_columns(b, q, c), {1, dim_, max_rank()}));
    const Value table = program::concat(tables, 0);
    const Value columns = tables.size() == 1 ? reshape(table, {dim_, max_rank()})
                                             : gather(table, component);
    return linear_prompt(b, matmul(columns, a), context_, noise_, sampler_);
  }

  std::optional<LinearMoments> moments(Builder& b, const TestTasks& test) const override {
    LinearMoments moments{{}, {}, context_, noise_ * noise_};
    const Value q = basis(b);
    if (test.where == "id") {
      for (const SubspaceClass& c : classes_) {
        const Value u = scaled_columns(b, q, c);
        moments.classes.push_back(matmul(u, transpose(u)));
      }
    } else if (test.where == "isotropic") {
      moments.classes = {power() / static_cast<double>(dim_) * b.identity(dim_)};
    } else if (test.where == "complement") {
      moments.classes = {complement(b, q)};
    } else {
      moments.classes = {rotated(q, test)};
    }
    Value total = moments.classes[0];
    for (size_t k = 1; k < moments.classes.size(); ++k) total = total + moments.classes[k];
    moments.second_moment = total * (1.0 / static_cast<double>(moments.classes.size()));
    return moments;
  }

  std::int64_t dim() const override { return dim_; }

 private:
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
    std::vector<std::int64_t> all;
    for (const SubspaceClass& c : classes_) all.insert(all.end(), c.columns.begin(), c.columns.end());
    std::sort(all.begin(), all.end());
    return std::unique(all.begin(), all.end()) - all.begin();
  }

  // E |w|^2.
  double power() const {
    double total = 0;
    for (const SubspaceClass& c : classes_)
      total += c.scale * c.scale * static_cast<double>(c.columns.size());
    return total / static_cast<double>(classes_.size());
  }

  std::int64_t max_rank() const {
    size_t rank = 0;
    for (const SubspaceClass& c : classes_) rank = std::max(rank, c.columns.size());
    return static_cast<std::int64_t>(rank);
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

  // c_k U_k (d, r), with columns of zeros up to the largest rank.
  Value scaled_columns(Builder& b, Value q, const SubspaceClass& c) const {
    const Value u = c.scale * columns_of(q, c.columns);
    const std::int64_t missing = max_rank() - static_cast<std::int64_t>(c.columns.size());
    return missing == 0 ? u : program::concat({u, b.constant({dim_, missing}, {0.0})}, 1);
  }

  // w isotropic in the span of the columns no class uses, E |w|^2 as in training.
  Value complement(Builder&, Value q) const {
    std::vector<std::int64_t> unused;
    for (std::int64_t j = 0; j < dim_; ++j) {
      const bool used = std::any_of(classes_.begin(), classes_.end(), [&](const SubspaceClass& c) {
        return std::find(c.columns.begin(), c.columns.end(), j) != c.columns.end();
      });
      if (!used) unused.push_back(j);
    }
    if (unused.empty())
      throw UsageError("test tasks 'complement' are undefined: the classes span all directions");
    const Value u = columns_of(q, unused);
    return power() / static_cast<double>(unused.size()) * matmul(u, transpose(u));
  }

  // U(theta) = [S, cos(theta) B_0 + sin(theta) B'].
  Value rotated(Value q, const TestTasks& test) const {
    if (custom_)
      throw UsageError(fmt::format("test tasks '{}' are undefined for explicit classes", test.where));
    const std::int64_t own = rank_ - shared_;
    const bool span = test.where == "span";
    if (!span && test.where != "outside")
      throw UsageError(fmt::format("unknown test tasks '{}'; accepted are id, isotropic, complement, "
                                   "span, outside", test.where));
    if (span && components_ < 2)
      throw UsageError("test tasks 'span' need at least 2 components");
    if (!span && distinct() + own > dim_)
      throw UsageError(fmt::format("test tasks 'outside' need {} unused columns, dim {} leaves {}", own,
                                   dim_, dim_ - distinct()));
    const double turns = test.angle_deg / 360.0;
    const double cosine = lanes::host_unary(lanes::Unary::kCosTurns, turns);
    const double sine = lanes::host_unary(lanes::Unary::kSinTurns, turns);
    std::vector<Value> parts;
    if (shared_ > 0) parts.push_back(slice(q, 1, 0, shared_));
    if (own > 0) {
      const std::int64_t other = span ? shared_ + own : distinct();
      parts.push_back(cosine * slice(q, 1, shared_, own) + sine * slice(q, 1, other, own));
    }
    const Value u = program::concat(parts, 1);
    return matmul(u, transpose(u));
  }

  std::int64_t dim_, context_;
  double noise_;
  Sampler sampler_;
  bool haar_, custom_ = false;
  std::int64_t rank_, components_, shared_;
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

std::vector<SubspaceClass> parse_classes(const std::string& text, std::int64_t dim) {
  std::vector<SubspaceClass> classes;
  const auto wrong = [&](const std::string& part, const std::string& message) {
    throw UsageError(fmt::format("classes '{}': '{}' {}; accepted are columns and a scale, like "
                                 "0,1@1/2,3@1.5", text, part, message));
  };
  for (const std::string& part : split(text, '/')) {
    SubspaceClass c;
    const std::vector<std::string> halves = split(part, '@');
    if (halves.empty() || halves.size() > 2) wrong(part, "is no class");
    Parameter column{.name = "columns", .kind = Kind::kIntegers};
    const Setting columns = parse_setting(column, halves[0], fmt::format("classes '{}'", text));
    c.columns = std::get<std::vector<std::int64_t>>(columns);
    if (c.columns.empty()) wrong(part, "has no columns");
    for (const std::int64_t j : c.columns) {
      if (j < 0 || j >= dim) wrong(part, fmt::format("has a column outside 0..{}", dim - 1));
      if (std::count(c.columns.begin(), c.columns.end(), j) > 1) wrong(part, "repeats a column");
    }
    if (halves.size() == 2) {
      Parameter scale{.name = "scale", .kind = Kind::kReal};
      c.scale = std::get<double>(parse_setting(scale, halves[1], fmt::format("classes '{}'", text)));
      if (!(c.scale > 0) || std::isinf(c.scale)) wrong(part, "has a scale that is not positive");
    }
    classes.push_back(std::move(c));
  }
  return classes;
}

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
  std::vector<Parameter> parameters{
      dim, whole("rank", "rank r of every component", 1, 1),
      whole("components", "number of components K", 1, 1),
      whole("shared", "columns s that all components share", 0, 0), basis, classes};
  for (Parameter& parameter : linear_prompt_parameters()) parameters.push_back(std::move(parameter));
  return {"subspace-regression",
          "Linear regression with task vectors from a mixture of low-rank Gaussians",
          "arXiv 2606.06814", parameters,
          [](const Settings& settings) { return std::make_unique<SubspaceRegression>(settings); }};
}

}  // namespace iclab::tasks
