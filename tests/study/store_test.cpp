#include "study/store.h"

#include <gmock/gmock.h>
#include <sys/wait.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <thread>

#include "full_disk.h"
#include "study/sqlite.h"
#include "test_files.h"

namespace iclab::study {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using train::RunStatus;

constexpr auto kRead = Store::Access::kRead;
constexpr auto kWrite = Store::Access::kWrite;

StoredRun run_named(const std::string& id, std::int64_t seed = 0) {
  StoredRun run;
  run.id = id;
  run.identity = "{\"of\":\"tests\"}";
  run.seed_index = seed;
  return run;
}

template <class T>
train::Tensor tensor(const std::string& name, std::vector<std::int64_t> shape,
                     const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {name, std::move(shape), sizeof(T) == 8, {bytes.begin(), bytes.end()}};
}

// The end of a run with weights and two series.
Progress ending(const std::string& run) {
  Progress progress;
  progress.run = run;
  progress.status = RunStatus::kFinished;
  progress.step = 10;
  progress.seconds = 1.5;
  progress.plan = "plan";
  progress.state = {std::byte{1}, std::byte{2}};
  progress.weights = {tensor<float>("a", {2, 2}, {1, 2, 3, 4}), tensor<double>("b", {}, {5})};
  for (const std::int64_t step : {0, 10}) {
    progress.measured.push_back({"p", {0, "risk", step, 0, 0.1 * static_cast<double>(step)}});
    progress.measured.push_back({"p", {0, "curve", step, 0, 7}});
    progress.measured.push_back({"p", {0, "curve", step, 1, 8}});
  }
  progress.blanks = {{"q", 5}};
  return progress;
}

void fill(Store& store) {
  const std::vector<StoredRun> runs{run_named("one", 0), run_named("two", 1)};
  store.add_runs(runs);
  store.save(ending("one"));
}

TEST(Store, KeepsWhatIsSaved) {
  const TestFolder folder;
  {
    Store store(folder.path(), kWrite);
    fill(store);
    store.set_document("note", "first");
    store.set_document("note", "second");
    const std::vector<Store::StoredProbe> probes{{"p", "risk", "{}"}};
    store.add_probes(probes);
  }
  const Store store(folder.path(), kRead);
  ASSERT_TRUE(store.run("one"));
  EXPECT_EQ(store.run("one")->status, RunStatus::kFinished);
  EXPECT_EQ(store.run("one")->step, 10);
  EXPECT_EQ(store.run("one")->seconds, 1.5);
  EXPECT_EQ(store.run("one")->identity, "{\"of\":\"tests\"}");
  EXPECT_EQ(store.run("one")->plan, "plan");
  EXPECT_EQ(store.run("two")->status, RunStatus::kRunning);
  EXPECT_FALSE(store.run("three"));
  EXPECT_EQ(store.runs().size(), 2U);
  EXPECT_EQ(store.checkpoint("one")->size(), 2U);
  EXPECT_FALSE(store.checkpoint("two"));

  const std::vector<train::Tensor> weights = store.weights("one");
  ASSERT_EQ(weights.size(), 2U);
  EXPECT_EQ(weights[0].name, "a");
  EXPECT_THAT(weights[0].shape, ElementsAre(2, 2));
  EXPECT_FALSE(weights[0].is_double);
  EXPECT_EQ(weights[1].bytes, ending("one").weights[1].bytes);

  EXPECT_EQ(store.series("one").size(), 2U);
  const auto curve = store.series("one", "p", "curve");
  ASSERT_TRUE(curve);
  EXPECT_THAT(curve->steps, ElementsAre(0, 10));
  EXPECT_THAT(curve->values[1], ElementsAre(7, 8));
  EXPECT_FALSE(store.series("one", "p", "none"));
  EXPECT_THAT(store.measured_steps("one").at("p"), ElementsAre(0, 10));
  EXPECT_THAT(store.measured_steps("one").at("q"), ElementsAre(5));
  EXPECT_EQ(store.document("note"), "second");
  EXPECT_THAT(store.document_keys(), ElementsAre("note"));
  EXPECT_EQ(store.probes().at(0).kind, "risk");
}

TEST(Store, ValuesKeepTheirBits) {
  const TestFolder folder;
  Store store(folder.path(), kWrite);
  const std::vector<StoredRun> runs{run_named("one")};
  store.add_runs(runs);
  Progress progress;
  progress.run = "one";
  const std::vector<double> values{-0.0, 5e-324, std::numeric_limits<double>::infinity(), 1.0 / 3};
  for (int i = 0; i < 4; ++i)
    progress.measured.push_back({"p", {0, "x", 0, i, values[static_cast<size_t>(i)]}});
  store.save(progress);
  const std::vector<double> back = store.series("one", "p", "x")->values[0];
  EXPECT_EQ(std::memcmp(back.data(), values.data(), sizeof(double) * 4), 0);
}

TEST(Store, ARunThatFailedKeepsItsCheckpoint) {
  const TestFolder folder;
  Store store(folder.path(), kWrite);
  const std::vector<StoredRun> runs{run_named("one")};
  store.add_runs(runs);
  Progress progress;
  progress.run = "one";
  progress.step = 4;
  progress.state = {std::byte{9}};
  store.save(progress);
  Progress failure;
  failure.run = "one";
  failure.error = "out of luck";
  store.save(failure);
  EXPECT_EQ(store.run("one")->error, "out of luck");
  EXPECT_EQ(store.run("one")->step, 4);
  EXPECT_EQ(store.checkpoint("one")->size(), 1U);
  progress.measured.clear();
  store.save(progress);
  EXPECT_EQ(store.run("one")->error, "");
}

TEST(Store, SavesAllOrNothing) {
  const TestFolder folder;
  Store store(folder.path(), kWrite);
  fill(store);
  const std::string before = store.sha256();
  std::vector<Progress> both{ending("two"), ending("nobody")};
  EXPECT_THAT(message_of<Error>([&] { store.save(both); }), HasSubstr("no run nobody"));
  EXPECT_EQ(store.sha256(), before);
}

TEST(Store, AStepMeasuredAgainMustGiveTheSameBits) {
  const TestFolder folder;
  Store store(folder.path(), kWrite);
  fill(store);
  EXPECT_NO_THROW(store.save(ending("one")));
  Progress other = ending("one");
  other.measured[0].second.value = 0.5;
  EXPECT_THAT(message_of<Error>([&] { store.save(other); }),
              HasSubstr("series 'risk' at step 0 was measured again with other values; the store "
                        "keeps the first"));
}

TEST(Store, ElementsComeInOrder) {
  const TestFolder folder;
  Store store(folder.path(), kWrite);
  fill(store);
  Progress progress;
  progress.run = "two";
  progress.measured = {{"p", {0, "x", 0, 1, 2.0}}};
  EXPECT_THAT(message_of<Error>([&] { store.save(progress); }),
              HasSubstr("element 1 of series 'x' follows element -1"));
}

// ---- the hash -----------------------------------------------------------------------------------

TEST(Store, HashIsOverEndedRunsInAnyOrder) {
  const TestFolder a, b;
  Store first(a.path(), kWrite), second(b.path(), kWrite);
  const std::vector<StoredRun> forth{run_named("one", 0), run_named("two", 1),
                                     run_named("three", 2)};
  const std::vector<StoredRun> back{run_named("two", 1), run_named("one", 0)};
  first.add_runs(forth);
  second.add_runs(back);
  first.save(ending("one"));
  first.save(ending("two"));
  second.save(ending("two"));
  EXPECT_NE(first.sha256(), second.sha256());
  second.save(ending("one"));
  EXPECT_EQ(first.sha256(), second.sha256());
}

// Flips one bit of a blob by plain SQL, as no part of the program would.
void flip_bit(const std::filesystem::path& folder, const std::string& table,
              const std::string& column, size_t bit) {
  Database database(folder / "store.sqlite", Database::Access::kWrite);
  std::vector<std::byte> blob;
  {
    Statement read(database, ("SELECT " + column + " FROM " + table + " LIMIT 1").c_str());
    ASSERT_TRUE(read.step());
    blob = read.blob(0);
  }
  ASSERT_LT(bit / 8, blob.size());
  blob[bit / 8] ^= std::byte{static_cast<unsigned char>(1U << (bit % 8))};
  const std::string key =
      table == "weights" ? "run = 1 AND position = 0" : "series = 1 AND step = 0";
  Statement(database, ("UPDATE " + table + " SET " + column + " = ? WHERE " + key).c_str())
      .bind(1, std::span<const std::byte>(blob))
      .run();
}

TEST(Store, OneFlippedBitChangesTheHash) {
  const TestFolder folder;
  {
    Store store(folder.path(), kWrite);
    fill(store);
  }
  std::vector<std::string> damages;
  const auto hash = [&] {
    damages.clear();
    return Store(folder.path(), kRead).sha256(&damages);
  };
  const std::string before = hash();
  EXPECT_TRUE(damages.empty());
  for (const auto& [table, column] :
       {std::pair{"weights", "data"}, std::pair{"measurements", "value"}}) {
    for (const size_t bit : {0, 13, 63}) {
      flip_bit(folder.path(), table, column, bit);
      EXPECT_NE(hash(), before) << table << " " << bit;
      EXPECT_EQ(damages.size(), 1U);
      EXPECT_THROW(Store(folder.path(), kRead).sha256(), Damaged);
      flip_bit(folder.path(), table, column, bit);
      EXPECT_EQ(hash(), before);
    }
  }
}

// ---- faults -------------------------------------------------------------------------------------

TEST(Store, FolderThatCannotBeMade) {
  const TestFolder folder;
  write_text(folder / "file", "");
  EXPECT_THAT(message_of<Error>([&] { Store(folder / "file" / "out", kWrite); }),
              HasSubstr("file/out: the folder cannot be made (Not a directory)"));
}

TEST(Store, NoStoreToRead) {
  const TestFolder folder;
  EXPECT_THAT(message_of<Error>([&] { Store(folder.path(), kRead); }),
              HasSubstr("no store here (store.sqlite)"));
}

TEST(Store, FileThatIsNoDatabase) {
  const TestFolder folder;
  write_text(folder / "store.sqlite", std::string(5000, 'x'));
  for (const auto access : {kRead, kWrite})
    EXPECT_THAT(message_of<Error>([&] { Store(folder.path(), access); }),
                HasSubstr("is not an ICLab store (not an SQLite file)"));
}

TEST(Store, AnotherProgramsDatabase) {
  const TestFolder folder;
  Database(folder / "store.sqlite", Database::Access::kWrite)
      .execute("CREATE TABLE cats (name TEXT)");
  for (const auto access : {kRead, kWrite})
    EXPECT_THAT(message_of<Error>([&] { Store(folder.path(), access); }),
                HasSubstr("is not an ICLab store (another program's"));
}

TEST(Store, StoreOfAnotherSchema) {
  const TestFolder folder;
  { Store store(folder.path(), kWrite); }
  Database(folder / "store.sqlite", Database::Access::kWrite).execute("PRAGMA user_version = 7");
  for (const auto access : {kRead, kWrite})
    EXPECT_THAT(message_of<Error>([&] { Store(folder.path(), access); }),
                HasSubstr("found a store of schema 7, accepted are schemas 1 to 2"));
}

// ---- checksums ----------------------------------------------------------------------------------

// What a reader says of a store in which one thing was changed behind its back.
std::string damage_by(const char* sql, const std::function<void(const Store&)>& read) {
  const TestFolder folder;
  {
    Store store(folder.path(), kWrite);
    fill(store);
    store.set_document("note", "first");
  }
  Database(folder / "store.sqlite", Database::Access::kWrite).execute(sql);
  const Store store(folder.path(), kRead);
  EXPECT_GE(store.damages().size(), 1U) << sql;  // a changed identity is that of several runs
  return message_of<Damaged>([&] { read(store); });
}

TEST(Store, AChangedRunIsFoundAndNamed) {
  const auto series = [](const Store& store) { store.series("one"); };
  const auto weights = [](const Store& store) { store.weights("one"); };
  for (const char* sql : {"UPDATE measurements SET value = x'0000000000001c40' WHERE series = 1 AND step = 10",
                          "DELETE FROM measurements WHERE series = 2 AND step = 0",
                          "UPDATE weights SET data = x'00000000000000000000000000000001' WHERE position = 0",
                          "UPDATE runs SET step = 11 WHERE id = 'one'", "UPDATE runs SET seed_index = 5 WHERE id = 'one'",
                          "UPDATE identities SET text = '{}'", "DELETE FROM blanks"})
    for (const auto& read : {std::function<void(const Store&)>(series), std::function<void(const Store&)>(weights)})
      EXPECT_THAT(damage_by(sql, read), HasSubstr("run one is damaged")) << sql;
}

TEST(Store, AChangedStateOrDocumentIsFoundAndNamed) {
  EXPECT_THAT(damage_by("UPDATE checkpoints SET state = x'0103'", [](const Store& store) { store.checkpoint("one"); }),
              HasSubstr("run one is damaged: its saved state"));
  EXPECT_THAT(damage_by("UPDATE documents SET text = 'second'", [](const Store& store) { store.document("note"); }),
              HasSubstr("the document 'note' is damaged"));
}

TEST(Store, ATensorWhoseBytesDoNotFitItsShapeIsRefused) {
  for (const char* sql : {"UPDATE weights SET data = x'00000000' WHERE position = 0",
                          "UPDATE weights SET data = x'000000' WHERE position = 0",
                          "UPDATE weights SET shape = '[2,3]' WHERE position = 0",
                          "UPDATE weights SET shape = '[-2,-2]' WHERE position = 0",
                          "UPDATE weights SET shape = '[4294967296,4294967296]' WHERE position = 0",
                          "UPDATE weights SET shape = 'none' WHERE position = 0"})
    EXPECT_THAT(damage_by(sql, [](const Store& store) { store.weights("one"); }), HasSubstr("weight 'a' has the shape"));
}

TEST(Store, WhatIsAddedToADamagedRunDoesNotBlessIt) {
  const TestFolder folder;
  Store store(folder.path(), kWrite);
  fill(store);
  Database(folder / "store.sqlite", Database::Access::kWrite)
      .execute("UPDATE weights SET data = x'00000000000000000000000000000001' WHERE position = 0");
  Progress more;
  more.run = "one";
  more.status = RunStatus::kFinished;
  more.step = 10;
  more.measured = {{"r", {0, "risk", 10, 0, 1}}};
  EXPECT_THAT(message_of<Damaged>([&] { store.save(more); }), HasSubstr("run one is damaged"));
}

TEST(Store, ARunThatGoesOnGetsANewChecksumAtItsEnd) {
  const TestFolder folder;
  Store store(folder.path(), kWrite);
  fill(store);
  const std::string first = store.run("one")->checksum;
  EXPECT_EQ(first.size(), 64U);
  Progress more = ending("one");
  more.status = RunStatus::kRunning;
  more.step = 15;
  more.weights.clear();
  store.save(more);
  EXPECT_EQ(store.run("one")->checksum, "");
  more = ending("one");
  more.step = 20;
  store.save(more);
  EXPECT_NE(store.run("one")->checksum, first);
  EXPECT_TRUE(store.damages().empty());
}

// ---- older stores -------------------------------------------------------------------------------

// A store as the builds before 2026-12-01 wrote it: without causes and checksums.
void make_schema_1(const std::filesystem::path& folder) {
  {
    Store store(folder, kWrite);
    fill(store);
    store.set_document("note", "first");
  }
  Database(folder / "store.sqlite", Database::Access::kWrite)
      .execute("ALTER TABLE runs DROP COLUMN cause; ALTER TABLE runs DROP COLUMN checksum; "
               "ALTER TABLE runs DROP COLUMN seal; ALTER TABLE series DROP COLUMN elements; "
               "ALTER TABLE checkpoints DROP COLUMN checksum; ALTER TABLE documents DROP COLUMN checksum; "
               "PRAGMA user_version = 1");
}

TEST(Store, AnOlderStoreIsReadAsItIs) {
  const TestFolder folder;
  make_schema_1(folder.path());
  const Store store(folder.path(), kRead);
  EXPECT_EQ(store.run("one")->step, 10);
  EXPECT_EQ(store.run("one")->checksum, "");
  EXPECT_EQ(store.series("one").size(), 2U);
  EXPECT_EQ(store.weights("one").size(), 2U);
  EXPECT_EQ(store.checkpoint("one")->size(), 2U);
  EXPECT_EQ(store.document("note"), "first");
  EXPECT_TRUE(store.damages().empty());
}

TEST(Store, AnOlderStoreThatIsWrittenGetsItsChecksums) {
  const TestFolder folder, fresh;
  make_schema_1(folder.path());
  Store other(fresh.path(), kWrite);
  fill(other);
  {
    Store store(folder.path(), kWrite);
    EXPECT_EQ(store.run("one")->checksum, other.run("one")->checksum);
    EXPECT_EQ(store.run("two")->checksum, "");
    EXPECT_EQ(store.sha256(), other.sha256());
    EXPECT_EQ(store.document("note"), "first");
  }
  const Store again(folder.path(), kRead);
  EXPECT_EQ(again.run("one")->checksum, other.run("one")->checksum);
}

// ---- readers ------------------------------------------------------------------------------------

TEST(Store, AWriteWaitsForReadersUntilItIsAskedToEnd) {
  const TestFolder folder;
  Store store(folder.path(), kWrite);
  fill(store);
  Database reader(folder / "store.sqlite", Database::Access::kRead);
  auto rows = std::make_unique<Statement>(reader, "SELECT number FROM runs");
  rows->step();
  int told = 0;
  std::stop_source stop;
  store.set_patience({stop.get_token(), [&] { ++told; }});
  {  // it goes on as soon as the reader ends
    const std::jthread ends([&] {
      std::this_thread::sleep_for(std::chrono::seconds(3));
      rows.reset();
    });
    store.save(ending("two"));
  }
  EXPECT_EQ(told, 1);
  EXPECT_EQ(store.run("two")->status, RunStatus::kFinished);

  rows = std::make_unique<Statement>(reader, "SELECT number FROM runs");
  rows->step();
  stop.request_stop();
  Progress later = ending("two");
  later.step = 20;
  EXPECT_THROW(store.save(later), Busy);
  EXPECT_EQ(told, 1);  // once
  EXPECT_EQ(store.run("two")->step, 10);
}

TEST(Store, DamagedFile) {
  const TestFolder folder;
  {
    Store store(folder.path(), kWrite);
    fill(store);
  }
  // Every page but the first is overwritten.
  const auto size =
      static_cast<std::streamoff>(std::filesystem::file_size(folder / "store.sqlite"));
  std::fstream file(folder / "store.sqlite", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4096);
  file << std::string(static_cast<size_t>(size - 4096), '\x55');
  file.close();
  EXPECT_THAT(message_of<Error>([&] { Store(folder.path(), kRead).runs(); }),
              HasSubstr("store.sqlite: the file is damaged"));
}

TEST(Store, SecondWriter) {
  const TestFolder folder;
  const auto store = std::make_unique<Store>(folder.path(), kWrite);
  const std::string expected = folder.path().string() + ": another process writes to this store";
  EXPECT_THAT(message_of<Error>([&] { Store(folder.path(), kWrite); }), HasSubstr(expected));

  const pid_t child = fork();
  if (child == 0) {
    try {
      Store(folder.path(), kWrite);
    } catch (const Error& error) {
      _exit(std::string(error.what()).starts_with(expected) ? 42 : 1);
    }
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 42);
}

TEST(Store, IsReadWhileItIsWritten) {
  const TestFolder folder;
  Store writer(folder.path(), kWrite);
  const Store reader(folder.path(), kRead);
  fill(writer);
  EXPECT_EQ(reader.run("one")->step, 10);
  EXPECT_EQ(reader.sha256(), writer.sha256());
  Store other(folder.path(), kRead);
  const std::vector<StoredRun> more{run_named("more")};
  EXPECT_THROW(other.add_runs(more), Error);  // a reader writes nothing
}

TEST(Store, FullDiskLosesNothing) {
  const TestFolder folder;
  std::string before;
  {
    Store store(folder.path(), kWrite);
    fill(store);
    before = store.sha256();
  }
  Progress large = ending("two");
  large.state.assign(100'000, std::byte{3});
  for (const std::int64_t room : {0, 5'000, 20'000, 60'000}) {
    FullDisk disk(room);
    Store store(folder.path(), kWrite);
    EXPECT_THAT(message_of<Error>([&] { store.save(large); }),
                HasSubstr("store.sqlite: the disk is full; what was saved before is safe"));
    EXPECT_EQ(store.sha256(), before) << room;
    FullDisk::make_room();
    EXPECT_EQ(store.run("two")->step, 0);
  }
  Store store(folder.path(), kWrite);
  EXPECT_EQ(store.sha256(), before);
  store.save(large);
  EXPECT_EQ(store.checkpoint("two")->size(), 100'000U);
}

}  // namespace
}  // namespace iclab::study
