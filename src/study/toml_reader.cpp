#include "study/toml_reader.h"

#define TOML_MAX_NESTED_VALUES 32  // with the dots of a key: bounds the depth of the tree
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/error.h"
#include "base/text.h"

namespace iclab::study {
namespace {

constexpr int kMaxKeyParts = 16;

using Source = std::shared_ptr<const std::string>;

// Walks over the text outside comments and strings. Keys of thousands of parts would make trees too
// deep to walk by recursion; toml++ bounds only values within values.
class DepthCheck {
 public:
  explicit DepthCheck(const std::string& text) : text_(text) {}

  /// The first line with a key of too many parts, or 0.
  int first_bad_line() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\n') ++line_;
      if (c == '#') at_ = std::min(text_.find('\n', at_), text_.size());
      else if (c == '"' || c == '\'') skip_string(c);
      else if (count_part(c)) return line_;
      else ++at_;
    }
    return 0;
  }

 private:
  bool count_part(char c) {
    if (c == '.') return ++parts_ > kMaxKeyParts;
    const bool in_key = std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == ' ' ||
                        c == '\t';
    if (!in_key) parts_ = 0;
    return false;
  }

  void skip_string(char quote) {
    const std::string three(3, quote);
    const bool multi_line = text_.compare(at_, 3, three) == 0;
    at_ += multi_line ? 3 : 1;
    for (; at_ < text_.size(); ++at_) {
      if (multi_line && text_.compare(at_, 3, three) == 0) {
        at_ += 3;
        return;
      }
      if (!multi_line && (text_[at_] == quote || text_[at_] == '\n')) {
        at_ += text_[at_] == quote;
        return;
      }
      if (text_[at_] == '\n') ++line_;
      if (text_[at_] == '\\' && quote == '"') ++at_;
    }
  }

  const std::string& text_;
  size_t at_ = 0;
  int line_ = 1, parts_ = 0;
};

std::string line_of(const std::string& text, int line) {
  size_t begin = 0;
  for (int i = 1; i < line && begin != std::string::npos; ++i) {
    begin = text.find('\n', begin);
    if (begin != std::string::npos) ++begin;
  }
  if (begin == std::string::npos || begin >= text.size()) return "";
  std::string found(trim(std::string_view(text).substr(begin, text.find('\n', begin) - begin)));
  if (found.size() > 80) found = found.substr(0, 77) + "...";
  return is_utf8(found) ? found : "";
}

std::string place(const std::string& source, int line) {
  return line > 0 ? fmt::format("{}:{}", source, line) : source;
}

void check_bytes(const std::string& text, const std::string& source) {
  if (text.size() > kMaxFileBytes)
    throw UsageError(fmt::format("{}: found {} bytes, accepted are at most {}", source, text.size(),
                                 kMaxFileBytes));
  int line = 1;
  for (size_t begin = 0; begin < text.size(); ++line) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    if (!is_utf8(std::string_view(text).substr(begin, end - begin)))
      throw UsageError(fmt::format("{}:{}: found bytes that are not UTF-8; accepted is UTF-8 text",
                                   source, line));
    begin = end + 1;
  }
  if (const int bad = DepthCheck(text).first_bad_line())
    throw UsageError(fmt::format("{}:{}: found a key of more than {} parts, accepted are keys such as "
                                 "train.optimizer.lr", source, bad, kMaxKeyParts));
}

toml::table parse(const std::string& text, const std::string& source, bool is_file) {
  try {
    return toml::parse(text, source);
  } catch (const toml::parse_error& error) {
    const int line = is_file ? static_cast<int>(error.source().begin.line) : 0;
    const std::string where = place(source, line);
    const std::string quoted = is_file ? line_of(text, line) : "";
    const std::string description(error.description());
    const std::string found = quoted.empty() ? "" : fmt::format("found \"{}\": ", quoted);
    if (description.find("redefine") != std::string::npos)
      throw UsageError(fmt::format("{}: {}this key was given before; accepted is each key once", where,
                                   found));
    throw UsageError(fmt::format("{}: {}not TOML: {}", where, found, description));
  }
}

