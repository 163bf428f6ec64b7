// What a command that could not end says, and its exit status.
#pragma once

#include <exception>
#include <string>

namespace iclab::cli {

struct Failure {
  std::string message;  // one line, printable
  int exit_code = 1;
};

/// An Error speaks for itself (UsageError: exit status 2). Everything else gets a sentence: a person
/// can do nothing with "stod".
Failure failure_of(const std::exception_ptr& error);

}  // namespace iclab::cli
