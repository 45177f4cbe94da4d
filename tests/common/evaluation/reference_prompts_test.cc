// Prompts against the reference harness: hashes of whole request lists, keys of a result cache, and
// the contexts of the golden files. Skipped where the public rows are not at hand.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "common/base/file.h"
#include "common/base/sha256.h"
#include "common/base/utf8.h"
#include "common/evaluation/dataset.h"
#include "common/evaluation/prepare.h"
#include "tests/common/evaluation/testdata_tasks.h"
#include "tests/common/temp_folder.h"

namespace koeval::evaluation {
namespace {

namespace fs = std::filesystem;

#define SKIP_WITHOUT_DATA(folder)                             \
  const std::optional<std::string> folder = TestDataFolder(); \
  if (!folder) GTEST_SKIP() << "KOEVAL_TEST_DATA does not name a folder of rows"

Options OptionsOf(Profile profile) {
  Options options;
  options.profile = profile;
  return options;
}

Result<PreparedTask> PrepareOld(const Task& task) {
  return Prepare(task, OptionsOf(Profile::kLeaderboardV1));
}

TEST(ReferencePromptsTest, RequestListsOfThe2023HarnessHaveItsHashes) {
  SKIP_WITHOUT_DATA(folder);
  int checked = 0;
  for (const std::string& name : TestdataTaskNames(*folder)) {
    const bool generates = name == "gsm8k";
    const auto wanted = ReadFile(*folder + "/lm-eval-testdata/" + name +
                                 (generates ? "-v0-greedy_until" : "-v0-loglikelihood"));
    ASSERT_TRUE(wanted.ok()) << wanted.status().ToString();
    const auto task = MakeTestdataTask(*folder, name);
    ASSERT_TRUE(task.ok()) << name << ": " << task.status().ToString();
    const auto prepared = PrepareOld(*task);
    ASSERT_TRUE(prepared.ok()) << prepared.status().ToString();
    Json requests = Json::array();
    for (const Request& request : prepared->requests) {
      const Json second = generates ? Json::array({"\n"}) : Json(request.continuation);
      requests.push_back(Json::array({request.context, second}));
    }
    EXPECT_EQ(Sha256Hex(PythonJsonDumps(requests, {.sort_keys = true})),
              std::string(PythonStrip(*wanted)))
        << name;
    ++checked;
  }
  EXPECT_GE(checked, 24);
}

TEST(ReferencePromptsTest, KoCommonGenHitsEveryKeyOfTheCommittedCache) {
  SKIP_WITHOUT_DATA(folder);
  const auto task = MakeKoCommonGen(*folder);
  ASSERT_TRUE(task.ok()) << task.status().ToString();
  const auto prepared = PrepareOld(*task);
  ASSERT_TRUE(prepared.ok()) << prepared.status().ToString();
  ASSERT_EQ(prepared->documents.size(), 847U);
  EXPECT_EQ(CountCodePoints(prepared->documents[0].context), 726U);
  EXPECT_EQ(Sha256Hex(prepared->documents[0].context),
            "297c1c8739e24c6502ae789c80c1992131f17a07856865ec386d8b154e1d1cb7");
  const auto cache = ReadDatasetFile(
      *folder + "/ko-commongen-v2/kullm-polyglot-12.8b_2shot_partial_lls.jsonl", {});
  ASSERT_TRUE(cache.ok()) << cache.status().ToString();
  int hits = 0;
  int keys = 0;
  int answered = 0;
  for (const Json& line : *cache) {
    const auto& document = prepared->documents[line.at("doc").get<size_t>()];
    EXPECT_EQ(document.gold.at(0), line.at("gold").get<int64_t>());
    for (size_t i = 0; i < line.at("keys").size(); ++i) {
      ++keys;
      answered += line.at("lls")[i].is_null() ? 0 : 1;
      const Request& request = prepared->requests[static_cast<size_t>(document.first_request) + i];
      const Json call = Json::array({"loglikelihood", request.context, request.continuation});
      hits += Sha256Hex(PythonJsonDumps(call)) == line.at("keys")[i] ? 1 : 0;
    }
  }
  EXPECT_EQ(answered, 268);
  EXPECT_EQ(keys, 324);
  EXPECT_EQ(hits, keys);
}

// Descriptions that the golden runs of the old profile put in front.
const std::map<std::string, std::string> kOldDescriptions = {
    {"kobest_copa__3", "다음 문장에 이어질 알맞은 말을 고르시오."}};

// The task `name` of the goldens, with absolute paths to its rows.
Result<Task> LoadGoldenTask(const fs::path& goldens, const std::string& name,
                            const std::string& description) {
  ASSIGN_OR_RETURN(std::string yaml, ReadFile((goldens / "tasks" / (name + ".yaml")).string()));
  const std::string relative = "tasks/data/";
  const std::string absolute = (goldens / "tasks/data/").string();
  for (size_t at = 0; (at = yaml.find(relative, at)) != std::string::npos; at += absolute.size()) {
    yaml.replace(at, relative.size(), absolute);
  }
  if (!description.empty()) yaml += "description: " + PythonJsonDumps(Json(description)) + "\n";
  const TempFolder folder;
  RETURN_IF_ERROR(WriteFileAtomically(folder.File(name + ".yaml"), yaml));
  ASSIGN_OR_RETURN(std::vector<Task> tasks, LoadTasks(folder.path(), {name}));
  return std::move(tasks[0]);
}

// Compares the prompts of every golden file below `folder` with ours; how many files there were.
int CompareGoldens(const fs::path& goldens, const std::string& part, Profile profile) {
  std::map<std::string, PreparedTask> prepared;
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(goldens / part)) {
    const std::string stem = entry.path().stem().string();
    const size_t mark = stem.rfind("__");
    if (entry.path().extension() != ".jsonl" || mark == std::string::npos) continue;
    const std::string name = stem.substr(0, mark);
    const auto lines = ReadDatasetFile(entry.path().string(), {});
    EXPECT_TRUE(lines.ok()) << lines.status().ToString();
    if (!lines.ok() || lines->empty() || !lines->front().contains("conts")) continue;
    if (!prepared.contains(stem)) {
      const auto known = kOldDescriptions.find(stem);
      const bool old = profile == Profile::kLeaderboardV1;
      const auto task = LoadGoldenTask(goldens, name,
                                       old && known != kOldDescriptions.end() ? known->second : "");
      EXPECT_TRUE(task.ok()) << task.status().ToString();
      if (!task.ok()) continue;
      Options options = OptionsOf(profile);
      options.num_fewshot = std::stoi(stem.substr(mark + 2));
      auto made = Prepare(*task, options);
      EXPECT_TRUE(made.ok()) << made.status().ToString();
      if (!made.ok()) continue;
      prepared.emplace(stem, *std::move(made));
    }
    const PreparedTask& ours = prepared.at(stem);
    EXPECT_EQ(ours.documents.size(), lines->size()) << entry.path();
    for (size_t i = 0; i < std::min(lines->size(), ours.documents.size()); ++i) {
      const Json& line = (*lines)[i];
      const Document& document = ours.documents[i];
      EXPECT_TRUE(document.context == line.at("ctx").get<std::string>())
          << entry.path() << ":" << i + 1;
      EXPECT_EQ(static_cast<size_t>(document.request_count), line.at("conts").size());
      for (int32_t c = 0; c < document.request_count; ++c) {
        const Request& request = ours.requests[static_cast<size_t>(document.first_request + c)];
        EXPECT_TRUE(request.continuation ==
                    line.at("conts")[static_cast<size_t>(c)].get<std::string>())
            << entry.path() << ":" << i + 1 << " choice " << c;
      }
      if (line.contains("gold") && line.at("gold").is_number_integer() && !document.gold.empty()) {
        EXPECT_EQ(document.gold[0], line.at("gold").get<int64_t>());
      }
      if (line.contains("source_index")) {
        EXPECT_EQ(document.doc_id, line.at("source_index").get<int64_t>());
      }
    }
    ++files;
  }
  return files;
}

TEST(ReferencePromptsTest, PromptsOfTheCurrentHarnessAreOurs) {
  SKIP_WITHOUT_DATA(folder);
  const fs::path goldens = fs::path(*folder).lexically_normal().parent_path() / "goldens";
  if (!fs::exists(goldens)) GTEST_SKIP() << "no goldens beside the rows";
  EXPECT_GT(CompareGoldens(goldens, "lm_eval", Profile::kLmEval04), 50);
}

TEST(ReferencePromptsTest, PromptsOfTheOldProfileAreOurs) {
  SKIP_WITHOUT_DATA(folder);
  const fs::path goldens = fs::path(*folder).lexically_normal().parent_path() / "goldens";
  if (!fs::exists(goldens)) GTEST_SKIP() << "no goldens beside the rows";
  EXPECT_GT(CompareGoldens(goldens, "lm_eval_old", Profile::kLeaderboardV1), 5);
}

}  // namespace
}  // namespace koeval::evaluation
