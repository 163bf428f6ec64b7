// Study files and folders for the tests of study/.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/error.h"
#include "study/study.h"

namespace iclab::study {

/// A folder of its own, removed with everything in it.
class TestFolder {
 public:
  TestFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "iclab-study-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline void write_text(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
}

/// A small study of prompts: line 1 is [study], line 3 seeds, ...
inline const std::string kSmallStudy = R"([study]
name = "small"
seeds = 2

[task]
kind = "linear-regression"
dim = 3
context = 8

[model]
kind = "linear-attention"
form = "factored"
alpha = 0.3

[train]
optimizer = { kind = "adam", lr = 0.01 }
batch = 32
steps = 40

[[probe]]
kind = "risk"
every = 10

[[probe]]
kind = "loss"
at = "log"
points = 5
)";

/// The text with one part exchanged; the part must be there once.
inline std::string with(std::string text, const std::string& part, const std::string& by) {
  const size_t at = text.find(part);
  EXPECT_NE(at, std::string::npos) << part;
  if (at == std::string::npos) return text;
  EXPECT_EQ(text.find(part, at + 1), std::string::npos) << part;
  return text.replace(at, part.size(), by);
}

/// The message of the E that f throws.
template <class E, class F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (const E& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing thrown";
  return "";
}

}  // namespace iclab::study
