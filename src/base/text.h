// Small helpers for messages.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace iclab {

/// The name of `names` that is `found` in other capitals, else the nearest one
/// (Damerau-Levenshtein), or "" if none is near enough to be a slip of the pen: of a single letter
/// every other one is as near, of longer names more than a third of the letters differ.
std::string nearest_name(std::string_view found, std::span<const std::string> names);

/// "; did you mean 'x'?" or "".
std::string did_you_mean(std::string_view found, std::span<const std::string> names);

/// "a, b, c".
std::string join(std::span<const std::string> parts, std::string_view separator = ", ");

/// The parts of `text` between separators, blanks trimmed; "" has no parts.
std::vector<std::string> split(std::string_view text, char separator);

/// The text without blanks at its ends.
std::string_view trim(std::string_view text);

/// "850 ms", "12.3 s", "4 min 05 s", "3 h 20 min".
std::string human_seconds(double seconds);

/// True if the bytes are well-formed UTF-8.
bool is_utf8(std::string_view bytes);

/// The text with each control character, but the newline, and each byte that is no part of
/// well-formed UTF-8 written as \xNN: what a terminal, a table or a line of JSON shows whole.
std::string printable(std::string_view text);

/// The same with newlines written as \x0a, for texts that are quoted within a line. What it leaves as
/// it is may be a name.
std::string printable_line(std::string_view text);

}  // namespace iclab
