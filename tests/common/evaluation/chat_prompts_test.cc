// Prompts as conversations: the requests that the reference harness built for the demo tasks with
// its own chat templating, stored in tests/golden/chat_prompts. Needs no model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>

#include "common/base/file.h"
#include "common/evaluation/prepare.h"
#include "common/evaluation/task.h"

namespace koeval::evaluation {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

fs::path Source() {
  const char* source = std::getenv("KOEVAL_SOURCE_DIR");
  return source == nullptr ? "." : source;
}

std::string ReadAll(const fs::path& path) {
  const auto text = ReadFile(path.string());
  EXPECT_TRUE(text.ok()) << text.status().ToString();
  return text.ok() ? *text : "";
}

const std::vector<std::string> kDemoTasks = {"demo_commonsense", "demo_completion",
                                             "demo_knowledge_nature", "demo_reasoning"};
const std::vector<std::string> kOwnTasks = {
    "chat_prefix_word", "chat_prefix_blank", "chat_prefix_column", "chat_prefix_shots",
    "chat_inputs",      "chat_cloze",        "chat_generate"};

std::map<std::string, Task> AllTasks() {
  std::map<std::string, Task> out;
  const auto add = [&](const fs::path& folder, const std::vector<std::string>& names) {
    auto tasks = LoadTasks(folder.string(), names);
    ASSERT_TRUE(tasks.ok()) << tasks.status().ToString();
    for (Task& task : *tasks) out.emplace(task.config.task, std::move(task));
  };
  add(Source() / "configs/demo/tasks", kDemoTasks);
  add(Source() / "tests/golden/chat_prompts/tasks", kOwnTasks);
  return out;
}

Options OptionsOf(const Json& head) {
  Options options;
  options.limit = head["limit"].get<int64_t>();
  if (!head["num_fewshot"].is_null()) options.num_fewshot = head["num_fewshot"].get<int64_t>();
  if (!head["system_instruction"].is_null()) {
    options.chat.system_instruction = head["system_instruction"].get<std::string>();
  }
  options.chat.fewshot_as_multiturn = head["fewshot_as_multiturn"].get<bool>();
  if (head["chat_template"].is_null()) return options;
  const std::string name = head["chat_template"];
  ChatTemplateSource source{
      .name = name, .text = ReadAll(Source() / "tests/golden/templates" / (name + ".jinja"))};
  for (const auto& [attribute, token] : head["special_tokens"].items()) {
    source.special_tokens.emplace_back(attribute, token.get<std::string>());
  }
  options.chat.chat_template = std::move(source);
  return options;
}

// Compares one case; returns how many requests it has.
size_t CompareCase(const std::string& name, const std::map<std::string, Task>& tasks) {
  std::istringstream lines(ReadAll(Source() / "tests/golden/chat_prompts" / (name + ".jsonl")));
  std::string line;
  std::getline(lines, line);
  const Options options = OptionsOf(*ParseJson(line));
  std::map<std::string, PreparedTask> prepared;
  for (const auto& [task_name, task] : tasks) {
    auto result = Prepare(task, options);
    EXPECT_TRUE(result.ok()) << name << ": " << result.status().ToString();
    if (result.ok()) prepared.emplace(task_name, *std::move(result));
  }
  size_t count = 0;
  while (std::getline(lines, line)) {
    const Json wanted = *ParseJson(line);
    const auto found = prepared.find(wanted["task"].get<std::string>());
    if (found == prepared.end()) continue;
    const auto at = wanted["doc_id"].get<size_t>();
    const std::string where = name + ", " + found->first + ", document " + std::to_string(at);
    const Document& document = found->second.documents.at(at);
    EXPECT_EQ(static_cast<size_t>(document.request_count), wanted["requests"].size()) << where;
    if (static_cast<size_t>(document.request_count) != wanted["requests"].size()) continue;
    for (size_t i = 0; i < wanted["requests"].size(); ++i) {
      const Request& request =
          found->second.requests.at(static_cast<size_t>(document.first_request) + i);
      EXPECT_EQ(request.context, wanted["requests"][i][0].get<std::string>()) << where;
      EXPECT_EQ(request.continuation, wanted["requests"][i][1].get<std::string>()) << where;
      ++count;
    }
  }
  return count;
}

class ChatPromptsTest : public testing::TestWithParam<const char*> {};

TEST_P(ChatPromptsTest, RequestsAreThoseOfTheHarness) {
  const auto tasks = AllTasks();
  ASSERT_EQ(tasks.size(), kDemoTasks.size() + kOwnTasks.size());
  EXPECT_GE(CompareCase(GetParam(), tasks), 100u);
}

INSTANTIATE_TEST_SUITE_P(Cases, ChatPromptsTest,
                         testing::Values("chatml_multiturn", "chatml_single", "chatml_system",
                                         "chatml_system_blank", "llama3", "mistral_drops_system",
                                         "gemma_drops_system", "qwen3", "zephyr", "plain_system"),
                         [](const auto& one) { return std::string(one.param); });

// ---- what the harness does not decide ----

Task OneDocument() {
  Task task;
  task.config.task = "toy";
  task.config.doc_to_text = "q";
  task.config.doc_to_target = 0;
  task.config.doc_to_choice = Json::array({"yes", "no"});
  task.docs = {Json{{"q", "a secret question"}}};
  return task;
}

Options WithTemplate(std::string text) {
  Options options;
  options.chat.chat_template = ChatTemplateSource{.name = "default", .text = std::move(text)};
  options.chat.fewshot_as_multiturn = true;
  return options;
}

TEST(ChatOptionsTest, ARefusalNamesTemplateAndPlaceAndNoTextOfTheRow) {
  const auto prepared =
      Prepare(OneDocument(), WithTemplate("\n{{ raise_exception('no: ' ~ messages[0].content) }}"));
  ASSERT_FALSE(prepared.ok());
  EXPECT_EQ(prepared.status().code(), Code::kFailedPrecondition);
  const std::string& message = prepared.status().message();
  EXPECT_THAT(message,
              HasSubstr("task toy, document 0: chat template \"default\": template line 2"));
  EXPECT_THAT(message, HasSubstr("without its chat template"));
  EXPECT_EQ(message.find("secret"), std::string::npos);
}

TEST(ChatOptionsTest, ATemplateThatRefusesTheSystemMessageIsAskedWithoutIt) {
  Options options = WithTemplate(
      "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}{% endif %}"
      "{{ m.content }}{% endfor %}");
  options.chat.system_instruction = "Be brief.";
  const auto prepared = Prepare(OneDocument(), options);
  ASSERT_TRUE(prepared.ok()) << prepared.status().ToString();
  EXPECT_EQ(prepared->documents[0].context, "a secret question");
  EXPECT_EQ(prepared->system_dropped, 1);
}

TEST(ChatOptionsTest, ATemplateThatFailsOtherwiseIsNotAskedAgain) {
  Options options = WithTemplate("{{ messages[0].role + 1 }}");
  options.chat.system_instruction = "Be brief.";
  EXPECT_FALSE(Prepare(OneDocument(), options).ok());
}

TEST(ChatOptionsTest, TheOldProfileKnowsNoConversations) {
  Options options = WithTemplate("{{ messages }}");
  options.profile = Profile::kLeaderboardV1;
  const auto chat = Prepare(OneDocument(), options);
  ASSERT_FALSE(chat.ok());
  EXPECT_THAT(chat.status().message(), HasSubstr("use lm-eval-0.4"));
  options.chat = {};
  Task task = OneDocument();
  task.config.gen_prefix = "A:";
  EXPECT_FALSE(Prepare(task, options).ok());
  EXPECT_TRUE(Prepare(OneDocument(), options).ok());
}

TEST(ChatOptionsTest, TurnsNeedATemplate) {
  Options options;
  options.chat.fewshot_as_multiturn = true;
  const auto prepared = Prepare(OneDocument(), options);
  ASSERT_FALSE(prepared.ok());
  EXPECT_THAT(prepared.status().message(), HasSubstr("need a chat template"));
}

TEST(ChatOptionsTest, ATaskWithAPrefixTravelsWithIt) {
  Task task = OneDocument();
  const std::string plain = TaskDigest(task);
  EXPECT_EQ(TaskToJson(task)["config"].count("gen_prefix"), 0u);
  task.config.gen_prefix = "A:";
  const auto back = TaskFromJson(TaskToJson(task));
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_EQ(back->config.gen_prefix, "A:");
  EXPECT_NE(TaskDigest(task), plain);
}

}  // namespace
}  // namespace koeval::evaluation
