// Generated answers from submission to score, with and without a chat template: through the queue
// on two workers, one of them killed on the way, and through `koeval eval`, equal to the last byte.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "common/base/file.h"
#include "tests/common/temp_folder.h"
#include "tests/integration/cluster.h"
#include "tests/integration/eval_files.h"

namespace koeval::integration {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTemplate =
    "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}";
const std::vector<std::string> kLimit = {"--limit", "24"};
const std::vector<std::string> kChat = {"--apply-chat-template", "--system-instruction",
                                        "짧게 답하십시오."};

// The demo model with a chat template of its own, in `folder`.
std::string ChatModel(const std::string& folder) {
  const std::string model = folder + "/model";
  fs::copy(Source("configs/demo/model"), model, fs::copy_options::recursive);
  const std::string path = model + "/tokenizer_config.json";
  const auto text = ReadFile(path);
  EXPECT_TRUE(text.ok()) << text.status().ToString();
  auto config = ParseJson(text.ok() ? *text : "{}");
  EXPECT_TRUE(config.ok()) << config.status().ToString();
  (*config)["chat_template"] = kTemplate;
  std::ofstream(path) << config->dump();
  return model;
}

std::vector<std::string> Join(std::vector<std::string> all,
                              const std::vector<std::vector<std::string>>& more) {
  for (const auto& part : more) all.insert(all.end(), part.begin(), part.end());
  return all;
}

std::vector<Json> Lines(const std::string& text) {
  std::vector<Json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    auto json = ParseJson(line);
    EXPECT_TRUE(json.ok()) << json.status().ToString();
    if (json.ok()) lines.push_back(*std::move(json));
  }
  return lines;
}

// The score that the sample lines say themselves: equal texts among all.
double ExactMatches(const std::vector<Json>& lines) {
  double right = 0;
  for (const Json& line : lines) right += line["filtered_resps"][0] == line["target"] ? 1 : 0;
  return right / static_cast<double>(lines.size());
}

// Evaluates through the queue, killing a worker after its first batches, and on the spot; the
// result file of the queue and the lines of each task, which are those of both.
EvalFiles RunBothWays(const std::vector<std::string>& chat) {
  const TempFolder folder;
  const std::string model = ChatModel(folder.path());
  Cluster cluster({.suites_dir = Source("tests/integration/generation"),
                   .suite = "generation",
                   .lease_batches_max = 1});
  cluster.StartScheduler();
  cluster.StartWorker("node-a");
  cluster.StartWorker("node-b");
  cluster.WaitForWorkers(2);
  cluster.Koeval(Join({"submit", model, "--request-id", "run"}, {kLimit, chat}));
  cluster.WaitForBatches("run", 1);
  cluster.EndWorker("node-a", SIGKILL);
  cluster.StartWorker("node-a");
  EXPECT_EQ(cluster.WaitForEnd("run"), "FINISHED") << cluster.Koeval({"status", "run"});

  const std::string out = folder.path() + "/out";
  cluster.Koeval(Join(
      {"eval", "--model", model, "--suite", Source("tests/integration/generation/generation.yaml"),
       "--threads", "1", "--output", out, "--log-samples"},
      {kLimit, chat}));
  EvalFiles files = ReadEvalFiles(out);
  EXPECT_EQ(files.samples.size(), 3U);
  for (const auto& [task, lines] : files.samples) {
    EXPECT_EQ(cluster.Samples("run", task), lines) << task;
  }
  const std::string path = folder.path() + "/queue.json";
  cluster.Koeval({"results", "run", "--output", path});
  const auto text = ReadFile(path);
  EXPECT_TRUE(text.ok()) << text.status().ToString();
  auto queue = ParseJson(text.ok() ? *text : "{}");
  EXPECT_TRUE(queue.ok()) << queue.status().ToString();
  if (!queue.ok()) return files;
  ExpectSameScores(*queue, files.results);
  files.results = *std::move(queue);
  return files;
}

void ExpectScoresFollowFromTheTexts(const EvalFiles& files) {
  for (const auto& [task, metric] :
       {std::pair("answer", "exact_match,stripped"), std::pair("word", "exact_match,word")}) {
    const std::vector<Json> lines = Lines(files.samples.at(task));
    ASSERT_EQ(lines.size(), 24U) << task;
    EXPECT_EQ(files.results["results"][task][metric].get<double>(), ExactMatches(lines)) << task;
    std::set<std::string> texts;
    for (const Json& line : lines) texts.insert(line["filtered_resps"][0].get<std::string>());
    EXPECT_GT(texts.size(), 2U) << task;
  }
}

TEST(GenerationTest, AnswersAreTheSameThroughTheQueueAndOnTheSpot) {
  const EvalFiles files = RunBothWays({});
  ExpectScoresFollowFromTheTexts(files);
  EXPECT_GT(files.results["results"]["answer"]["exact_match,stripped"].get<double>(), 0.5);
  EXPECT_EQ(files.results["koeval"].value("chat", Json()), Json());
}

TEST(GenerationTest, ConversationsAreTheSameThroughTheQueueAndOnTheSpot) {
  const EvalFiles files = RunBothWays(kChat);
  ExpectScoresFollowFromTheTexts(files);
  for (const auto& [task, lines] : files.samples) {
    const std::string prompt =
        Lines(lines).front()["arguments"]["gen_args_0"]["arg_0"].get<std::string>();
    EXPECT_TRUE(prompt.starts_with("<|system|>\n짧게 답하십시오.")) << task << "\n" << prompt;
    EXPECT_NE(prompt.find("<|user|>\n질문: "), prompt.npos) << task << "\n" << prompt;
    const std::string start = task == "word" ? "<|assistant|>\n정답:" : "<|assistant|>\n";
    EXPECT_TRUE(prompt.ends_with(start)) << task << "\n" << prompt;
  }
  EXPECT_EQ(files.results["chat_template"], kTemplate);
  EXPECT_EQ(files.results["system_instruction"], "짧게 답하십시오.");
  EXPECT_EQ(files.results["fewshot_as_multiturn"], true);
}

}  // namespace
}  // namespace koeval::integration