Node convert(const toml::node& node, const Source& source, bool is_file);

void convert_table(const toml::table& table, Node& out, const Source& source, bool is_file) {
  std::vector<const toml::key*> keys;  // toml++ sorts them by name
  for (const auto& [key, value] : table) keys.push_back(&key);
  std::ranges::stable_sort(keys, [](const toml::key* a, const toml::key* b) {
    const auto& x = a->source().begin;
    const auto& y = b->source().begin;
    return x.line != y.line ? x.line < y.line : x.column < y.column;
  });
  for (const toml::key* key : keys)
    out.entries.push_back({std::string(key->str()), convert(*table.get(*key), source, is_file)});
}

Node convert(const toml::node& node, const Source& source, bool is_file) {
  Node out;
  out.source = source;
  out.line = is_file ? static_cast<int>(node.source().begin.line) : 0;
  out.type = Node::Type::kValue;
  if (const toml::table* table = node.as_table()) {
    out.type = Node::Type::kTable;
    convert_table(*table, out, source, is_file);
  } else if (const toml::array* array = node.as_array()) {
    out.type = Node::Type::kList;
    if (array->size() > kMaxListItems)
      throw UsageError(fmt::format("{}: found a list of {} items, accepted are at most {}", out.where(),
                                   array->size(), kMaxListItems));
    out.items.reserve(array->size());
    for (const toml::node& item : *array) out.items.push_back(convert(item, source, is_file));
  } else if (const auto boolean = node.value_exact<bool>()) {
    out.value = *boolean;
  } else if (const auto integer = node.value_exact<std::int64_t>()) {
    out.value = *integer;
  } else if (const auto real = node.value_exact<double>()) {
    out.value = *real;
  } else if (auto text = node.value_exact<std::string>()) {
    out.value = std::move(*text);
  } else {
    throw UsageError(fmt::format("{}: found a date or time, accepted are true or false, numbers, text, "
                                 "lists and tables", out.where()));
  }
  return out;
}

// ---- overrides ---------------------------------------------------------------------------------

bool is_bare_word(std::string_view text) {
  if (text.empty() || !std::isalpha(static_cast<unsigned char>(text[0]))) return false;
  const bool plain = std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_' || c == '.' || c == '/' || c == '+';
  });
  return plain && text != "true" && text != "false" && text != "inf" && text != "nan";
}

// The parts of a dotted key; quoted parts keep their dots.
std::vector<std::string> key_parts(std::string_view key, const std::string& where) {
  std::vector<std::string> parts(1);
  char quote = 0;
  for (const char c : key) {
    if (quote) {
      if (c == quote) quote = 0;
      else parts.back() += c;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '.') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  const bool empty = std::ranges::any_of(parts, [](const std::string& part) { return part.empty(); });
  if (quote || empty || parts.size() > kMaxKeyParts)
    throw UsageError(fmt::format("{}: found the key '{}', accepted are keys such as task.dim or "
                                 "train.optimizer.lr", where, key));
  return parts;
}

// "sweep", "task.items" from sweep.task.items.
void join_sweep_key(std::vector<std::string>& parts) {
  if (parts.size() <= 2 || parts[0] != "sweep") return;
  const std::vector<std::string> key(parts.begin() + 1, parts.end());
  parts = {"sweep", join(key, ".")};
}

Node& item_named(Node& list, const std::string& name, const std::string& where) {
  size_t position = 0;
  const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), position);
  if (failure == std::errc() && end == name.data() + name.size() && position < list.items.size())
    return list.items[position];
  std::vector<Node*> found;
  std::vector<std::string> names;
  for (Node& item : list.items) {
    for (const char* key : {"name", "kind", "match"}) {
      const Node* label = item.find(key);
      const auto* text = label ? std::get_if<std::string>(&label->value) : nullptr;
      if (!text) continue;
      names.push_back(*text);
      if (*text == name) found.push_back(&item);
      break;
    }
  }
  if (found.size() == 1) return *found[0];
  throw UsageError(fmt::format("{}: found '{}', which names {} items; accepted are positions from 0 to "
                               "{}{}{}", where, name, found.size(),
                               static_cast<std::int64_t>(list.items.size()) - 1,
                               names.empty() ? "" : " and " + join(names), did_you_mean(name, names)));
}

}  // namespace

