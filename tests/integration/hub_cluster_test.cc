// A model of a hub from submission to score: two workers download it into one cache, and the score
// is that of the directory.
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/common/hub/fake_hub.h"
#include "tests/integration/cluster.h"

namespace koeval::integration {
namespace {

namespace fs = std::filesystem;

constexpr char kModel[] = "org/demo";
const std::vector<std::string> kLimit = {"--limit", "24"};

class HubClusterTest : public ::testing::Test {
 protected:
  // `asks_hub`: the scheduler does too; else it sees the model below models_dir.
  explicit HubClusterTest(bool asks_hub = false) : cluster_(Options(asks_hub, hub_.endpoint())) {
    commit_ = hub_.AddFolder(kModel, Source("configs/demo/model"));
    cluster_.StartScheduler();
  }

  static ClusterOptions Options(bool asks_hub, const std::string& endpoint) {
    ClusterOptions options;
    if (asks_hub) options.scheduler_settings = "hub: {endpoint: \"" + endpoint + "\"}\n";
    if (!asks_hub) options.link_model = {kModel, Source("configs/demo/model")};
    return options;
  }
  std::string Cache() const { return cluster_.folder() + "/hub-cache"; }
  void StartWorker(const std::string& name) {
    cluster_.StartWorker(name, {"--hub-endpoint", hub_.endpoint(), "--hub-cache", Cache()});
  }
  void Submit(const std::string& id, const std::string& revision) {
    std::vector<std::string> arguments = {"submit", kModel,         "--revision",
                                          revision, "--request-id", id};
    arguments.insert(arguments.end(), kLimit.begin(), kLimit.end());
    cluster_.Koeval(arguments);
  }
  std::string Run(const std::string& id, const std::string& revision) {
    Submit(id, revision);
    return cluster_.WaitForEnd(id);
  }
  // The sample lines of an evaluation on the spot.
  std::multiset<std::string> EvalSamples(const std::string& model,
                                         const std::vector<std::string>& more) {
    const std::string out = cluster_.folder() + "/eval-" + std::to_string(++evals_);
    std::vector<std::string> arguments = {
        "eval",      "--model", model,      "--suite", Source("configs/suites/demo.yaml"),
        "--threads", "1",       "--output", out,       "--log-samples"};
    arguments.insert(arguments.end(), kLimit.begin(), kLimit.end());
    arguments.insert(arguments.end(), more.begin(), more.end());
    cluster_.Koeval(arguments);
    std::multiset<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(out)) {
      if (entry.path().extension() != ".jsonl") continue;
      std::ifstream file(entry.path());
      for (std::string line; std::getline(file, line);) found.insert(line);
    }
    return found;
  }
  static std::multiset<std::string> Lines(const std::string& text) {
    std::multiset<std::string> out;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) out.insert(line);
    return out;
  }

  hub::FakeHub hub_;
  Cluster cluster_;
  std::string commit_;
  int evals_ = 0;
};

TEST_F(HubClusterTest, WorkersDownloadTheModelOnceAndTheScoreIsThatOfTheDirectory) {
  StartWorker("node-a");
  StartWorker("node-b");
  cluster_.WaitForWorkers(2);
  ASSERT_EQ(Run("from-hub", commit_), "FINISHED");
  const auto expected = EvalSamples(Source("configs/demo/model"), {});
  ASSERT_FALSE(expected.empty());
  EXPECT_EQ(Lines(cluster_.Samples("from-hub")), expected);
  EXPECT_EQ(hub_.Requests("cdn ").size(), 1u);

  // On the spot, from the same cache, without the hub.
  EXPECT_EQ(EvalSamples(kModel, {"--hub-cache", Cache(), "--offline", "--revision", commit_}),
            expected);
  EXPECT_EQ(hub_.Requests("cdn ").size(), 1u);
}

TEST_F(HubClusterTest, ADownloadOutlivesTheLeaseAndADamagedOneIsRetried) {
  // Longer than the lease of the test's scheduler would be without heartbeats.
  hub_.Misbehave(hub::FakeHub::Answer("hub /org/demo/resolve", 503, 2));
  hub_.Misbehave(hub::FakeHub::Truncate("cdn ", 50'000));
  StartWorker("node-a");
  cluster_.WaitForWorkers(1);
  EXPECT_EQ(Run("rough", commit_), "FINISHED");
  EXPECT_EQ(cluster_.KoevalJson({"status", "rough"})["attempts"].size(), 1u);
}

TEST_F(HubClusterTest, ACancelledRequestEndsItsDownloadAndTheNextOneGoesOnWithIt) {
  hub_.Misbehave(hub::FakeHub::HoldAt("cdn ", 50'000));
  StartWorker("node-a");
  cluster_.WaitForWorkers(1);
  Submit("held", commit_);
  hub_.AwaitHeld();
  cluster_.Koeval({"cancel", "held"});
  EXPECT_EQ(cluster_.WaitForEnd("held"), "FAILED");
  EXPECT_EQ(Run("again", commit_), "FINISHED");
  const auto requests = hub_.Requests("cdn ");
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_TRUE(requests[1].headers.contains("range"));
}

TEST_F(HubClusterTest, AModelThatLeftTheHubFailsWithItsReason) {
  hub_.Remove(kModel);
  StartWorker("node-a");
  cluster_.WaitForWorkers(1);
  ASSERT_EQ(Run("gone", commit_), "FAILED");
  const Json request = cluster_.KoevalJson({"status", "gone"})["request"];
  EXPECT_EQ(request["ending"], "MODEL_NOT_FOUND");
  EXPECT_NE(request["reason"].get<std::string>().find(kModel), std::string::npos);
}

class HubAloneTest : public HubClusterTest {
 protected:
  HubAloneTest() : HubClusterTest(/*asks_hub=*/true) {}
};

TEST_F(HubAloneTest, ABranchIsPinnedCheckedDownloadedAndScored) {
  StartWorker("node-a");
  StartWorker("node-b");
  cluster_.WaitForWorkers(2);
  ASSERT_EQ(Run("branch", "main"), "FINISHED");
  EXPECT_EQ(Lines(cluster_.Samples("branch")), EvalSamples(Source("configs/demo/model"), {}));
  EXPECT_TRUE(fs::exists(Cache() + "/models--org--demo/snapshots/" + commit_));
}

}  // namespace
}  // namespace koeval::integration
