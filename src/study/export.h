// What of a store other programs read: weights as safetensors, everything else as tidy CSV.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "study/store.h"
#include "study/study.h"

namespace iclab::study {

/// The safetensors format: 8 bytes little-endian N, N bytes of JSON header, raw data. `metadata`
/// becomes the header's __metadata__. Throws Error that names a tensor whose bytes do not fit its
/// shape.
std::vector<std::byte> to_safetensors(std::span<const train::Tensor> tensors,
                                      const std::map<std::string, std::string>& metadata = {});

/// The tensors in the order of their data. Strict: throws Error that begins with `name` for a
/// header that is not one, other types than F32 and F64, sizes that don't fit, gaps, overlaps,
/// equal names, bytes left over.
std::vector<train::Tensor> from_safetensors(std::span<const std::byte> bytes,
                                            const std::string& name);

/// The same with a file. Written beside it first, so that no half file is ever left.
void write_safetensors(const std::filesystem::path& file, std::span<const train::Tensor> tensors,
                       const std::map<std::string, std::string>& metadata = {});
std::vector<train::Tensor> read_safetensors(const std::filesystem::path& file);

/// Writes the runs of a study, one row each, ended or not:
///   runs.csv    run, an axis a column, seed, status, step, seconds, error
///   series.csv  run, an axis a column, seed, probe, series, step, index, value
/// An element of an array is a row; numbers are written so that they read back with the same bits.
/// The text follows RFC 4180. Throws Error if a file cannot be written.
void write_csv(const std::filesystem::path& folder, const Study& study, const Store& store);

}  // namespace iclab::study
