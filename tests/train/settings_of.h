// Choices as a study file would make them.
#pragma once

#include <map>
#include <string>

#include "base/settings.h"
#include "train/training.h"

namespace iclab::train {

using Given = std::map<std::string, Setting>;

/// A registry's entry with these settings, the others as they are without being given.
template <class Entry>
Choice choice(const Entry& entry, const Given& given) {
  return {entry.name, resolve(entry.parameters, given, entry.name, [](const std::string& key) { return key; })};
}

}  // namespace iclab::train
