// Conditions that end a command, with a message for a person.
#pragma once

#include <stdexcept>
#include <string>

namespace iclab {

/// Ends the command with exit status 1. The message begins with where (file, line, key or
/// operation), then what was found, then what is accepted. What it quotes may hold any bytes (names
/// of files, values of a study): they are made printable, so that nothing is cut or garbled.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message);
};

/// The caller's words are wrong (a flag, a key, a value): exit status 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

}  // namespace iclab
