#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>

#include "tests/cli/command_line.h"

namespace iclab::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

class Export : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(iclab({"run", study_, "--out", store_}).exit_code, 0); }

  // The files that `words` make the program write.
  std::vector<fs::path> files(const std::vector<std::string>& words) const {
    std::vector<fs::path> result;
    const Json json = iclab(words).json();
    for (const Json& file : json["files"]) result.emplace_back(file.get<std::string>());
    return result;
  }

  const Folder folder_;
  const std::string study_ = folder_.write("small.toml", small_study());
  const std::string store_ = folder_ / "store";
};

TEST_F(Export, WritesTidyTablesAndTheWeightsOfEveryRun) {
  const auto all = files({"export", store_, "--json"});
  ASSERT_EQ(all.size(), 2U + 4U);
  const fs::path folder = fs::path(store_) / "export/small";
  EXPECT_EQ(all[0], folder / "runs.csv");
  EXPECT_EQ(all[1], folder / "series.csv");
  for (const fs::path& file : all) EXPECT_TRUE(fs::exists(file)) << file;

  const std::string runs = read_text(all[0]);
  EXPECT_THAT(runs, StartsWith("run,task.components,seed,status,step,seconds,error\n"));
  EXPECT_EQ(std::count(runs.begin(), runs.end(), '\n'), 1 + 4);
  // Risk at 4 steps and loss at 3, for 4 runs.
  const std::string series = read_text(all[1]);
  EXPECT_EQ(std::count(series.begin(), series.end(), '\n'), 1 + 4 * (4 + 3));
}

TEST_F(Export, WeightsAreSafetensors) {
  const std::string bytes = read_text(files({"export", store_, "--json"})[2]);
  std::uint64_t size = 0;
  std::memcpy(&size, bytes.data(), sizeof size);
  const Json header = Json::parse(bytes.substr(sizeof size, size));
  EXPECT_EQ(header["__metadata__"]["study"], "small");
  EXPECT_EQ(header["__metadata__"]["step"], "60");
  std::uint64_t data = 0;
  for (const auto& [name, tensor] : header.items()) {
    if (name == "__metadata__") continue;
    EXPECT_EQ(tensor["dtype"], "F32");
    data = std::max(data, tensor["data_offsets"][1].get<std::uint64_t>());
  }
  // v and W (4, 4) of the factored form.
  EXPECT_EQ(data, (1 + 4 * 4) * sizeof(float));
  EXPECT_EQ(bytes.size(), sizeof size + size + data);
}

TEST_F(Export, OneRunByTheFirstLettersOfItsId) {
  const std::string id = files({"export", store_, "--json"})[2].stem().string();
  const auto one =
      files({"export", store_, "--run", id.substr(0, 12), "--out", folder_ / "one", "--json"});
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0], fs::path(folder_ / "one") / "small/weights" / (id + ".safetensors"));
  EXPECT_TRUE(fs::exists(one[0]));
}

TEST_F(Export, AnUnknownRunIsAUsageError) {
  const Outcome outcome = iclab({"export", store_, "--run", "zzzz"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("--run: 0 runs begin with 'zzzz'"));
}

TEST_F(Export, SeveralAtOnceIntoOneFolder) {
  const std::string out = folder_ / "shared";
  std::vector<std::unique_ptr<Process>> exports;
  for (int i = 0; i < 4; ++i)
    exports.push_back(std::make_unique<Process>(std::vector<std::string>{"export", store_, "--out", out}));
  for (const auto& one : exports) {
    const Outcome outcome = one->wait();
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  }
  for (const auto& entry : fs::recursive_directory_iterator(out))
    EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
}

TEST_F(Export, AFolderThatCannotBeWritten) {
  const Outcome outcome = iclab({"export", store_, "--out", folder_.write("file", "") + "/out"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("cannot be written"));
}

}  // namespace
}  // namespace iclab::test
