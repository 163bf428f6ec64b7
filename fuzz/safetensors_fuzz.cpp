// Any bytes are tensors or an Error; tensors written again and read are the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/error.h"
#include "study/export.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, size_t size) {
  using namespace iclab;
  try {
    const auto tensors = study::from_safetensors(std::as_bytes(std::span(data, size)), "fuzz");
    const auto again = study::from_safetensors(study::to_safetensors(tensors), "again");
    if (again.size() != tensors.size()) std::abort();
  } catch (const Error&) {
  }
  return 0;
}
