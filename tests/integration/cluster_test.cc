// The daemons as processes: the same scores on one and on two workers, through the queue and on the
// spot, and whatever is killed on the way.
#include "tests/integration/cluster.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "common/base/child_process.h"
#include "common/base/file.h"

namespace koeval::integration {
namespace {

constexpr int kPoints = 2;          // seeded points per kind of kill
constexpr int kPointsNightly = 20;  // KOEVAL_NIGHTLY=1

int Points() {
  return Nightly() ? kPointsNightly : kPoints;
}

const std::vector<std::string> kLimit = {"--limit", "24"};

void Submit(Cluster& cluster, const std::string& id) {
  std::vector<std::string> arguments = {"submit", Source("configs/demo/model"), "--request-id", id};
  arguments.insert(arguments.end(), kLimit.begin(), kLimit.end());
  cluster.Koeval(arguments);
}

// Samples of an undisturbed run on one worker, and the number of its batches.
struct Reference {
  std::string samples;
  int64_t batches = 0;
};

const Reference& UndisturbedRun() {
  static const Reference reference = [] {
    Cluster cluster;
    cluster.StartScheduler();
    cluster.StartWorker("alone");
    Submit(cluster, "reference");
    EXPECT_EQ(cluster.WaitForEnd("reference"), "FINISHED");
    const Json request = cluster.KoevalJson({"status", "reference"})["request"];
    return Reference{cluster.Samples("reference"),
                     request["progress"]["batches_total"].get<int64_t>()};
  }();
  return reference;
}

TEST(ClusterTest, TwoWorkersShareARequestAndTheScoresAreThoseOfOne) {
  const Reference& reference = UndisturbedRun();
  ASSERT_FALSE(reference.samples.empty());
  Cluster cluster;
  cluster.StartScheduler();
  cluster.StartWorker("node-a");
  cluster.StartWorker("node-b");
  cluster.WaitForWorkers(2);
  Submit(cluster, "shared");
  ASSERT_EQ(cluster.WaitForEnd("shared"), "FINISHED");
  EXPECT_EQ(cluster.Samples("shared"), reference.samples);
  int64_t contributed = 0;
  const Json answer = cluster.KoevalJson({"workers"});
  for (const Json& worker : answer["workers"]) {
    contributed += worker["batches_done"].get<int64_t>() > 0 ? 1 : 0;
  }
  EXPECT_EQ(contributed, 2);
}

TEST(ClusterTest, EvalWithoutDaemonsWritesTheSameSamples) {
  const Reference& reference = UndisturbedRun();
  Cluster cluster;  // for its folder
  const std::string out = cluster.folder() + "/eval";
  std::vector<std::string> arguments = {"eval",
                                        "--model",
                                        Source("configs/demo/model"),
                                        "--suite",
                                        Source("configs/suites/demo.yaml"),
                                        "--threads",
                                        "1",
                                        "--output",
                                        out,
                                        "--log-samples"};
  arguments.insert(arguments.end(), kLimit.begin(), kLimit.end());
  cluster.Koeval(arguments);
  std::multiset<std::string> expected, found;
  std::istringstream lines(reference.samples);
  for (std::string line; std::getline(lines, line);) expected.insert(line);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(out)) {
    if (entry.path().extension() != ".jsonl") continue;
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) found.insert(line);
  }
  EXPECT_EQ(found, expected);
}

TEST(ClusterTest, BrokenModelFailsWithReasonAndRemedyAndNeverReachesARunner) {
  Cluster cluster;
  cluster.StartScheduler();
  cluster.StartWorker("node-a");
  cluster.WaitForWorkers(1);
  cluster.Koeval({"submit", Source("configs/demo/broken-model"), "--request-id", "broken"});
  EXPECT_EQ(cluster.WaitForEnd("broken"), "FAILED");
  const Json status = cluster.KoevalJson({"status", "broken"});
  EXPECT_EQ(status["request"]["ending"], "BAD_CHECKPOINT");
  EXPECT_NE(status["request"]["reason"], "");
  EXPECT_NE(status["request"]["remedy"], "");
  EXPECT_TRUE(status["attempts"].empty());
}

enum class Victim { kWorker, kRunner, kScheduler };

// Each batch of `id` is in the store, and went there once.
void ExpectStoredOnce(Cluster& cluster, const std::string& id, int64_t batches) {
  const Cluster::StoredBatches stored = cluster.StoredBatchesOf(id);
  EXPECT_EQ(stored.rows, batches);
  EXPECT_EQ(stored.batches, batches);
  EXPECT_EQ(stored.stored_events, batches);
}

class KillTest : public ::testing::TestWithParam<Victim> {};

// False when there was no runner to kill: node-b had all the work so far.
bool Strike(Cluster& cluster, Victim victim) {
  switch (victim) {
    case Victim::kWorker:
      cluster.EndWorker("node-a", SIGKILL);
      cluster.StartWorker("node-a");
      return true;
    case Victim::kRunner:
      return cluster.KillRunnerOf("node-a");
    case Victim::kScheduler:
      cluster.EndScheduler(SIGKILL);
      cluster.StartScheduler();
      return true;
  }
  return false;
}

