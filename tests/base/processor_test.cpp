#include "base/processor.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <stdlib.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <thread>

namespace iclab {
namespace {

namespace fs = std::filesystem;

constexpr double kNoQuota = std::numeric_limits<double>::infinity();

// A folder that stands for "/", removed with everything in it.
class CpuQuota : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "iclab-processor-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& file, const std::string& text) const {
    fs::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text;
  }

  void mount(const std::string& subtree, const std::string& type, const std::string& options) const {
    write("proc/self/mountinfo",
          "23 1 0:21 / / rw,relatime shared:1 - ext4 /dev/sda rw\n"
          "41 23 0:38 " + subtree + " /sys/fs/cgroup rw,nosuid shared:9 - " + type + " cgroup " + options + "\n");
  }

  fs::path root_;
};

TEST_F(CpuQuota, IsNoneWhereNothingIsMounted) { EXPECT_EQ(cpu_quota(root_), kNoQuota); }

TEST_F(CpuQuota, IsThatOfTheOwnGroup) {
  mount("/", "cgroup2", "rw");
  write("proc/self/cgroup", "0::/system.slice/job\n");
  write("sys/fs/cgroup/system.slice/job/cpu.max", "250000 100000\n");
  write("sys/fs/cgroup/system.slice/cpu.max", "max 100000\n");
  write("sys/fs/cgroup/other/cpu.max", "100000 100000\n");
  EXPECT_EQ(cpu_quota(root_), 2.5);
}

TEST_F(CpuQuota, IsTheLeastOfTheGroupsAbove) {
  mount("/", "cgroup2", "rw");
  write("proc/self/cgroup", "0::/user/session/job\n");
  write("sys/fs/cgroup/user/session/job/cpu.max", "max 100000\n");
  write("sys/fs/cgroup/user/session/cpu.max", "800000 100000\n");
  write("sys/fs/cgroup/user/cpu.max", "75000 50000\n");
  EXPECT_EQ(cpu_quota(root_), 1.5);
}

// docker --cpus=2: the container sees its own group as the whole hierarchy.
TEST_F(CpuQuota, IsThatOfTheContainer) {
  mount("/", "cgroup2", "rw");
  write("proc/self/cgroup", "0::/\n");
  write("sys/fs/cgroup/cpu.max", "200000 100000\n");
  EXPECT_EQ(cpu_quota(root_), 2);
  write("proc/self/cgroup", "0::/../../elsewhere\n");
  EXPECT_EQ(cpu_quota(root_), 2);
}

TEST_F(CpuQuota, OfVersionOneHasAFileForEachNumber) {
  mount("/", "cgroup", "rw,cpu,cpuacct");
  write("proc/self/cgroup", "5:cpuset:/elsewhere\n4:cpu,cpuacct:/job\n0::/\n");
  write("sys/fs/cgroup/cpu.cfs_quota_us", "-1\n");
  write("sys/fs/cgroup/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cpu_quota(root_), kNoQuota);
  write("sys/fs/cgroup/job/cpu.cfs_quota_us", "300000\n");
  write("sys/fs/cgroup/job/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cpu_quota(root_), 3);
}

// Without a namespace of its own the container's group is named from the machine's root, and mounted
// alone.
TEST_F(CpuQuota, IsFoundWhereAPartOfTheHierarchyIsMounted) {
  mount("/docker/abc", "cgroup", "rw,cpu");
  write("proc/self/cgroup", "4:cpu:/docker/abc/job\n");
  write("sys/fs/cgroup/job/cpu.cfs_quota_us", "50000\n");
  write("sys/fs/cgroup/job/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cpu_quota(root_), 0.5);
}

TEST(ProcessorCount, FollowsTheAffinity) {
  int allowed = 0;
  std::thread([&allowed] {
    cpu_set_t set;
    ASSERT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
    int first = 0;
    while (!CPU_ISSET(first, &set)) ++first;
    CPU_ZERO(&set);
    CPU_SET(first, &set);
    ASSERT_EQ(sched_setaffinity(0, sizeof set, &set), 0);
    allowed = processor_count();
  }).join();
  EXPECT_EQ(allowed, 1);
}

TEST(ProcessorCount, IsAtMostTheQuota) {
  EXPECT_GE(processor_count(), 1);
  EXPECT_LE(processor_count(), std::max(1.0, std::ceil(cpu_quota())));
}

}  // namespace
}  // namespace iclab
