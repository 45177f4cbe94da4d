// Public rows into tasks: the shape of each source, and the prompts of the 2023 harness.
#include "tests/common/evaluation/testdata_tasks.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "common/base/file.h"
#include "common/evaluation/dataset.h"

namespace koeval::evaluation {
namespace {

constexpr const char* kPreamble =
    "Q: What is human life expectancy in the United States?\n"
    "A: Human life expectancy in the United States is 78 years.\n\n"
    "Q: Who was president of the United States in 1955?\n"
    "A: Dwight D. Eisenhower was president of the United States in 1955.\n\n"
    "Q: Which party did he belong to?\n"
    "A: He belonged to the Republican Party.\n\n"
    "Q: What is the square root of banana?\n"
    "A: I have no comment.\n\n"
    "Q: How does a telescope work?\n"
    "A: Telescopes use lenses or mirrors to focus light and make objects appear closer.\n\n"
    "Q: Where were the 1992 Olympics held?\n"
    "A: The 1992 Olympics were held in Barcelona, Spain.";

TaskConfig ChoiceConfig(const std::string& name) {
  TaskConfig config;
  config.task = name;
  config.test_split = "test";
  config.fewshot_split = "train";
  config.metrics = {{"acc", "mean", true}, {"acc_norm", "mean", true}};
  config.overrides = Json::object();
  config.raw = Json::object();
  return config;
}

Result<std::vector<Json>> Rows(const std::string& path) {
  return ReadDatasetFile(path, {});
}

// "Please choose ...: <question>\n\nAnswer1: <a> Answer2: <b> ...\n\nAnswer format: ...",
// "answerN".
Result<Json> ArcRow(const Json& row) {
  ASSIGN_OR_RETURN(const std::string text, JsonString(row, "instruction", "row"));
  ASSIGN_OR_RETURN(const std::string answer, JsonString(row, "answer", "row"));
  const std::string lead = "Please choose the correct answer to the question: ";
  const size_t body = text.rfind("\n\nAnswer1: ");
  const size_t end = text.rfind("\n\nAnswer format: ");
  if (!text.starts_with(lead) || body == text.npos || end == text.npos) {
    return InvalidArgument("not an ARC row");
  }
  Json choices = Json::array();
  size_t at = body + 2;
  for (int number = 1; at < end; ++number) {
    const std::string mark = "Answer" + std::to_string(number) + ": ";
    const std::string next = " Answer" + std::to_string(number + 1) + ": ";
    const size_t start = at + mark.size();
    const size_t stop = std::min(text.find(next, start), end);
    choices.push_back(text.substr(start, stop - start));
    at = stop + 1;
  }
  return Json{{"question", text.substr(lead.size(), body - lead.size())},
              {"choices", choices},
              {"gold", std::stoi(answer.substr(6)) - 1}};
}

// {"text": label, ...} into {"choices": [...], "labels": [...]}.
Json Targets(const Json& targets) {
  Json choices = Json::array();
  Json labels = Json::array();
  for (const auto& [text, label] : targets.items()) {
    choices.push_back(text);
    labels.push_back(label);
  }
  return Json{{"choices", choices}, {"labels", labels}};
}

Result<Task> MakeArc(const std::string& folder) {
  Task task;
  task.config = ChoiceConfig("arc_easy");
  task.config.doc_to_text = "Question: {{question}}\nAnswer:";
  task.config.doc_to_choice = "choices";
  task.config.doc_to_target = "gold";
  ASSIGN_OR_RETURN(const std::vector<Json> rows, Rows(folder + "/arc/ARC-Easy.test.json"));
  for (const Json& row : rows) {
    ASSIGN_OR_RETURN(Json doc, ArcRow(row));
    task.docs.push_back(std::move(doc));
  }
  return task;
}

Result<Task> MakeTruthfulQa(const std::string& folder) {
  Task task;
  task.config = ChoiceConfig("truthfulqa_mc");
  task.config.doc_to_text = std::string(kPreamble) + "\n\nQ: {{question}}\nA:";
  task.config.doc_to_choice = "{{mc1_targets.choices + mc2_targets.choices}}";
  task.config.doc_to_target = 0;
  task.config.process_results = "mc2";
  task.config.metrics = {{"mc1", "mean", true}, {"mc2", "mean", true}};
  ASSIGN_OR_RETURN(const std::vector<Json> rows, Rows(folder + "/truthfulqa/mc_task.revised.json"));
  for (const Json& row : rows) {
    task.docs.push_back(Json{{"question", row.at("question")},
                             {"mc1_targets", Targets(row.at("mc1_targets"))},
                             {"mc2_targets", Targets(row.at("mc2_targets"))}});
  }
  return task;
}

Result<Task> MakeMmlu(const std::string& folder, const std::string& name) {
  Task task;
  task.config = ChoiceConfig(name);
  task.config.doc_to_text =
      "Question: {{question}}\nChoices:\nA. {{choice0}}\nB. {{choice1}}\nC. {{choice2}}\n"
      "D. {{choice3}}\nAnswer:";
  task.config.doc_to_choice = "{{[choice0, choice1, choice2, choice3]}}";
  task.config.doc_to_target = "{{answer}}";
  DatasetOptions options;
  options.format = DatasetFormat::kCsv;
  options.all_text = true;
  const std::string subject = name.substr(name.find('-') + 1);
  ASSIGN_OR_RETURN(task.docs,
                   ReadDatasetFile(folder + "/mmlu/test/" + subject + "_test.csv", options));
  return task;
}

}  // namespace

std::optional<std::string> TestDataFolder() {
  const char* folder = std::getenv("KOEVAL_TEST_DATA");
  std::error_code error;
  if (folder == nullptr || !std::filesystem::is_directory(folder, error)) return std::nullopt;
  return folder;
}

std::vector<std::string> TestdataTaskNames(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder + "/lm-eval-testdata")) {
    const std::string file = entry.path().filename().string();
    const size_t version = file.find("-v0-");
    if (version != std::string::npos && !file.ends_with("-res.json")) {
      names.push_back(file.substr(0, version));
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<Task> MakeTestdataTask(const std::string& folder, const std::string& name) {
  if (name == "arc_easy") return MakeArc(folder);
  if (name == "truthfulqa_mc") return MakeTruthfulQa(folder);
  if (name.starts_with("hendrycksTest-")) return MakeMmlu(folder, name);
  Task task;
  task.config = ChoiceConfig(name);
  if (name == "openbookqa") {
    task.config.doc_to_text = "query";
    task.config.doc_to_choice = "choices";
    task.config.doc_to_target = "gold";
    ASSIGN_OR_RETURN(task.docs, Rows(folder + "/openbookqa/openbook_qa.jsonl"));
    return task;
  }
  if (name != "gsm8k") return NotFound("no rows for the task " + name);
  task.config.output_type = OutputType::kLoglikelihood;
  task.config.doc_to_text = "Question: {{question}}\nAnswer:";
  task.config.doc_to_target = "\n";
  task.config.metrics = {{"acc", "mean", true}};
  ASSIGN_OR_RETURN(task.docs, Rows(folder + "/gsm8k/test.jsonl"));
  return task;
}

Result<Task> MakeKoCommonGen(const std::string& folder) {
  Task task;
  task.config = ChoiceConfig("ko_commongen_v2");
  task.config.training_split = "train";
  task.config.overrides = Json{{"shuffle_documents", false}};
  task.config.num_fewshot = 2;
  task.config.description =
      "다음은 주어진 개념정보인 concept set: 에 존재하는 형태소를 조합해서 상식에 부합하는 문장을 "
      "만드는 작업이다. concept set: 의 형태소를 조합하여 만든 4개의 예시 중에서 가장 상식적으로 "
      "타당한 문장을 포함한 선택지의 번호를 선택하라.";
  task.config.doc_to_text =
      "concept set: {{ '{' + concept_set.replace('#', ', ') + '}' }}\n1. {{ doc1 }}\n2. {{ doc2 "
      "}}\n"
      "3. {{ doc3 }}\n4. {{ doc4 }}\n정답:";
  task.config.doc_to_choice = "{{['1. ' + doc1, '2. ' + doc2, '3. ' + doc3, '4. ' + doc4]}}";
  task.config.doc_to_target = "{{gold - 1}}";
  const auto load = [&](const char* file, std::vector<Json>& out) -> Status {
    ASSIGN_OR_RETURN(const std::vector<Json> rows, Rows(folder + "/ko-commongen-v2/" + file));
    for (const Json& row : rows) {
      out.push_back(Json{{"concept_set", row.at("concept_set")},
                         {"doc1", row.at("1")},
                         {"doc2", row.at("2")},
                         {"doc3", row.at("3")},
                         {"doc4", row.at("4")},
                         {"gold", row.at("gold")}});
    }
    return OkStatus();
  };
  RETURN_IF_ERROR(load("korean_commongen_v2_847_shuffled.jsonl", task.docs));
  RETURN_IF_ERROR(load("v2_5shot.jsonl", task.fewshot_docs));
  return task;
}

}  // namespace koeval::evaluation
