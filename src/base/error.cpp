#include "base/error.h"

#include "base/text.h"

namespace iclab {

Error::Error(const std::string& message) : std::runtime_error(printable(message)) {}

}  // namespace iclab
