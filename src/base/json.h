// The JSON value of the project: keys keep the order in which they were written.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace iclab {
using Json = nlohmann::ordered_json;
}
