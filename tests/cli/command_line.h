// Runs the real `iclab` as a user's shell would, and keeps what came out.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/json.h"

namespace iclab::test {

struct Outcome {
  int exit_code = -1;  // 128 + signal if a signal ended it
  std::string out, err;

  /// stdout as JSON; a test failure and null if it is none.
  Json json() const;
};

using Environment = std::map<std::string, std::string>;  // added to the tests' own

/// A running `iclab`.
class Process {
 public:
  Process(const std::vector<std::string>& words, const Environment& environment = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void send(int signal) const;
  bool running();

  /// Waits for its end.
  Outcome wait();

 private:
  std::filesystem::path out_, err_;
  pid_t pid_ = -1;
  int status_ = 0;
  bool ended_ = false;
};

/// Runs `iclab WORDS` to its end.
Outcome iclab(const std::vector<std::string>& words, const Environment& environment = {});

/// Runs a line of shell in which "$ICLAB" is the program.
Outcome shell(const std::string& line);

/// A fresh folder that is removed with the object.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

  /// Writes a file into it and returns its path.
  std::string write(const std::string& name, const std::string& text) const;

 private:
  std::filesystem::path path_;
};

std::string read_text(const std::filesystem::path& file);

/// A file of the repository.
std::string source_file(const std::string& path);

/// A study that takes well under a second: 4 runs (2 sweep points, 2 seeds) of 60 steps.
std::string small_study();

}  // namespace iclab::test
