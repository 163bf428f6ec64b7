#include "study/stored_studies.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
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

}  // namespace

std::vector<Study> stored_studies(const Store& store) {
  std::vector<Study> studies;
  for (const std::string& key : store.document_keys()) {
    if (!is_study(key)) continue;
    const std::optional<Document> document = document_of(*store.document(key));
    const std::string where = fmt::format("{}: the document '{}'", store.folder().string(), key);
    if (!document) throw Damaged(where + " is damaged: it is no study; restore the store from a copy");
    try {
      studies.push_back(parse_study(document->text, document->file, document->overrides));
    } catch (const UsageError& error) {
      throw Error(fmt::format("{} is not accepted by this build, or damaged: {}; run its mended file into this folder again",
                              where, error.what()));
    }
  }
  return studies;
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

bool same_study(const std::string& document, const std::string& other) {
  const auto a = document_of(document), b = document_of(other);
  return a && b && a->text == b->text && a->overrides == b->overrides;
}

bool Portion::has(std::int64_t index) const {
  return shards_.empty() ||
         std::ranges::any_of(shards_, [&](const auto& shard) { return index % shard.second == shard.first; });
}

std::vector<std::int64_t> run_numbers(const Study& study) {
  std::map<std::string, std::int64_t> known;
  std::vector<std::int64_t> numbers;
  for (const Point& point : study.points) {
    const auto next = static_cast<std::int64_t>(known.size()) * study.seeds;
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
