#include "cli/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/text.h"
#include "cli/output.h"

namespace iclab::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kRedraw{100};
constexpr std::chrono::seconds kPlainLine{5};
constexpr int kBarWidth = 24;
constexpr int kNarrow = 72;  // columns; below, the bar itself is left out

int terminal_columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::string progress_line(const ProgressState& state, int bar_width) {
  const double fraction = state.steps_total > 0
                              ? std::clamp(static_cast<double>(state.steps_done) /
                                               static_cast<double>(state.steps_total),
                                           0.0, 1.0)
                              : 1.0;  // nothing is left to do
  std::string line;
  if (bar_width > 0) {
    const int filled = static_cast<int>(fraction * bar_width);
    line = fmt::format("[{}{}] ", std::string(static_cast<size_t>(filled), '#'),
                       std::string(static_cast<size_t>(bar_width - filled), '-'));
  }
  line += fmt::format("{:3.0f}%  {}", 100 * fraction, state.label);
  if (state.steps_per_second > 0)
    line += fmt::format("  {} steps/s", human_count(state.steps_per_second));
  if (state.seconds_left > 0) line += fmt::format("  {} left", human_seconds(state.seconds_left));
  return line;
}

Progress::Progress(bool is_terminal)
    : is_terminal_(is_terminal),
      next_(Clock::now() + (is_terminal ? Clock::duration{} : kPlainLine)) {}

Progress::~Progress() { finish(); }

void Progress::update(const ProgressState& state) {
  state_ = state;
  pending_ = true;
  if (Clock::now() >= next_) draw();
}

void Progress::draw() {
  if (is_terminal_) {
    const int columns = terminal_columns();
    std::string line = progress_line(state_, columns < kNarrow ? 0 : kBarWidth);
    if (line.size() >= static_cast<size_t>(columns)) line.resize(static_cast<size_t>(columns - 1));
    line = "\r\x1b[K" + line;
    (void)!std::fwrite(line.data(), 1, line.size(), stderr);
  } else {
    say(progress_line(state_, 0));
  }
  next_ = Clock::now() + (is_terminal_ ? Clock::duration(kRedraw) : Clock::duration(kPlainLine));
  pending_ = false;
}

void Progress::finish() {
  if (pending_) draw();
  pending_ = false;
  if (is_terminal_) (void)!std::fwrite("\r\x1b[K", 1, 4, stderr);
}

}  // namespace iclab::cli
