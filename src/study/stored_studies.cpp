#include "study/stored_studies.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/json.h"

namespace iclab::study {
namespace {

const std::string kStudy = "study/", kPortion = "shards/";

struct Document {
  std::string file, text;
  std::vector<std::string> overrides;
};

bool is_text(const Json& json) { return json.is_string(); }

// Nothing if the document is none of a study.
std::optional<Document> document_of(const std::string& content) {
  const Json json = Json::parse(content, nullptr, false);
  const bool whole = json.is_object() && json.contains("file") && json.contains("text") && json.contains("overrides") &&
                     is_text(json["file"]) && is_text(json["text"]) && json["overrides"].is_array() &&
                     std::ranges::all_of(json["overrides"], is_text);
  if (!whole) return {};
  return Document{json["file"].get<std::string>(), json["text"].get<std::string>(),
                  json["overrides"].get<std::vector<std::string>>()};
}

Study study_in(const std::string& document, const std::string& where) {
  const std::optional<Document> found = document_of(document);
  if (!found) throw Damaged(where + " is damaged: it is no study; restore the store from a copy");
  try {
    return parse_study(found->text, found->file, found->overrides);
  } catch (const UsageError& error) {
    throw Error(fmt::format("{} is not accepted by this build, or damaged: {}; run its mended file into this folder again",
                            where, error.what()));
  }
}

}  // namespace

std::vector<Study> stored_studies(const Store& store) {
  std::vector<Study> studies;
  for (const std::string& key : store.document_keys()) {
    if (!is_study(key)) continue;
    studies.push_back(study_in(*store.document(key), fmt::format("{}: the document '{}'", store.folder().string(), key)));
  }
  return studies;
}

std::vector<std::string> study_names(const Store& store) {
  std::vector<std::string> names;
  for (const std::string& key : store.document_keys())
    if (is_study(key)) names.push_back(key.substr(kStudy.size()));
  return names;
}

void store_study(const Study& study, Store& store) {
  // The file's name serves messages; a path need not be UTF-8, which JSON must be.
  const Json json{{"file", study.file}, {"text", study.text}, {"overrides", study.overrides}};
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (store.document(kStudy + study.name) != text) store.set_document(kStudy + study.name, text);
  std::vector<Store::StoredProbe> probes;
  std::set<std::string> seen;
  for (const Point& point : study.points)
    for (const ProbeSpec& probe : point.probes)
      if (seen.insert(probe.id).second)
        probes.push_back({probe.id, probe.choice.kind, probe.choice.settings.json().dump()});
  store.add_probes(probes);
}

bool is_study(const std::string& key) { return key.starts_with(kStudy); }

namespace {

std::set<std::string> runs_of(const Study& study) {
  std::set<std::string> runs;
  for (const Point& point : study.points) {
    const std::string identity = point.identity().dump(), salt = study.salt(point);
    for (std::int64_t seed = 0; seed < study.seeds; ++seed) runs.insert(study.run_id(identity, salt, seed));
  }
  return runs;
}

size_t probes_of(const Study& study) { return study.points[0].probes.size(); }

}  // namespace

const std::string& wider_study(const std::string& ours, const std::string& theirs, const std::string& where) {
  if (ours == theirs) return ours;
  const Study a = study_in(ours, where), b = study_in(theirs, where);
  const std::set<std::string> in_a = runs_of(a), in_b = runs_of(b);
  const bool has_theirs = std::ranges::includes(in_a, in_b), has_ours = std::ranges::includes(in_b, in_a);
  if (!has_theirs && !has_ours)
    throw Error(fmt::format("{} is not the same study in both stores: each has runs that the other has not; accepted are "
                            "parts of one study, which may have been extended",
                            where));
  if (has_theirs != has_ours) return has_theirs ? ours : theirs;
  const auto size = [](const Study& study) { return std::pair(study.points[0].steps, probes_of(study)); };
  return size(b) > size(a) ? theirs : ours;
}

std::int64_t shard_of(std::int64_t point, std::int64_t seed, std::int64_t points, std::int64_t shards) {
  std::int64_t a = points;
  while (std::gcd(a, shards) != 1) ++a;
  return (point + a % shards * (seed % shards)) % shards;
}

bool Portion::has(std::int64_t point, std::int64_t seed, std::int64_t points) const {
  return shards_.empty() || std::ranges::any_of(shards_, [&](const auto& shard) {
           return shard_of(point, seed, points, shard.second) == shard.first;
         });
}

std::vector<std::int64_t> point_numbers(const Study& study) {
  std::map<std::string, std::int64_t> known;
  std::vector<std::int64_t> numbers;
  for (const Point& point : study.points) {
    const auto next = static_cast<std::int64_t>(known.size());
    numbers.push_back(known.emplace(point.identity().dump(), next).first->second);
  }
  return numbers;
}

Portion portion_of(const Store& store, const std::string& study) {
  const std::optional<std::string> text = store.document(kPortion + study);
  if (!text) return {};
  const Json json = Json::parse(*text, nullptr, false);
  std::vector<std::pair<std::int64_t, std::int64_t>> shards;
  bool whole = json.is_array();
  for (size_t i = 0; whole && i < json.size(); ++i) {
    const Json& one = json[i];
    whole = one.is_array() && one.size() == 2 && one[0].is_number_unsigned() && one[1].is_number_unsigned() &&
            one[0] < one[1];
    if (whole) shards.emplace_back(one[0].get<std::int64_t>(), one[1].get<std::int64_t>());
  }
  if (!whole)
    throw Damaged(fmt::format("{}: the document '{}' is damaged: found {}", store.folder().string(), kPortion + study,
                              *text));
  return Portion(std::move(shards));
}

void add_portion(Store& store, const std::string& study, std::int64_t shard, std::int64_t shards) {
  const std::string key = kPortion + study;
  const Portion before = portion_of(store, study);
  const bool is_new = !store.document(kStudy + study);
  if (shards == 1) {
    if (!before.is_all()) store.drop_document(key);
    return;
  }
  if (before.is_all() && !is_new) return;  // it is for all runs already
  auto all = before.shards();
  if (std::ranges::find(all, std::pair(shard, shards)) != all.end()) return;
  all.emplace_back(shard, shards);
  store.set_document(key, Json(all).dump());
}

bool is_portion(const std::string& key) { return key.starts_with(kPortion); }

}  // namespace iclab::study
