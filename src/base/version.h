// What this build calls itself.
#pragma once

namespace iclab {

inline constexpr const char* kVersion = "0.1.0";

/// Raised knowingly when the bits of any run change; part of every run's identity.
inline constexpr int kNumericsVersion = 7;

}  // namespace iclab