TEST_P(KillTest, ScoresAreThoseOfAnUndisturbedRun) {
  const Reference& reference = UndisturbedRun();
  ASSERT_GT(reference.batches, 2);
  int struck = 0;
  for (int point = 0; point < Points(); ++point) {
    const uint32_t seed = 1000U * static_cast<uint32_t>(GetParam()) + static_cast<uint32_t>(point);
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    Cluster cluster;
    cluster.StartScheduler();
    cluster.StartWorker("node-a");
    cluster.StartWorker("node-b");
    cluster.WaitForWorkers(2);
    Submit(cluster, "struck");
    const int64_t after = std::uniform_int_distribution<int64_t>(0, reference.batches - 2)(random);
    cluster.WaitForBatches("struck", after);
    struck += Strike(cluster, GetParam()) ? 1 : 0;
    ASSERT_EQ(cluster.WaitForEnd("struck"), "FINISHED");
    EXPECT_EQ(cluster.Samples("struck"), reference.samples);
    ExpectStoredOnce(cluster, "struck", reference.batches);
    if (HasFailure()) return;
  }
  std::printf("killed at %d of %d points, %lld batches each\n", struck, Points(),
              static_cast<long long>(reference.batches));
  EXPECT_GT(struck, 0);
}

INSTANTIATE_TEST_SUITE_P(EveryVictim, KillTest,
                         ::testing::Values(Victim::kWorker, Victim::kRunner, Victim::kScheduler),
                         [](const auto& param) {
                           return std::string(param.param == Victim::kWorker   ? "Worker"
                                              : param.param == Victim::kRunner ? "Runner"
                                                                               : "Scheduler");
                         });

TEST(ClusterTest, TerminatedWorkerFinishesItsBatchHandsBackAndExitsZero) {
  const Reference& reference = UndisturbedRun();
  Cluster cluster;
  cluster.StartScheduler();
  cluster.StartWorker("node-a");
  cluster.WaitForWorkers(1);
  Submit(cluster, "handed");
  cluster.WaitForBatches("handed", 1);
  EXPECT_EQ(cluster.EndWorker("node-a", SIGTERM), 0);
  cluster.StartWorker("node-b");
  ASSERT_EQ(cluster.WaitForEnd("handed"), "FINISHED");
  EXPECT_EQ(cluster.Samples("handed"), reference.samples);
}

TEST(ClusterTest, ExplainSaysWhatARequestWaitsForAndWhatWasDecided) {
  Cluster cluster;
  cluster.StartScheduler();
  Submit(cluster, "waits");
  cluster.WaitForPhase("waits", "queued");
  const Json waits = cluster.KoevalJson({"explain", "waits"})["explanation"];
  EXPECT_EQ(waits["answer"], "No worker is connected that takes work.");
  EXPECT_GT(waits["memory_bytes"].get<int64_t>(), 0);
  EXPECT_TRUE(waits["slots"].empty());
  cluster.StartWorker("node-a");
  ASSERT_EQ(cluster.WaitForEnd("waits"), "FINISHED");
  const Json ended = cluster.KoevalJson({"explain", "waits"})["explanation"];
  EXPECT_EQ(ended["answer"], "It has ended as FINISHED.");
  EXPECT_EQ(ended["decisions"].front()["kind"], "submitted");
  EXPECT_EQ(ended["decisions"].back()["kind"], "finished");
}

TEST(ClusterTest, BackupIsACopyUnderANewNameAndFailedSamplesLeaveNoFile) {
  Cluster cluster;
  cluster.StartScheduler();
  const Json backup = cluster.KoevalJson({"backup", "copy.db"})["backup"];
  const std::string path = backup["path"].get<std::string>();
  ASSERT_TRUE(std::filesystem::exists(path)) << path;
  EXPECT_EQ(static_cast<int64_t>(std::filesystem::file_size(path)), backup["bytes"].get<int64_t>());
  int status = 0;
  cluster.Koeval({"backup", "copy.db"}, &status);
  EXPECT_NE(status, 0);
  const std::string folder = cluster.folder() + "/samples";
  std::filesystem::create_directory(folder);
  cluster.Koeval({"samples", "nope", "--output", folder + "/out.jsonl"}, &status);
  EXPECT_NE(status, 0);
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST(ClusterTest, SecondSchedulerOnTheSameDatabaseIsRefused) {
  Cluster cluster;
  cluster.StartScheduler();
  const std::atomic<bool> never = false;
  const auto second =
      RunChild({Binary("koeval-scheduler"), "--config", cluster.folder() + "/scheduler.yaml",
                "--grpc-address", "127.0.0.1:0"},
               ChildLimits{}, Clock::Real(), never);
  ASSERT_TRUE(second.ok()) << second.status().ToString();
  EXPECT_EQ(second->code, 1);
  EXPECT_NE(second->err.find("another scheduler uses this database"), std::string::npos)
      << second->err;
  EXPECT_EQ(cluster.EndScheduler(SIGTERM), 0);
}

}  // namespace
}  // namespace koeval::integration
