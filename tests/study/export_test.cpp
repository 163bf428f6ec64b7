#include "study/export.h"

#include <gmock/gmock.h>

#include <bit>
#include <cstring>

#include "study/runner.h"
#include "test_files.h"

namespace iclab::study {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

template <class T>
train::Tensor tensor(const std::string& name, std::vector<std::int64_t> shape,
                     const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {name, std::move(shape), sizeof(T) == 8, {bytes.begin(), bytes.end()}};
}

// A file with that header and that many bytes of data.
std::vector<std::byte> file_of(const std::string& header, size_t data) {
  std::vector<std::byte> bytes(8 + header.size() + data);
  const std::uint64_t size = header.size();
  std::memcpy(bytes.data(), &size, 8);
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  return bytes;
}

TEST(Safetensors, HasTheFormatsBytes) {
  const std::vector<train::Tensor> tensors{tensor<float>("a", {2}, {1, 2}),
                                           tensor<double>("b", {}, {3})};
  const std::string header =
      R"({"__metadata__":{"run":"x"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
      R"("b":{"dtype":"F64","shape":[],"data_offsets":[8,16]}})";
  const std::vector<std::byte> bytes = to_safetensors(tensors, {{"run", "x"}});
  std::uint64_t size = 0;
  std::memcpy(&size, bytes.data(), 8);
  EXPECT_EQ(size % 8, 0U);  // data is aligned
  std::string found(reinterpret_cast<const char*>(bytes.data()) + 8, size);
  found.resize(found.find_last_not_of(' ') + 1);
  EXPECT_EQ(found, header);
  EXPECT_EQ(bytes.size(), 8 + size + 16);
  double three = 0;
  std::memcpy(&three, bytes.data() + 8 + size + 8, 8);
  EXPECT_EQ(three, 3);
}

TEST(Safetensors, ReadsWhatItWrote) {
  const TestFolder folder;
  const std::vector<train::Tensor> tensors{tensor<float>("w", {2, 3}, {1, 2, 3, 4, 5, 6}),
                                           tensor<float>("e", {0}, {}),
                                           tensor<double>("v", {1}, {-0.0})};
  write_safetensors(folder / "w.safetensors", tensors);
  const std::vector<train::Tensor> back = read_safetensors(folder / "w.safetensors");
  ASSERT_EQ(back.size(), 3U);
  for (size_t i = 0; i < 3; ++i) {
    const auto same = std::ranges::find(back, tensors[i].name, &train::Tensor::name);
    ASSERT_NE(same, back.end());
    EXPECT_EQ(same->shape, tensors[i].shape);
    EXPECT_EQ(same->is_double, tensors[i].is_double);
    EXPECT_EQ(same->bytes, tensors[i].bytes);
  }
  const auto entries = std::filesystem::directory_iterator(folder.path());
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 1) << "nothing but the file";
}

TEST(Safetensors, RefusesATensorWhoseBytesDoNotFitItsShape) {
  const auto refusal = [](const train::Tensor& bad) {
    const std::vector<train::Tensor> tensors{tensor<float>("good", {1}, {1}), bad};
    return message_of<Error>([&] { to_safetensors(tensors); });
  };
  EXPECT_EQ(refusal(tensor<float>("W", {2, 3}, {1, 2, 3, 4, 5})),
            "tensor 'W': found 20 bytes, its shape [2, 3] needs 24");
  EXPECT_EQ(refusal(tensor<double>("v", {}, {1, 2})), "tensor 'v': found 16 bytes, its shape [] needs 8");
  EXPECT_THAT(refusal(tensor<float>("e", {-1, -2}, {1, 2})), HasSubstr("tensor 'e': found 8 bytes, its shape [-1, -2]"));
}

