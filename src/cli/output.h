// The two streams of a command: results on stdout, everything else on stderr.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"

namespace iclab::cli {

/// Writes a command's results. A reader that went away is no error; throws Error if the stream is
/// full.
void write_results(const std::string& text);

/// A line on stderr; clears what a progress bar left on it.
void say(const std::string& line);

/// A path as a person reads it: relative to the current folder, if it lies in it.
std::string shown(const std::filesystem::path& path);

/// Tells on stderr that another program keeps the store in the folder from being written.
void say_waiting(const std::filesystem::path& folder);

/// True if stderr is a terminal that understands a carriage return.
bool stderr_is_terminal();

/// One line of JSON with its newline.
std::string json_line(const Json& json);

/// Columns padded to their widest cell, two blanks between; the first row is the heading. Cells are
/// UTF-8, one column a code point.
std::string table(const std::vector<std::vector<std::string>>& rows);

/// A count as a person reads it: "999", "12.3k", "4.56M", "1.2G".
std::string human_count(double count);

/// "512 B", "1.5 MB", "2.25 GB" (powers of 1000).
std::string human_bytes(double bytes);

}  // namespace iclab::cli
