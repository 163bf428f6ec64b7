#include "study/merge.h"

#include <gmock/gmock.h>

#include <chrono>
#include <optional>

#include "study/runner.h"
#include "study/sqlite.h"
#include "study/stored_studies.h"
#include "study/writer.h"
#include "test_files.h"

namespace iclab::study {
namespace {

using testing::HasSubstr;

constexpr auto kRead = Store::Access::kRead;
constexpr auto kWrite = Store::Access::kWrite;

Study small(const std::vector<std::string>& overrides = {}) {
  std::vector<std::string> all{"study.seeds=3", "sweep.model.alpha=[0.1, 0.2, 0.3]"};
  all.insert(all.end(), overrides.begin(), overrides.end());
  return parse_study(kSmallStudy, "small.toml", all);
}

std::string hash_of(const Study& study) {
  const TestFolder folder;
  Store store(folder.path(), kWrite);
  run_study(study, store, {});
  return store.sha256();
}

RunnerOptions shard_of(int shard, int shards) {
  RunnerOptions options;
  options.shard = shard;
  options.shards = shards;
  return options;
}

TEST(Merge, ShardsBecomeTheStoreOfOnePiece) {
  const std::string expected = hash_of(small());
  for (const int shards : {1, 2, 7}) {
    const TestFolder folder;
    Store whole(folder / "whole", kWrite);
    for (int shard = 0; shard < shards; ++shard) {
      Store part(folder / std::to_string(shard), kWrite);
      run_study(small(), part, shard_of(shard, shards));
      EXPECT_EQ(status(small(), part).waiting, 0);  // its own part is done
      EXPECT_GT(merge(whole, part).added, 0);
    }
    EXPECT_EQ(whole.sha256(), expected) << shards;
    EXPECT_EQ(status(small(), whole).done, 9);
    EXPECT_TRUE(whole.damages().empty());
    EXPECT_EQ(stored_studies(whole).size(), 1U);
    EXPECT_EQ(run_study(small(), whole, {}).steps, 0);  // nothing is left to compute
  }
}

TEST(Merge, AgainItChangesNothing) {
  const TestFolder folder;
  Store whole(folder / "whole", kWrite), part(folder / "part", kWrite);
  run_study(small(), part, {});
  EXPECT_EQ(merge(whole, part).added, 9);
  const std::string hash = whole.sha256();
  const Merged again = merge(whole, part);
  EXPECT_EQ(again.added + again.advanced, 0);
  EXPECT_EQ(again.known, 9);
  EXPECT_EQ(whole.sha256(), hash);
}

TEST(Merge, TheLaterStateOfARunIsKept) {
  const TestFolder folder;
  Store shorter(folder / "shorter", kWrite), longer(folder / "longer", kWrite), other(folder / "other", kWrite);
  run_study(small({"train.steps=20"}), shorter, {});
  run_study(small({"train.steps=20"}), other, {});
  run_study(small(), longer, {});
  // Two stores of one study differ in --set; the runs are the same ones.
  shorter.set_document("study/small", *longer.document("study/small"));
  other.set_document("study/small", *longer.document("study/small"));
  EXPECT_EQ(merge(shorter, longer).advanced, 9);
  EXPECT_EQ(merge(longer, other).known, 9);
  EXPECT_EQ(shorter.run(small().run_id(small().points[0], 0))->step, 40);
  EXPECT_EQ(shorter.sha256(), longer.sha256());
}

TEST(Merge, StoresOfDifferentStudiesAreNotJoined) {
  const TestFolder folder;
  Store a(folder / "a", kWrite), b(folder / "b", kWrite);
  run_study(small(), a, {});
  run_study(small({"train.batch=16"}), b, {});
  EXPECT_THAT(message_of<Error>([&] { merge(a, b); }), HasSubstr("'study/small' is not the same study in both stores"));
}

TEST(Merge, WeightsThatDifferAreAnError) {
  const TestFolder folder;
  Store a(folder / "a", kWrite);
  run_study(small(), a, {});
  {
    Store b(folder / "b", kWrite);
    run_study(small(), b, {});
    Progress changed;
    changed.run = small().run_id(small().points[0], 0);
    changed.status = train::RunStatus::kFinished;
    changed.step = 40;
    changed.weights = b.weights(changed.run);
    changed.weights[0].bytes[0] ^= std::byte{1};
    b.save(changed);
  }
  const Store b(folder / "b", kRead);
  EXPECT_THAT(message_of<Error>([&] { merge(a, b); }), HasSubstr("with other weights"));
}

TEST(Merge, ADamagedShardIsNotTakenIn) {
  const TestFolder folder;
  {
    Store b(folder / "b", kWrite);
    run_study(small(), b, {});
  }
  Database(folder / "b" / "store.sqlite", Database::Access::kWrite)
      .execute("UPDATE measurements SET value = x'0000000000000000' WHERE series = 1 AND step = 10");
  Store whole(folder / "whole", kWrite);
  const Store b(folder / "b", kRead);
  EXPECT_THAT(message_of<Damaged>([&] { merge(whole, b); }), HasSubstr("is damaged"));
  EXPECT_TRUE(whole.runs().empty());
}

// Another program that keeps the store from being written: with an open cursor, or with a lock of its own.
class Holder {
 public:
  Holder(const std::filesystem::path& folder, const std::string& sql)
      : database_(folder / "store.sqlite", Database::Access::kRead), rows_(database_, sql.c_str()) {
    rows_.step();
  }

