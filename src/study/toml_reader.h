// A study file as a tree of values, each with the line it was written in. Nothing here knows what a
// study is; every error of the TOML language is found here.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/settings.h"

namespace iclab::study {

struct Entry;

/// A value, a table or a list of the file.
struct Node {
  enum class Type { kValue, kTable, kList };

  Type type = Type::kTable;
  Setting value;                              // kValue: bool, integer, real or text
  std::vector<Entry> entries;                 // kTable, in the order of the file
  std::vector<Node> items;                    // kList
  std::shared_ptr<const std::string> source;  // "study.toml" or "--set task.dim=3"
  int line = 0;                               // 0: the source is no file

  /// "study.toml:12" or "--set task.dim=3".
  std::string where() const;

  /// What was found, for messages: "a table", "[1, 2]", "'text'".
  std::string found() const;

  const Node* find(const std::string& key) const;
  Node* find(const std::string& key);
  std::vector<std::string> keys() const;

  /// A value, or a list of numbers of one kind, as a setting. Throws UsageError that begins with
  /// `at`.
  Setting setting(const std::string& at) const;
};

struct Entry {
  std::string key;
  Node node;
};

/// Most items a list may have, and bytes a file.
inline constexpr size_t kMaxListItems = 100'000;
inline constexpr size_t kMaxFileBytes = 1 << 20;

/// Reads TOML. Throws UsageError: file, line, what is wrong (also for bytes that are not UTF-8,
/// nesting too deep to be meant, lists too long).
Node read_toml(const std::string& text, const std::string& file_name);

/// The node at these keys. An item of a list is named by its position from 0 or by its `name`,
/// `kind` or `match`; tables that are not there yet are made. Throws UsageError that begins with
/// `where`.
Node& node_at(Node& root, const std::vector<std::string>& keys, const std::string& where);

/// Sets a key of the tree from "key=value" with a TOML value (a bare word stands for text). Keys
/// are dotted, as for node_at; those of [sweep] may be written with or without quotes. Throws
/// UsageError that begins with "--set".
void apply_override(Node& root, const std::string& assignment);

}  // namespace iclab::study
