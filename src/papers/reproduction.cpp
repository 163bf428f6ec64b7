#include "papers/reproduction.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/processor.h"
#include "base/text.h"
#include "base/version.h"
#include "lanes/kernels.h"
#include "papers/judge.h"
#include "papers/study_files.h"
#include "study/runner.h"

namespace iclab::papers {
namespace {

using report::Claim;
using report::Verdict;
using Clock = std::chrono::steady_clock;

constexpr const char* kDocument = "reproduction";  // what was asked for, in the store

[[noreturn]] void refuse_document(const study::Store& store, const std::string& key) {
  throw Error(fmt::format("{}: the document '{}' is damaged; restore the store from a copy, or reproduce again",
                          store.folder().string(), key));
}

// A document of JSON; null if there is none.
Json document_in(const study::Store& store, const std::string& key) {
  const std::optional<std::string> text = store.document(key);
  if (!text) return {};
  Json json = Json::parse(*text, nullptr, false);
  if (json.is_discarded()) refuse_document(store, key);
  return json;
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// A smoke run is the quick one with hardly any training.
std::vector<std::string> mode_overrides(Mode mode) {
  if (mode == Mode::kSmoke) return {"train.steps=20", "study.seeds=2"};
  return {};
}

const StudyFile* find_file(const std::string& paper, Mode mode, const std::string& name) {
  const std::string folder = mode == Mode::kFull ? "full" : "quick";
  for (const StudyFile& file : study_files())
    if (file.paper == paper && file.mode == folder && file.name == name) return &file;
  return nullptr;
}

// What a step costs, roughly in microseconds: only ratios matter, for the time left.
double step_weight(const study::Point& point) {
  const Settings& task = point.task.settings;
  const auto d = static_cast<double>(task.integer("dim"));
  if (point.training.loss == "population") return 5 + d * d * d * 1e-2;
  const auto n = static_cast<double>(task.integer("context"));
  if (point.model.kind == "transformer") {
    const auto layers = static_cast<double>(point.model.settings.integer("layers")),
               width = static_cast<double>(point.model.settings.integer("width"));
    return static_cast<double>(point.training.batch) * (2 * n + 1) * layers * width * width * 2e-3;
  }
  const auto hidden = static_cast<double>(point.model.settings.has("hidden") ? point.model.settings.integer("hidden") : 0);
  const double mlp = static_cast<double>(point.training.batch) * hidden * (hidden + d) * 6e-5;
  const double numbers = task.text("sampler") == "statistics" ? 2 * n + 3 * d : n * (d + 1) + d;
  return 5 + mlp + static_cast<double>(point.training.batch) * numbers * 1e-3;
}

int thread_count(int asked) { return asked > 0 ? asked : processor_count(); }

class Reproduction {
 public:
  /// `may_run`: false judges what the store has.
  Reproduction(const PaperRecipe& recipe, const ReproduceOptions& options,
               const std::filesystem::path& folder, bool may_run)
      : recipe_(recipe),
        options_(options),
        folder_(folder),
        may_run_(may_run),
        start_(Clock::now()) {
    if (may_run) (void)lanes::chosen_instruction_set();  // throws where nothing can be trained
    choose_claims();
    for (const ClaimRecipe* claim : chosen_) load_studies(*claim);
    // Only now: words that don't fit leave no folder behind.
    store_.emplace(folder, may_run ? study::Store::Access::kWrite : study::Store::Access::kRead);
    store_->set_patience({options_.stop, options_.tell_waiting});
    recall();
  }

  report::PaperReport run() {
    run_studies(order_);
    judge(chosen_);
    while (may_run_ && options_.mode != Mode::kSmoke && draw_more_seeds()) {
    }
    if (may_run_) remember();
    return whole_report();
  }

 private:
  struct Work {
    double weight = 1;       // per step
    std::int64_t steps = 0;  // of all runs
    bool may_stop = false;   // its runs have stop rules
    bool complete = false;
    std::int64_t failed = 0;
  };

  void choose_claims() {
    std::vector<std::string> ids, wanted = options_.claims;
    if (options_.headline) wanted.push_back(recipe_.headline);
    for (const ClaimRecipe& claim : recipe_.claims) ids.push_back(claim.id);
    for (const std::string& id : wanted)
      if (std::ranges::find(ids, id) == ids.end())
        throw UsageError(fmt::format("[reproduce] claim: found '{}', accepted are {}{}", id,
                                     join(ids), did_you_mean(id, ids)));
    for (const ClaimRecipe& claim : recipe_.claims)
      if (wanted.empty() || std::ranges::find(wanted, claim.id) != wanted.end())
        chosen_.push_back(&claim);
  }

  // ---- studies ----

  void load_studies(const ClaimRecipe& claim) {
    for (const auto* names : {&claim.judged, &claim.shown})
      for (const std::string& name : *names) load(in_mode(name));
    if (judged(claim).empty())
      throw Error(fmt::format("[reproduce] {}: no study file {} for mode {}", claim.id,
                              join(claim.judged, " or "), mode_name(options_.mode)));
  }

  // Of alternatives "A|B" the first that the mode has, else the last.
  std::string in_mode(const std::string& name) const {
    const size_t bar = name.find('|');
    if (bar == std::string::npos) return name;
    const std::string first = name.substr(0, bar);
    return find_file(recipe_.id, options_.mode, first) ? first : in_mode(name.substr(bar + 1));
  }

  // The studies of a claim's checks that the mode has.
  std::vector<std::string> judged(const ClaimRecipe& claim) const {
    std::vector<std::string> names;
    for (const std::string& name : claim.judged)
      if (studies_.contains(in_mode(name))) names.push_back(in_mode(name));
    return names;
  }

  void load(const std::string& name) {
    if (studies_.contains(name)) return;
    const StudyFile* file = find_file(recipe_.id, options_.mode, name);
    if (!file) return;
    order_.push_back(name);
    studies_[name] = parse(*file, 0);
    files_[name] = file;
    measure_work(name);
  }

  StudyPair parse(const StudyFile& file, std::int64_t seeds) const {
    const std::string path = fmt::format("{}.toml", file.name);
    std::vector<std::string> overrides = mode_overrides(options_.mode);
    StudyPair pair;
    pair.intended = study::parse_study(std::string(file.text), path, overrides);
    overrides.insert(overrides.end(), options_.overrides.begin(), options_.overrides.end());
    if (seeds > 0) overrides.push_back(fmt::format("study.seeds={}", seeds));
    pair.actual = study::parse_study(std::string(file.text), path, overrides);
    if (pair.actual.points.size() != pair.intended.points.size())
      throw UsageError(
          fmt::format("{}: overrides change its {} sweep points to {}; accepted are "
                      "overrides that keep their number",
                      path, pair.intended.points.size(), pair.actual.points.size()));
    return pair;
  }

  void measure_work(const std::string& name) {
    Work& work = work_[name];
    work = {};
    double weighted = 0;
    const study::Study& study = studies_.at(name).actual;
    for (const study::Point& point : study.points) {
      work.steps += point.steps * study.seeds;
      work.may_stop = work.may_stop || !point.stops.empty();
      weighted += step_weight(point) * static_cast<double>(point.steps * study.seeds);
    }
    work.weight = work.steps > 0 ? weighted / static_cast<double>(work.steps) : 1;
  }

  void run_studies(const std::vector<std::string>& names) {
    for (size_t i = 0; i < names.size(); ++i) {
      const std::string& name = names[i];
      const study::Study& study = studies_.at(name).actual;
      if (may_run_) {
        study::RunnerOptions runner;
        runner.threads = options_.threads;
        runner.stop = options_.stop;
        runner.tell_waiting = options_.tell_waiting;
        const std::string stage = fmt::format("{} ({} of {} studies)", name, i + 1, names.size());
        runner.progress = [&](const study::RunnerProgress& p) { tell(stage, name, p); };
        const study::RunnerSummary summary = study::run_study(study, *store_, runner);
        steps_before_ += summary.steps;
        if (work_[name].may_stop && summary.already_there == 0) {
          taken_before_ += summary.steps;
          most_before_ += work_[name].steps;
        }
        weight_before_ += static_cast<double>(summary.steps) * work_[name].weight;
        if (summary.stopped) interrupted(summary.set_aside);
      }
      const study::StudyStatus status = study::status(study, *store_);
      if (status.waiting + status.running > 0)
        throw Error(
            fmt::format("[reproduce] study {}: {} of its runs are not in the store; run the "
                        "reproduction to its end first",
                        name, status.waiting + status.running));
      work_[name].complete = true;
      work_[name].failed = status.failed;
    }
  }

  // A store that cannot be written, as another program reads it, keeps what it knows of earlier calls.
  [[noreturn]] void interrupted(bool is_busy) {
    if (!is_busy) remember();
    throw Interrupted(
        fmt::format("[reproduce] {}: stopped; what was done is saved in {}, the same "
                    "command goes on from there",
                    recipe_.id, folder_.string()));
  }

  // Of a study that waits: where runs may stop, as large a part of its steps as other such studies have taken.
  std::int64_t expected_steps(const Work& work) const {
    if (!work.may_stop || most_before_ == 0) return work.steps;
    return std::llround(static_cast<double>(work.steps) * static_cast<double>(taken_before_) / static_cast<double>(most_before_));
  }

  // Steps and time left of the whole reproduction, from what its steps have cost so far.
  void tell(const std::string& stage, const std::string& name,
            const study::RunnerProgress& p) const {
    if (!options_.progress) return;
    ReproduceProgress progress{.stage = stage};
    double weight_left = 0;
    for (const std::string& each : order_) {
      const Work& work = work_.at(each);
      const std::int64_t left = each == name    ? p.steps_total - p.steps_done
                                : work.complete ? 0
                                                : expected_steps(work);
      progress.steps_total += left;
      weight_left += static_cast<double>(left) * work.weight;
    }
    const double seconds = seconds_since(start_);
    const double weight =
        weight_before_ + static_cast<double>(p.steps_done) * work_.at(name).weight;
    progress.steps_per_second = static_cast<double>(steps_before_ + p.steps_done) / seconds;
    progress.steps_done = steps_before_ + p.steps_done;
    progress.steps_total += progress.steps_done;
    progress.seconds_left = weight > 0 ? weight_left * seconds / weight : 0;
    options_.progress(progress);
  }

  // ---- claims ----

  void judge(const std::vector<const ClaimRecipe*>& recipes) {
    const Measurements measurements(studies_, *store_);
    for (const ClaimRecipe* recipe : recipes) {
      Claim claim = recipe->judge(measurements);
      claim.id = recipe->id;
      claim.verdict = options_.mode == Mode::kSmoke ? Verdict::kNone : verdict_of(claim.checks);
      const std::string missing = missing_runs(*recipe);
      if (!missing.empty() && claim.verdict == Verdict::kReproduced)
        claim.verdict = Verdict::kInconclusive;
      if (claim.verdict != Verdict::kNone && claim.verdict != claim.expected)
        claim.cause = cause_of(*recipe, claim, missing, measurements);
      describe_runs(*recipe, claim);
      claims_[recipe->id] = std::move(claim);
    }
  }

  // "" or which runs a verdict would need and does not have.
  std::string missing_runs(const ClaimRecipe& recipe) const {
    std::string text;
    for (const std::string& name : judged(recipe)) {
      const StudyPair& pair = studies_.at(name);
      if (pair.actual.seeds < pair.intended.seeds)
        text += fmt::format("Seeds are missing: {} of {} in {}. ", pair.actual.seeds,
                            pair.intended.seeds, name);
      if (work_.at(name).failed > 0)
        text += fmt::format("{} runs of {} failed. ", work_.at(name).failed, name);
    }
    return text;
  }

  std::string cause_of(const ClaimRecipe& recipe, const Claim& claim, const std::string& missing,
                       const Measurements& measurements) const {
    std::string cause = missing;
    if (!options_.overrides.empty())
      cause += fmt::format("The studies were changed by {}. ", join(options_.overrides));
    if (recipe.cause) cause += recipe.cause(measurements);
    cause += departures(claim.checks);
    return std::string(trim(cause));
  }

  void describe_runs(const ClaimRecipe& recipe, Claim& claim) const {
    for (const auto* names : {&recipe.judged, &recipe.shown})
      for (const std::string& name : *names)
        if (const auto file = files_.find(name); file != files_.end())
          claim.studies.push_back({name + ".toml", std::string(file->second->text)});
    claim.command = fmt::format("iclab reproduce {} --{} --claim {}", recipe_.id,
                                mode_name(options_.mode), recipe.id);
    for (const std::string& text : options_.overrides)
      claim.command += fmt::format(" --set '{}'", text);
  }

  // Doubles the seeds of claims that are open (up to the limit) or depart (once); false: none was.
  bool draw_more_seeds() {
    std::set<std::string> changed;
    for (const ClaimRecipe* recipe : chosen_) {
      const Claim& claim = claims_.at(recipe->id);
      const bool departs = claim.verdict != claim.expected;
      const bool is_judged = std::ranges::any_of(
          claim.checks, [](const report::Check& check) { return check.outcome != report::Outcome::kShown; });
      if (!departs || !is_judged) continue;
      for (const std::string& name : recipe->undecided ? recipe->undecided(claim) : judged(*recipe)) {
        const std::int64_t seeds = studies_.at(name).actual.seeds;
        const bool is_open = claim.verdict == Verdict::kInconclusive;
        const bool was_doubled = doubled_.contains(name);
        // One seed: nothing random enters, more would be the same run again.
        if (studies_.at(name).intended.seeds == 1 || 2 * seeds > options_.seed_limit ||
            (!is_open && was_doubled))
          continue;
        changed.insert(name);
      }
    }
    if (changed.empty()) return false;

    std::vector<std::string> names(changed.begin(), changed.end());
    for (const std::string& name : names) {
      doubled_.insert(name);
      studies_.at(name) = parse(*files_.at(name), 2 * studies_.at(name).actual.seeds);
      measure_work(name);
    }
    run_studies(names);
    std::vector<const ClaimRecipe*> again;
    for (const ClaimRecipe* recipe : chosen_)
      if (std::ranges::any_of(judged(*recipe),
                              [&](const auto& name) { return changed.contains(name); }))
        again.push_back(recipe);
    judge(again);
    return true;
  }

  // ---- what was asked for, kept in the store ----

  Json request() const {
    Json json{{"paper", recipe_.id},
              {"mode", mode_name(options_.mode)},
              {"claims", Json::array()},
              {"overrides", options_.overrides}};
    for (const ClaimRecipe* claim : chosen_) json["claims"].push_back(claim->id);
    return json;
  }

  // All calls that changed nothing but the claims share a clock.
  std::string clock() const {
    return fmt::format("seconds, {} {}", mode_name(options_.mode), join(options_.overrides, " "));
  }

  // Time spent by earlier calls; for judging again, the seeds that they drew too.
  void recall() {
    const Json seconds = document_in(*store_, clock());
    if (seconds.is_number()) seconds_before_ = seconds.get<double>();
    if (may_run_) return;
    const Json all = document_in(*store_, kDocument).value("seeds", Json::object());
    for (const auto& [name, seeds] : all.items()) {
      const auto known = studies_.find(name);
      if (known == studies_.end() || !seeds.is_number_unsigned()) refuse_document(*store_, kDocument);
      known->second = parse(*files_.at(name), seeds.get<std::int64_t>());
      measure_work(name);
    }
  }

  void remember() {
    Json document{{"request", request()}, {"seeds", Json::object()}};
    for (const auto& [name, pair] : studies_) document["seeds"][name] = pair.actual.seeds;
    store_->set_document(kDocument, document.dump());
    store_->set_document(clock(), Json(seconds_before_ + seconds_since(start_)).dump());
  }

  report::PaperReport whole_report() {
    report::PaperReport whole;
    whole.paper = recipe_.id;
    recipe_.describe(whole);
    std::vector<Claim> listed = std::move(whole.claims);  // those that are not built
    whole.claims.clear();
    for (const ClaimRecipe* recipe : chosen_)
      whole.claims.push_back(std::move(claims_.at(recipe->id)));
    if (chosen_.size() == recipe_.claims.size())
      for (Claim& claim : listed) whole.claims.push_back(std::move(claim));
    const bool has_headline = claims_.contains(recipe_.headline);
    whole.headline = has_headline ? recipe_.headline : "";
    if (!has_headline) whole.headline_sentence.clear();
    state_facts(whole);
    return whole;
  }

  void state_facts(report::PaperReport& whole) const {
    whole.mode = mode_name(options_.mode);
    whole.seconds = seconds_before_ + (may_run_ ? seconds_since(start_) : 0);
    std::set<std::string> runs;  // studies may share runs
    for (const auto& [name, pair] : studies_) {
      whole.seeds = std::max(whole.seeds, pair.actual.seeds);
      for (const study::Point& point : pair.actual.points)
        for (std::int64_t seed = 0; seed < pair.actual.seeds; ++seed)
          runs.insert(pair.actual.run_id(point, seed));
    }
    for (const study::StoredRun& run : store_->runs()) {
      if (!runs.contains(run.id)) continue;
      ++whole.runs;
      whole.optimizer_steps += run.step;
    }
    whole.store_sha256 = store_->sha256();
    whole.version = kVersion;
    whole.numerics = kNumericsVersion;
    whole.machine =
        fmt::format("{}, {}", processor_name(), lanes::name(lanes::chosen_instruction_set()));
    whole.threads = thread_count(options_.threads);
  }

  const PaperRecipe& recipe_;
  ReproduceOptions options_;
  std::filesystem::path folder_;
  bool may_run_;
  Clock::time_point start_;
  std::optional<study::Store> store_;
  std::vector<const ClaimRecipe*> chosen_;
  std::vector<std::string> order_;  // of the studies
  std::map<std::string, StudyPair> studies_;
  std::map<std::string, const StudyFile*> files_;
  std::map<std::string, Work> work_;
  std::map<std::string, Claim> claims_;
  std::set<std::string> doubled_;
  std::int64_t steps_before_ = 0;  // of studies done in this call
  std::int64_t taken_before_ = 0, most_before_ = 0;  // of those whose runs may stop: steps taken, steps without that
  double weight_before_ = 0, seconds_before_ = 0;
};

// What a reproduction into the folder asked for; null if there was none.
Json request_in(const std::filesystem::path& folder) {
  const study::Store store(folder, study::Store::Access::kRead);
  const Json document = document_in(store, kDocument);
  if (document.is_null()) return {};
  const auto is_text = [](const Json& json) { return json.is_string(); };
  const auto is_texts = [&](const Json& json) { return json.is_array() && std::ranges::all_of(json, is_text); };
  const Json request = document.is_object() ? document.value("request", Json()) : Json();
  const bool whole = request.is_object() && is_text(request.value("paper", Json())) &&
                     is_text(request.value("mode", Json())) && is_texts(request.value("claims", Json())) &&
                     is_texts(request.value("overrides", Json()));
  if (!whole) refuse_document(store, kDocument);
  return request;
}

Mode mode_of(const std::string& name) {
  for (const Mode mode : {Mode::kSmoke, Mode::kQuick, Mode::kFull})
    if (name == mode_name(mode)) return mode;
  throw Error(fmt::format("[store] reproduction: found mode '{}'", name));
}

}  // namespace

Paper paper_of(const PaperRecipe& recipe,
               std::function<bool(const std::string&, const Json&, Comparison&)> verify) {
  report::PaperReport described;
  recipe.describe(described);
  Paper paper;
  paper.id = recipe.id;
  paper.title = described.title;
  paper.authors = described.authors;
  paper.arxiv = described.arxiv;
  paper.summary = described.summary;
  for (const ClaimRecipe& claim : recipe.claims) paper.claims.push_back(claim.id);
  paper.headline = recipe.headline;
  paper.reproduce = [&recipe](const ReproduceOptions& options) { return reproduce(recipe, options); };
  paper.judge_again = [&recipe](const std::filesystem::path& folder) {
    return judge_again(recipe, folder);
  };
  paper.verify = std::move(verify);
  return paper;
}

report::PaperReport reproduce(const PaperRecipe& recipe, const ReproduceOptions& options) {
  return Reproduction(recipe, options, options.out / recipe.id, true).run();
}

report::PaperReport judge_again(const PaperRecipe& recipe, const std::filesystem::path& folder) {
  const Json request = request_in(folder);
  if (request.is_null() || request.at("paper") != recipe.id)
    throw Error(fmt::format("{}: holds no reproduction of {}", folder.string(), recipe.id));
  ReproduceOptions options;
  options.mode = mode_of(request.at("mode").get<std::string>());
  options.claims = request.at("claims").get<std::vector<std::string>>();
  options.overrides = request.at("overrides").get<std::vector<std::string>>();
  return Reproduction(recipe, options, folder, false).run();
}

std::optional<std::string> paper_in(const std::filesystem::path& folder) {
  const Json request = request_in(folder);
  if (request.is_null()) return {};
  return request.at("paper").get<std::string>();
}

}  // namespace iclab::papers
