// The task files of configs/tasks: their requests against those that the harness makes with its own
// definitions over the same rows (tests/golden/make_task_goldens.py).
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <set>

#include "common/base/file.h"
#include "common/base/sha256.h"
#include "common/evaluation/dataset.h"
#include "common/evaluation/prepare.h"
#include "common/evaluation/suite.h"
#include "common/evaluation/task_folder.h"
#include "tests/common/evaluation/testdata_tasks.h"
#include "tests/common/temp_folder.h"

namespace koeval::evaluation {
namespace {

namespace fs = std::filesystem;

fs::path Source() {
  const char* folder = std::getenv("KOEVAL_SOURCE_DIR");
  return folder == nullptr ? "." : folder;
}

std::string Shipped() {
  return (Source() / "configs/tasks").string();
}

Result<PreparedTask> PrepareShipped(const std::string& task, int64_t num_fewshot) {
  const std::string datasets = (Source() / "tests/golden/tasks/datasets").string();
  ASSIGN_OR_RETURN(const auto tasks, LoadTasks(Shipped(), {task}, datasets));
  Options options;
  options.num_fewshot = num_fewshot;
  return Prepare(tasks[0], options);
}

Json RequestOf(const PreparedTask& task, const Request& request) {
  if (task.request_kind != RequestKind::kGenerate) {
    return Json::array({request.context, request.continuation});
  }
  return Json::array({request.context, task.generation.until, task.generation.max_tokens});
}

TEST(ShippedTasksTest, RequestsAreThoseOfTheHarnessDefinitions) {
  const auto lines = ReadDatasetFile((Source() / "tests/golden/tasks/requests.jsonl").string(), {});
  ASSERT_TRUE(lines.ok()) << lines.status().ToString();
  ASSERT_GT(lines->size(), 70U);
  for (const Json& line : *lines) {
    const auto name = line.at("task").get<std::string>();
    const auto shots = line.at("num_fewshot").get<int64_t>();
    SCOPED_TRACE(name + ", " + std::to_string(shots) + " shots");
    const auto prepared = PrepareShipped(name, shots);
    ASSERT_TRUE(prepared.ok()) << prepared.status().ToString();
    ASSERT_EQ(prepared->requests.size(), line.at("requests").size());
    for (size_t i = 0; i < prepared->requests.size(); ++i) {
      const Json request = RequestOf(*prepared, prepared->requests[i]);
      EXPECT_EQ(Sha256Hex(PythonJsonDumps(request)).substr(0, 24), line.at("requests")[i])
          << "request " << i << ": " << request.dump();
    }
  }
}

TEST(ShippedTasksTest, EveryDefinitionIsValidWithoutItsRows) {
  auto folder = TaskFolder::Open(Shipped());
  ASSERT_TRUE(folder.ok()) << folder.status().ToString();
  const auto listed = folder->Tasks();
  ASSERT_TRUE(listed.ok()) << listed.status().ToString();
  EXPECT_GT(listed->size(), 320U);
  for (const TaskListing& task : *listed) {
    const auto config = folder->Config(task.task);
    EXPECT_TRUE(config.ok()) << config.status().ToString();
  }
}

TEST(ShippedTasksTest, MissingRowsAreSaidWithTheFolderThatWasLookedFor) {
  const auto tasks = LoadTasks(Shipped(), {"kobest_copa"}, "/nonexistent");
  ASSERT_FALSE(tasks.ok());
  EXPECT_TRUE(IsDatasetUnavailable(tasks.status()));
  EXPECT_EQ(tasks.status().code(), Code::kNotFound);
  EXPECT_NE(tasks.status().message().find("/nonexistent/skt/kobest_v1/copa"), std::string::npos)
      << tasks.status().ToString();
}

TEST(ShippedTasksTest, SuitesNameTasksThatAreShipped) {
  const auto suites = LoadSuites((Source() / "configs/suites").string());
  ASSERT_TRUE(suites.ok()) << suites.status().ToString();
  std::set<std::string> names;
  for (const Suite& suite : *suites) {
    names.insert(suite.name);
    for (const std::string& task : SuiteTasks(suite)) {
      const auto config = LoadTaskConfig(suite.tasks_dir, task);
      EXPECT_TRUE(config.ok()) << suite.name << ": " << config.status().ToString();
    }
  }
  for (const char* name : {"demo", "ko-h5", "ko-h5-s2", "kobest"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
}

// The rows of the authors in the layout of the datasets folder give the authors' own requests.
TEST(ShippedTasksTest, KoCommonGenHitsTheKeysOfTheAuthorsCache) {
  const auto folder = TestDataFolder();
  if (!folder) GTEST_SKIP() << "KOEVAL_TEST_DATA does not name a folder of rows";
  const fs::path rows = fs::path(*folder) / "ko-commongen-v2";
  const TempFolder temporary;
  const fs::path datasets = temporary.path();
  fs::create_directories(datasets / "ko_commongen_v2");
  fs::create_symlink(rows / "korean_commongen_v2_847_shuffled.jsonl",
                     datasets / "ko_commongen_v2/test.jsonl");
  fs::create_symlink(rows / "v2_5shot.jsonl", datasets / "ko_commongen_v2/train.jsonl");
  const auto tasks = LoadTasks(Shipped(), {"ko_commongen_v2"}, datasets.string());
  ASSERT_TRUE(tasks.ok()) << tasks.status().ToString();
  Options options;
  options.profile = Profile::kLeaderboardV1;
  const auto prepared = Prepare(tasks->front(), options);
  ASSERT_TRUE(prepared.ok()) << prepared.status().ToString();
  const auto cache =
      ReadDatasetFile((rows / "kullm-polyglot-12.8b_2shot_partial_lls.jsonl").string(), {});
  ASSERT_TRUE(cache.ok()) << cache.status().ToString();
  int hits = 0;
  for (const Json& line : *cache) {
    const Document& document = prepared->documents.at(line.at("doc").get<size_t>());
    for (size_t i = 0; i < line.at("keys").size(); ++i) {
      const Request& request =
          prepared->requests.at(static_cast<size_t>(document.first_request) + i);
      const Json call = Json::array({"loglikelihood", request.context, request.continuation});
      hits += Sha256Hex(PythonJsonDumps(call)) == line.at("keys")[i] ? 1 : 0;
    }
  }
  EXPECT_EQ(hits, 324);
}

}  // namespace
}  // namespace koeval::evaluation
