// How far a long command is, on stderr: a bar that is redrawn on a terminal, a plain line every few
// seconds elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace iclab::cli {

struct ProgressState {
  std::string label;                             // "12 of 64 runs"
  std::int64_t steps_done = 0, steps_total = 0;  // optimiser steps
  double steps_per_second = 0, seconds_left = 0;
};

/// One line, without its newline: the label, a bar of `bar_width` cells (0: none), percent, rate,
/// time left.
std::string progress_line(const ProgressState& state, int bar_width);

/// Not safe to call from several threads at once.
class Progress {
 public:
  explicit Progress(bool is_terminal);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(const ProgressState& state);

  /// Removes the bar, or writes the last plain line.
  void finish();

 private:
  void draw();

  bool is_terminal_;
  bool pending_ = false;  // the last state has not been shown
  ProgressState state_;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace iclab::cli
