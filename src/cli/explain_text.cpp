#include "cli/explain_text.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/output.h"
#include "cli/axis_labels.h"
#include "cli/study_table.h"
#include "study/job.h"

namespace iclab::cli {
namespace {

using program::Account;
using program::Cost;
using program::Rate;

constexpr std::array kRates = {Rate::kStudy, Rate::kReplica, Rate::kStep, Rate::kPrompt};

// "product(%3, %7)".
std::string formula(const Cost& cost) {
  if (cost.in.empty()) return cost.operation;
  std::vector<std::string> operands;
  for (const int in : cost.in) operands.push_back(fmt::format("%{}", in));
  return fmt::format("{}({})", cost.operation, join(operands));
}

std::string count_text(double count) { return count > 0 ? human_count(count) : ""; }
std::string bytes_text(double bytes) { return bytes > 0 ? human_bytes(bytes) : ""; }

std::string values_text(const Account& account) {
  std::vector<std::vector<std::string>> rows{
      {"value", "operation", "shape", "rate", "layout", "flops", "bytes", "name"}};
  for (const Cost& cost : account.values)
    rows.push_back({fmt::format("%{}", cost.id), formula(cost), program::to_string(cost.shape),
                    program::name(cost.rate), cost.layout, count_text(cost.flops),
                    bytes_text(cost.bytes), join(cost.names)});
  return table(rows);
}

std::string totals_text(const Account& account) {
  const auto once = [](Rate rate) {
    return rate == Rate::kStudy     ? "once"
           : rate == Rate::kReplica ? "once a run"
           : rate == Rate::kStep    ? "once a step"
                                    : "every prompt of a step";
  };
  std::vector<std::vector<std::string>> rows{{"rate", "computed", "flops", "bytes"}};
  for (const Rate rate : kRates)
    rows.push_back({program::name(rate), once(rate),
                    human_count(account.flops[static_cast<size_t>(rate)]),
                    human_bytes(account.bytes[static_cast<size_t>(rate)])});
  rows.push_back({"total", "a step", human_count(account.step_flops()),
                  human_bytes(account.step_bytes())});
  return table(rows);
}

Json to_json(const Account& account) {
  Json values = Json::array();
  for (const Cost& cost : account.values)
    values.push_back({{"id", cost.id},
                      {"operation", cost.operation},
                      {"in", cost.in},
                      {"names", cost.names},
                      {"shape", cost.shape},
                      {"rate", program::name(cost.rate)},
                      {"layout", cost.layout.empty() ? Json() : Json(cost.layout)},
                      {"flops", cost.flops},
                      {"bytes", cost.bytes}});
  Json rates = Json::object();
  for (const Rate rate : kRates)
    rates[program::name(rate)] = {{"flops", account.flops[static_cast<size_t>(rate)]},
                                  {"bytes", account.bytes[static_cast<size_t>(rate)]}};
  return {{"flops", account.step_flops()},
          {"bytes", account.step_bytes()},
          {"rates", std::move(rates)},
          {"values", std::move(values)}};
}

}  // namespace

Result explain_step(const study::Study& study, bool as_json) {
  const study::Point& point = study.points.front();
  const auto learner = study::make_jobs(study).front()->learner();
  const train::Learner::Costs costs = learner->costs();
  const program::Plan& plan = *learner->step_plan();
  const double before = costs.written.step_flops(), after = costs.planned.step_flops();
  if (as_json) {
    Json axes = Json::object();
    for (const auto& [key, value] : point.axes) axes[key] = setting_json(value);
    return {json_line({{"study", study.name},
                       {"point", std::move(axes)},
                       {"batch", plan.options.batch},
                       {"precision", point.is_double ? "float64" : "float32"},
                       {"layout", program::name(plan.layout)},
                       {"before", to_json(costs.written)},
                       {"after", to_json(costs.planned)}})};
  }
  const std::string label = AxisLabels(study).point(point);
  std::string text = fmt::format("{}: a step of {} prompts in {}", study.name, plan.options.batch,
                                 point.is_double ? "float64" : "float32");
  if (!label.empty())
    text += fmt::format("; the first of {} sweep points, {}", study.points.size(), label);
  text += fmt::format("\n\nAs written: task, model, loss and gradients, {} values\n\n{}\n{}\n",
                      costs.written.values.size(), values_text(costs.written),
                      totals_text(costs.written));
  const std::string together =
      plan.strands_together > 1 ? fmt::format(", {} at once on one thread", plan.strands_together) : "";
  text += fmt::format("As executed: {} values, prompts in the {} layout, strands of {} prompts{}\n\n{}\n{}\n",
                      costs.planned.values.size(), program::name(plan.layout),
                      plan.groups_per_strand * plan.group_size(), together, values_text(costs.planned),
                      totals_text(costs.planned));
  return {text + fmt::format("flops a step: before {}, after {} ({:.3g} x less)\n",
                             human_count(before), human_count(after), before / after)};
}

}  // namespace iclab::cli
