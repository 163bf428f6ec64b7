#include "cli/failure.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <new>
#include <string>

#include "base/error.h"

namespace iclab::cli {
namespace {

template <class F>
Failure failure_in(F&& f) {
  try {
    f();
  } catch (...) {
    return failure_of(std::current_exception());
  }
  return {"nothing thrown", -1};
}

TEST(Failure, OfOursSpeaksForItself) {
  const Failure usage = failure_in([] { throw UsageError("dim: found 0"); });
  EXPECT_EQ(usage.message, "dim: found 0");
  EXPECT_EQ(usage.exit_code, 2);
  const Failure other = failure_in([] { throw Error("no room"); });
  EXPECT_EQ(other.message, "no room");
  EXPECT_EQ(other.exit_code, 1);
}

TEST(Failure, OfALibraryIsASentence) {
  const Failure number = failure_in([] { (void)std::stod("x"); });
  EXPECT_EQ(number.message, "an internal error: stod; please report it with the command that led to it");
  EXPECT_EQ(number.exit_code, 1);
  const Failure json = failure_in([] { (void)nlohmann::json("\xff").dump(); });
  EXPECT_TRUE(json.message.starts_with("an internal error: [json.exception.")) << json.message;
  EXPECT_EQ(json.exit_code, 1);
}

TEST(Failure, OfTheSystemNamesTheFile) {
  const Failure memory = failure_in([] { throw std::bad_alloc(); });
  EXPECT_EQ(memory.message, "out of memory");
  const Failure file = failure_in([] { (void)std::filesystem::file_size("/no\xff/such"); });
  EXPECT_EQ(file.message, "/no\\xff/such: No such file or directory");
  EXPECT_EQ(file.exit_code, 1);
}

}  // namespace
}  // namespace iclab::cli