 private:
  Database database_;
  Statement rows_;
};

TEST(Reader, OfAStoreThatIsThereBeforeTrainingBeginsDoesNotKeepItFromBeginning) {
  const TestFolder folder;
  Store store(folder.path(), kWrite);
  run_study(small({"study.seeds=1"}), store, {});
  std::optional<Holder> holder(std::in_place, folder.path(), "SELECT number FROM series");
  std::stop_source stop;
  RunnerOptions options;
  options.stop = stop.get_token();  // with it a write waits as long as it takes
  std::int64_t trained = 0;  // beside the reader
  options.progress = [&](const RunnerProgress& progress) {
    if (progress.runs_done > 3 && holder) {  // the three that were there, and others
      trained = progress.steps_done;
      holder.reset();
    }
  };
  const Study more = small({"study.seeds=3", "train.steps=100000", "probe.risk.every=10000"});
  const RunnerSummary summary = run_study(more, store, options);
  EXPECT_FALSE(holder);
  EXPECT_GT(trained, 0);
  EXPECT_FALSE(summary.set_aside);
  Store fresh(folder / "fresh", kWrite);
  run_study(more, fresh, {});
  for (std::int64_t seed = 0; seed < 3; ++seed) {
    const std::string id = more.run_id(more.points[0], seed);
    EXPECT_TRUE(same_tensors(store.weights(id), fresh.weights(id)));
  }
}

class SetAside : public testing::TestWithParam<std::string> {};

TEST_P(SetAside, WhatAReaderKeptFromTheStoreIsTakenInByTheNextCall) {
  const TestFolder folder;
  const Study study = small({"train.steps=1000000000", "study.seeds=1", "probe.risk.every=100000", "sweep.model.alpha=[0.1]"});
  const std::string id = study.run_id(study.points[0], 0);
  std::stop_source stop;
  RunnerOptions options;
  options.stop = stop.get_token();
  options.checkpoint_seconds = 0.2;
  int told = 0;
  options.tell_waiting = [&] { ++told; };
  RunnerSummary summary;
  std::int64_t before = 0;
  {
    Store store(folder.path(), kWrite);
    std::optional<Holder> holder;
    const auto begin = std::chrono::steady_clock::now();
    options.progress = [&](const RunnerProgress&) {
      if (!holder && store.run(id)->step > 0) holder.emplace(folder.path(), GetParam());
      if (told > 0 || std::chrono::steady_clock::now() - begin > std::chrono::minutes(2)) stop.request_stop();
    };
    summary = run_study(study, store, options);
    EXPECT_TRUE(summary.stopped);
    EXPECT_TRUE(summary.set_aside);
    EXPECT_EQ(told, 1);
    holder.reset();
    before = store.run(id)->step;
    EXPECT_LT(before, summary.steps);  // nothing could be written beside the holder
  }
  EXPECT_TRUE(std::filesystem::exists(folder / "set-aside"));

  Store store(folder.path(), kWrite);
  EXPECT_TRUE(take_in_set_aside(store));
  EXPECT_FALSE(take_in_set_aside(store));
  EXPECT_GT(store.run(id)->step, before);
  EXPECT_EQ(store.run(id)->step, summary.steps);  // no step was lost
  EXPECT_TRUE(store.damages().empty());

  // From there it goes on with the bits of a run in one piece.
  const std::int64_t end = store.run(id)->step + 1000;
  const std::string steps = "train.steps=" + std::to_string(end);
  const std::vector<std::string> rest{steps, "study.seeds=1", "probe.risk.every=100000", "sweep.model.alpha=[0.1]"};
  run_study(small(rest), store, {});
  Store fresh(folder / "fresh", kWrite);
  run_study(small(rest), fresh, {});
  EXPECT_TRUE(same_tensors(store.weights(id), fresh.weights(id)));
}

INSTANTIATE_TEST_SUITE_P(Holders, SetAside, testing::Values("SELECT number FROM series", "BEGIN EXCLUSIVE"));

}  // namespace
}  // namespace iclab::study
