#include "cli/failure.h"

#include <fmt/format.h>

#include <filesystem>
#include <new>
#include <system_error>

#include "base/error.h"
#include "base/text.h"

namespace iclab::cli {

Failure failure_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const UsageError& e) {
    return {e.what(), 2};
  } catch (const Error& e) {
    return {e.what(), 1};
  } catch (const std::bad_alloc&) {
    return {"out of memory", 1};
  } catch (const std::filesystem::filesystem_error& e) {
    return {printable(fmt::format("{}: {}", e.path1().string(), e.code().message())), 1};
  } catch (const std::system_error& e) {
    return {printable(fmt::format("the system refused: {}", e.what())), 1};
  } catch (const std::exception& e) {
    return {printable(fmt::format("an internal error: {}; please report it with the command that led to it",
                                  e.what())),
            1};
  }
}

}  // namespace iclab::cli