TEST(Safetensors, RefusesWhatIsNoFileOfWeights) {
  const auto bad = [](const std::string& header, size_t data) {
    return message_of<Error>([&] { from_safetensors(file_of(header, data), "w"); });
  };
  EXPECT_THAT(message_of<Error>([] { from_safetensors({}, "w"); }),
              HasSubstr("w: is not a safetensors file"));
  std::vector<std::byte> cut = file_of("{}", 0);
  cut.pop_back();
  EXPECT_THAT(message_of<Error>([&] { from_safetensors(cut, "w"); }),
              HasSubstr("found 9 bytes and a header of 2"));
  EXPECT_THAT(bad("[]", 0), HasSubstr("no JSON object"));
  EXPECT_THAT(bad("{", 0), HasSubstr("no JSON object"));
  EXPECT_THAT(bad("{}", 1), HasSubstr("found 1 bytes of data, the header has 0"));
  const std::string a = R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  EXPECT_NO_THROW(from_safetensors(file_of("{" + a + "}", 4), "w"));
  EXPECT_THAT(bad("{" + a + "," + a + "}", 4), HasSubstr("each name once"));
  EXPECT_THAT(bad(R"({"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})", 4),
              HasSubstr("accepted are F32 and F64"));
  EXPECT_THAT(bad(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4),
              HasSubstr("does not fit its shape"));
  EXPECT_THAT(bad(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4),
              HasSubstr("needs dtype, shape"));
  EXPECT_THAT(bad(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4),
              HasSubstr("needs dtype, shape"));
  EXPECT_THAT(bad(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8),
              HasSubstr("begins at byte 4, accepted is 0"));
  EXPECT_THAT(
      bad(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}})", 4),
      HasSubstr("has the extent"));
  EXPECT_THAT(bad("{" + a + R"(,"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})", 6),
              HasSubstr("begins at byte 2"));
}

TEST(Csv, HasARowAnElement) {
  const TestFolder folder;
  const Study study = parse_study(kSmallStudy +
                                      "[[probe]]\nkind = \"effective-matrix\"\nat = \"end\"\n"
                                      "[sweep]\n\"task.noise\" = [0.1, 0.5]\n",
                                  "s.toml");
  Store store(folder.path(), Store::Access::kWrite);
  run_study(study, store, {});
  write_csv(folder / "csv", study, store);

  const auto lines = [](const std::filesystem::path& file) {
    std::ifstream in(file);
    std::vector<std::string> all;
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
  };
  const std::vector<std::string> runs = lines(folder / "csv" / "runs.csv");
  ASSERT_EQ(runs.size(), 1U + 4);
  EXPECT_EQ(runs[0], "run,task.noise,seed,status,step,seconds,error");
  EXPECT_THAT(runs[3], HasSubstr(study.run_id(study.points[1], 0) + ",0.5,0,finished,40,"));
  const std::vector<std::string> series = lines(folder / "csv" / "series.csv");
  // Four runs; risk at 5 steps, loss at 0 and log(1..40) in 5 points, a 3 x 3 matrix at the end.
  EXPECT_EQ(series.size(), 1U + 4 * (5 + 6 + 9));
  EXPECT_EQ(series[0], "run,task.noise,seed,probe,series,step,index,value");

  // Numbers read back with their bits.
  const std::string id = study.run_id(study.points[0], 1);
  const Series risk = *store.series(id, study.points[0].probes[0].id, "risk");
  const std::string row = id + ",0.1,1,risk,risk,40,0,";
  const auto found =
      std::ranges::find_if(series, [&](const std::string& line) { return line.starts_with(row); });
  ASSERT_NE(found, series.end());
  EXPECT_EQ(std::stod(found->substr(row.size())), risk.values.back()[0]);
}

TEST(Csv, FolderThatCannotBeWritten) {
  const TestFolder folder;
  const Study study = parse_study(kSmallStudy, "s.toml");
  const Store store(folder.path(), Store::Access::kWrite);
  write_text(folder / "file", "");
  EXPECT_THAT(message_of<Error>([&] { write_csv(folder / "file" / "x", study, store); }),
              HasSubstr("cannot create the folder (Not a directory)"));
  EXPECT_THAT(message_of<Error>([&] { write_safetensors(folder / "no" / "w", {}); }),
              HasSubstr("cannot be written"));
}

}  // namespace
}  // namespace iclab::study