std::string Node::where() const { return place(source ? *source : "", line); }

std::string Node::found() const {
  if (type == Type::kTable) return "a table";
  if (type == Type::kValue) return to_text(value);
  std::vector<std::string> parts;
  for (size_t i = 0; i < std::min<size_t>(items.size(), 4); ++i) parts.push_back(items[i].found());
  if (items.size() > 4) parts.push_back("...");
  return fmt::format("[{}]", join(parts));
}

const Node* Node::find(const std::string& key) const {
  const auto entry = std::ranges::find(entries, key, &Entry::key);
  return entry == entries.end() ? nullptr : &entry->node;
}

Node* Node::find(const std::string& key) {
  return const_cast<Node*>(static_cast<const Node*>(this)->find(key));
}

std::vector<std::string> Node::keys() const {
  std::vector<std::string> names;
  for (const auto& [key, node] : entries) names.push_back(key);
  return names;
}

Setting Node::setting(const std::string& at) const {
  if (type == Type::kValue) return value;
  std::vector<std::int64_t> integers;
  std::vector<double> reals;
  for (const Node& item : items) {
    const auto* integer = std::get_if<std::int64_t>(&item.value);
    const auto* real = std::get_if<double>(&item.value);
    if (item.type != Type::kValue || (!integer && !real))
      throw UsageError(fmt::format("{}: found {}, accepted is a value or a list of numbers", at, found()));
    if (integer) integers.push_back(*integer);
    reals.push_back(integer ? static_cast<double>(*integer) : *real);
  }
  if (type == Type::kTable)
    throw UsageError(fmt::format("{}: found a table, accepted is a value or a list of numbers", at));
  if (integers.size() == reals.size()) return integers;
  return reals;
}

Node read_toml(const std::string& text, const std::string& file_name) {
  check_bytes(text, file_name);
  return convert(parse(text, file_name, true), std::make_shared<const std::string>(file_name), true);
}

void apply_override(Node& root, const std::string& assignment) {
  const std::string where = "--set " + assignment;
  const size_t equals = assignment.find('=');
  if (equals == std::string::npos)
    throw UsageError(fmt::format("{}: found no '=', accepted is --set key=value", where));
  check_bytes(assignment, where);
  const std::string_view key = trim(std::string_view(assignment).substr(0, equals));
  std::string value(trim(std::string_view(assignment).substr(equals + 1)));
  if (is_bare_word(value)) value = fmt::format("\"{}\"", value);

  const toml::table parsed = parse(fmt::format("value = {}", value), where, false);
  if (parsed.size() != 1 || !parsed.contains("value"))
    throw UsageError(fmt::format("{}: found more than one value, accepted is --set key=value", where));
  const auto source = std::make_shared<const std::string>(where);
  Node converted = convert(*parsed.get("value"), source, false);

  std::vector<std::string> parts = key_parts(key, where);
  join_sweep_key(parts);
  node_at(root, parts, where) = std::move(converted);
}

Node& node_at(Node& root, const std::vector<std::string>& keys, const std::string& where) {
  Node* at = &root;
  for (const std::string& key : keys) {
    if (at->type == Node::Type::kValue)
      throw UsageError(fmt::format("{}: '{}' stands in a value ({}), accepted is a key of a table", where,
                                   key, at->found()));
    if (at->type == Node::Type::kList) {
      at = &item_named(*at, key, where);
    } else if (Node* entry = at->find(key)) {
      at = entry;
    } else {
      Node table;
      table.source = std::make_shared<const std::string>(where);
      at->entries.push_back({key, std::move(table)});
      at = &at->entries.back().node;
    }
  }
  return *at;
}

}  // namespace iclab::study
