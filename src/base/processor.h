// The machine a number was measured on.
#pragma once

#include <filesystem>
#include <string>

namespace iclab {

/// The processor's name, or "unknown processor".
std::string processor_name();

/// Processors that this program may use, at least 1: as many as its affinity has (taskset, Slurm), no more
/// than its control group's quota (containers), rounded up.
int processor_count();

/// The least CPU quota, in processors, of the control group that this process is in and of all above
/// it; infinity if none of them has one. Reads proc/self/cgroup and proc/self/mountinfo in `root`,
/// and there the folders that they name: version 2 (cpu.max) and 1 (cpu.cfs_quota_us).
double cpu_quota(const std::filesystem::path& root = "/");

}  // namespace iclab
