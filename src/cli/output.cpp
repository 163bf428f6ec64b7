#include "cli/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace iclab::cli {
namespace {

// Code points of a UTF-8 text: all bytes but the continuing ones.
size_t width(const std::string& cell) {
  return static_cast<size_t>(
      std::count_if(cell.begin(), cell.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string scaled(double number, const char* separator, const std::vector<const char*>& units) {
  size_t unit = 0;
  while (number >= 999.5 && unit + 1 < units.size()) {
    number /= 1000;
    ++unit;
  }
  if (unit == 0) return fmt::format("{:.0f}{}{}", number, separator, units[0]);
  return fmt::format("{:.3g}{}{}", number, separator, units[unit]);
}

}  // namespace

void write_results(const std::string& text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (written && std::fflush(stdout) == 0) return;
  if (errno != EPIPE) throw Error(fmt::format("standard output: {}", std::strerror(errno)));
}

void say(const std::string& line) {
  const std::string clear = stderr_is_terminal() ? "\r\x1b[K" : "";
  // Nobody is left to be told if stderr itself fails.
  const std::string text = clear + line + "\n";
  (void)!std::fwrite(text.data(), 1, text.size(), stderr);
}

std::string shown(const std::filesystem::path& path) {
  const std::filesystem::path near = path.lexically_relative(std::filesystem::current_path());
  return near.empty() || near.native().starts_with("..") ? path.string() : near.string();
}

void say_waiting(const std::filesystem::path& folder) {
  say(fmt::format("iclab: another program reads {}: what is trained meanwhile waits in memory until it can be written",
                  (folder / "store.sqlite").string()));
}

bool stderr_is_terminal() {
  static const bool answer = [] {
    const char* term = std::getenv("TERM");
    return isatty(STDERR_FILENO) == 1 && term != nullptr && std::string(term) != "dumb";
  }();
  return answer;
}

std::string json_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i)
      line += row[i] + std::string(widths[i] - width(row[i]) + 2, ' ');
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string human_count(double count) { return scaled(count, "", {"", "k", "M", "G", "T"}); }

std::string human_bytes(double bytes) { return scaled(bytes, " ", {"B", "kB", "MB", "GB", "TB"}); }

}  // namespace iclab::cli
