// Task files: typing, includes, splits, built-ins, and errors that name file, line and key.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "common/base/file.h"
#include "common/base/utf8.h"
#include "common/evaluation/prepare.h"
#include "common/evaluation/yaml_value.h"
#include "tests/common/temp_folder.h"

namespace koeval::evaluation {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class TaskYamlTest : public testing::Test {
 protected:
  void SetUp() override {
    Write("test.jsonl",
          "{\"q\": \"one\", \"c\": [\"n\", \"y\"], \"g\": 1}\n"
          "{\"q\": \"two\", \"c\": [\"n\", \"y\"], \"g\": 0}\n");
  }

  void Write(const std::string& name, const std::string& text) {
    fs::create_directories((folder_ / name).parent_path());
    ASSERT_TRUE(WriteFileAtomically((folder_ / name).string(), text).ok());
  }

  // The task `toy`, from kBase and `more` lines.
  Result<Task> Load(const std::string& more, const std::string& base = kBase) {
    Write("toy.yaml", base + more);
    ASSIGN_OR_RETURN(std::vector<Task> tasks, LoadTasks(folder_.string(), {"toy"}));
    return std::move(tasks[0]);
  }

  std::string ErrorOf(const std::string& more, const std::string& base = kBase) {
    const auto task = Load(more, base);
    EXPECT_FALSE(task.ok()) << more;
    return task.ok() ? "" : task.status().message();
  }

  static constexpr const char* kBase =
      "task: toy\n"
      "dataset_path: json\n"
      "dataset_kwargs: {data_files: {test: test.jsonl, dev: [test.jsonl, test.jsonl]}}\n"
      "test_split: test\n"
      "output_type: multiple_choice\n"
      "doc_to_text: q\n"
      "doc_to_choice: c\n"
      "doc_to_target: g\n";

  const TempFolder temporary_;
  const fs::path folder_ = temporary_.path();
};

TEST_F(TaskYamlTest, DefaultsAreThoseOfTheHarness) {
  const auto task = Load("");
  ASSERT_TRUE(task.ok()) << task.status().ToString();
  EXPECT_EQ(task->config.target_delimiter, " ");
  EXPECT_EQ(task->config.fewshot_delimiter, "\n\n");
  EXPECT_FALSE(task->config.num_fewshot.has_value());
  ASSERT_EQ(task->config.metrics.size(), 2U);
  EXPECT_EQ(task->config.metrics[1].metric, "acc_norm");
  EXPECT_EQ(task->docs.size(), 2U);
  EXPECT_TRUE(task->fewshot_pool_is_docs);
}

TEST_F(TaskYamlTest, SplitsMayBeListsOfFilesAndOnlyNamedOnesAreRead) {
  const auto task = Load("fewshot_split: dev\nnum_fewshot: 3\n");
  ASSERT_TRUE(task.ok()) << task.status().ToString();
  EXPECT_EQ(task->fewshot_docs.size(), 4U);
  EXPECT_FALSE(task->fewshot_pool_is_docs);
}

TEST_F(TaskYamlTest, MissingSplitNamesThoseThatThereAre) {
  EXPECT_THAT(ErrorOf("fewshot_split: train\n"), HasSubstr("it has dev, test"));
}

TEST_F(TaskYamlTest, IncludedKeysAreOverriddenByOwnOnes) {
  Write("common/base", std::string(kBase) + "num_fewshot: 2\ndescription: base\n");
  const auto task = Load("",
                         "include: common/base\ntask: toy\ndescription: own\n"
                         "dataset_kwargs: {data_files: {test: test.jsonl}}\n");
  ASSERT_TRUE(task.ok()) << task.status().ToString();
  EXPECT_EQ(task->config.description, "own");
  EXPECT_EQ(task->config.num_fewshot, 2);
}

TEST_F(TaskYamlTest, IncludeCyclesEnd) {
  EXPECT_THAT(ErrorOf("include: toy.yaml\n"), HasSubstr("include"));
}

TEST_F(TaskYamlTest, IncludesThatMultiplyAreBounded) {
  // Each file includes the next one four times: a million merges at depth ten.
  for (int i = 0; i < 10; ++i) {
    const std::string next = "inc" + std::to_string(i + 1);
    Write("inc" + std::to_string(i),
          "include: [" + next + ", " + next + ", " + next + ", " + next + "]\n");
  }
  Write("inc10", "doc_to_text: q\n");
  EXPECT_THAT(ErrorOf("include: inc0\n"), HasSubstr("more than 1000 files"));
}

TEST_F(TaskYamlTest, FunctionsAreNamedBuiltins) {
  const auto task = Load(
      "process_results: !function utils.mc2\n"
      "metric_list: [{metric: mc2, aggregation: mean, weight: 3}]\n");
  ASSERT_TRUE(task.ok()) << task.status().ToString();
  EXPECT_EQ(task->config.process_results, "mc2");
  EXPECT_EQ(task->config.raw["metric_list"][0]["weight"], 3);
  EXPECT_THAT(ErrorOf("process_docs: !function utils.other\n"),
              AllOf(HasSubstr("known: "), HasSubstr("hellaswag")));
  EXPECT_THAT(ErrorOf("process_docs: !function utils.other\n"), HasSubstr("toy.yaml:9"));
  EXPECT_THAT(ErrorOf("doc_to_decontamination_query: !python x\n"), HasSubstr("toy.yaml:9"));
}

TEST_F(TaskYamlTest, UnknownKeysNameTheLineAndTheNearestKnownKey) {
  const std::string error = ErrorOf("fewshot_spilt: dev\n");
  EXPECT_THAT(error, HasSubstr("toy.yaml:9: fewshot_spilt"));
  EXPECT_THAT(error, HasSubstr("did you mean fewshot_split"));
}

TEST_F(TaskYamlTest, TopLevelKeysGivenTwiceAreErrors) {
  EXPECT_THAT(ErrorOf("test_split: dev\n"), HasSubstr("toy.yaml:9"));
}

// As PyYAML has it; a published task of the harness relies on it.
TEST_F(TaskYamlTest, OfNestedKeysGivenTwiceTheLastCountsAndIsNoted) {
  const auto task = Load("metadata: {version: 1, version: 2}\n");
  ASSERT_TRUE(task.ok()) << task.status().ToString();
  EXPECT_EQ(task->config.version, "2");
  EXPECT_THAT(task->notes, testing::Contains(HasSubstr("toy.yaml:9: version: is given twice")));
}

TEST_F(TaskYamlTest, MergeKeysAreFilledInAsPyYamlFillsThem) {
  const auto task = Load(
      "metadata:\n"
      "  a: &a {version: 1, x: 1}\n"
      "  b: &b {x: 2, y: 2}\n"
      "  version: 9\n"
      "  one: {y: 0, <<: *a}\n"
      "  both: {<<: [*a, *b], version: 3}\n");
  ASSERT_TRUE(task.ok()) << task.status().ToString();
  const Json& metadata = task->config.raw["metadata"];
  EXPECT_EQ(metadata["one"].dump(), R"({"version":1,"x":1,"y":0})");
  EXPECT_EQ(metadata["both"].dump(), R"({"x":1,"y":2,"version":3})");
  EXPECT_THAT(ErrorOf("metadata: {<<: 3}\n"), HasSubstr("<< must name a mapping"));
}

TEST_F(TaskYamlTest, KeysThatNeedPythonAreRefusedWithARemedy) {
  EXPECT_THAT(ErrorOf("use_prompt: promptsource:x\n"), HasSubstr("toy.yaml:9: use_prompt"));
  EXPECT_TRUE(Load("use_prompt: null\n").ok());
  EXPECT_THAT(ErrorOf("doc_to_image: [i]\n"), HasSubstr("text alone"));
  EXPECT_THAT(ErrorOf("custom_dataset: !function utils.load\n"), HasSubstr("data_files"));
  EXPECT_THAT(ErrorOf("group: x\n"), HasSubstr("`tag`"));
  std::string base = kBase;
  base.replace(base.find("doc_to_text: q"), 14, "doc_to_text: !function utils.text");
  EXPECT_THAT(ErrorOf("", base), HasSubstr("toy.yaml:6: doc_to_text: !function text is Python"));
  EXPECT_THAT(ErrorOf("fewshot_config: {samples: !function utils.shots}\n"),
              HasSubstr("write samples as a list"));
}

TEST_F(TaskYamlTest, ValuesThatDoNotFitAreNamed) {
  EXPECT_THAT(ErrorOf("repeats: 0\n"), HasSubstr("repeats: must be from 1"));
  EXPECT_THAT(ErrorOf("fewshot_config: {sampler: balanced}\n"), HasSubstr("first_n"));
  EXPECT_THAT(ErrorOf("fewshot_config: {samples: [1]}\n"), HasSubstr("list of mappings"));
  EXPECT_THAT(ErrorOf("profile_overrides: {shuffle: no}\n"), HasSubstr("shuffle_documents"));
  EXPECT_THAT(ErrorOf("description: 7\n"), HasSubstr("description: must be text"));
  EXPECT_THAT(ErrorOf("num_fewshot: -1\n"), HasSubstr("num_fewshot"));
  std::string base = kBase;
  base.replace(base.find("multiple_choice"), 15, "guessing");
  EXPECT_THAT(ErrorOf("", base), HasSubstr("toy.yaml:5: output_type: \"guessing\""));
  EXPECT_THAT(ErrorOf("dataset_kwargs: {data_dir: x}\n",
                      "task: toy\ndataset_path: json\ntest_split: test\n"
                      "output_type: multiple_choice\n"),
              HasSubstr("data_dir"));
}

TEST_F(TaskYamlTest, KeysWithoutEffectAreAcceptedAndNoted) {
  const auto task = Load(
      "tag: [a, b]\nshould_decontaminate: true\nrepeats: 1\nunsafe_code: true\n"
      "doc_to_decontamination_query: !function utils.query\ndataset_name: null\n"
      "generation_kwargs: {until: x}\n");
  ASSERT_TRUE(task.ok()) << task.status().ToString();
  EXPECT_EQ(task->notes.size(), 4U);
  EXPECT_THAT(task->notes, testing::Contains(HasSubstr("toy.yaml:15: generation_kwargs")));
}

TEST_F(TaskYamlTest, FewshotConfigOverridesWhatShotsWrite) {
  const auto task = Load(
      "fewshot_split: dev\n"
      "fewshot_config: {sampler: first_n, doc_to_text: 'Shot {{q}}'}\n");
  ASSERT_TRUE(task.ok()) << task.status().ToString();
  const auto prepared = Prepare(*task, {Profile::kLmEval04, 1, {}, {}});
  ASSERT_TRUE(prepared.ok()) << prepared.status().ToString();
  EXPECT_EQ(prepared->documents[1].context, "Shot one y\n\ntwo");
}

TEST_F(TaskYamlTest, UnknownTaskNamesTheKnownOnesAndListsAreSorted) {
  ASSERT_TRUE(Load("").ok());
  Write("more/a.yaml", "task: another\n");
  const auto tasks = LoadTasks(folder_.string(), {"nothing"});
  ASSERT_FALSE(tasks.ok());
  EXPECT_EQ(tasks.status().code(), Code::kNotFound);
  EXPECT_THAT(tasks.status().message(), HasSubstr("another, toy"));
  const auto listed = ListTasks(folder_.string());
  ASSERT_TRUE(listed.ok());
  ASSERT_EQ(listed->size(), 2U);
  EXPECT_EQ((*listed)[0].task, "another");
}

TEST_F(TaskYamlTest, SyntaxErrorsNameTheLine) {
  EXPECT_THAT(ErrorOf("description: [no end\n"), HasSubstr("toy.yaml"));
}

TEST_F(TaskYamlTest, TextIsUnicodeInFilesEscapesAndMessages) {
  EXPECT_THAT(ErrorOf("description: \xD9\n"), HasSubstr("not UTF-8"));
  EXPECT_THAT(ErrorOf("description: \"\\uD800\"\n"), HasSubstr("toy.yaml:9: "));
  // yaml-cpp quotes one byte of the character after the backslash.
  EXPECT_TRUE(IsValidUtf8(ErrorOf("description: \"\\가\"\n")));
}

TEST_F(TaskYamlTest, EscapesOfTheUpperControlsAreCharacters) {
  Write("escapes.yaml", "\"\\_k\": \"\xc3\xa9\\_\\N\\xa0\\L\"\n");
  const auto file = ReadYamlFile((folder_ / "escapes.yaml").string());
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  EXPECT_EQ(file->value.dump(), "{\"\xc2\xa0k\":\"\xc3\xa9\xc2\xa0\xc2\x85\xc2\xa0\xe2\x80\xa8\"}");
}

TEST_F(TaskYamlTest, ControlCharactersAreRefusedAndTheirLineIsNamed) {
  for (const std::string& text :
       {std::string("a: 1\nb\0_: 2\n", 12), std::string("a: 1\nb: \x07\n"),
        std::string("a: 1\n# \x7f\n"), std::string("a: 1\nb: \xc2\x9f\n")}) {
    Write("control.yaml", text);
    const Status status = ReadYamlFile((folder_ / "control.yaml").string()).status();
    EXPECT_EQ(status.code(), Code::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr("control.yaml:2: has a control character"));
  }
  Write("control.yaml", "a: \"\xc2\x85\t\"\r\n");
  EXPECT_TRUE(ReadYamlFile((folder_ / "control.yaml").string()).ok());
}

TEST_F(TaskYamlTest, AliasesCannotMultiplyWithoutBound) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += (j == 0 ? "" : ", ") + last;
    bomb += "]\n";
  }
  Write("bomb.yaml", bomb);
  EXPECT_FALSE(ReadYamlFile((folder_ / "bomb.yaml").string()).ok());
}

TEST_F(TaskYamlTest, TablesHaveTheirOptions) {
  Write("rows.tsv", "\"one\t0\n'two\t1\n");
  const auto task = Load("",
                         "task: toy\ndataset_path: tsv\n"
                         "dataset_kwargs: {data_files: {test: rows.tsv}, "
                         "column_names: [q, g]}\ntest_split: test\n"
                         "output_type: multiple_choice\ndoc_to_text: q\n"
                         "doc_to_choice: ['n', 'y']\ndoc_to_target: g\n");
  ASSERT_TRUE(task.ok()) << task.status().ToString();
  EXPECT_EQ(task->docs[0]["q"], "\"one");
  EXPECT_EQ(task->docs[1]["g"], 1);
}

// A task whose texts are generated, from `more` lines.
class GenerationYamlTest : public TaskYamlTest {
 protected:
  static constexpr const char* kGenerates =
      "task: toy\n"
      "dataset_path: json\n"
      "dataset_kwargs: {data_files: {test: test.jsonl}}\n"
      "test_split: test\n"
      "doc_to_text: q\n"
      "doc_to_target: '{{g}}'\n";
};

TEST_F(GenerationYamlTest, DefaultsAreThoseOfTheHarness) {
  const auto task = Load("fewshot_delimiter: '##'\n", kGenerates);
  ASSERT_TRUE(task.ok()) << task.status().ToString();
  EXPECT_EQ(task->config.output_type, OutputType::kGenerateUntil);
  EXPECT_EQ(task->config.generation_kwargs.dump(),
            R"({"temperature":0.0,"do_sample":false,"max_gen_toks":256,"until":["##"]})");
  ASSERT_EQ(task->config.metrics.size(), 1U);
  EXPECT_EQ(task->config.metrics[0].metric, "exact_match");
  const auto prepared = Prepare(*task, {});
  ASSERT_TRUE(prepared.ok()) << prepared.status().ToString();
  EXPECT_EQ(prepared->request_kind, RequestKind::kGenerate);
  EXPECT_THAT(prepared->generation.until, testing::ElementsAre("##"));
  EXPECT_EQ(prepared->generation.max_tokens, 256);
  EXPECT_EQ(prepared->requests[1].context, "two");
  EXPECT_EQ(prepared->requests[1].continuation, "");
  EXPECT_EQ(prepared->documents[0].answer, "1");
}

TEST_F(GenerationYamlTest, KwargsKeepTheFilesOrderAndTheFirstNameOfTheLengthWins) {
  const auto task = Load(
      "generation_kwargs: {until: 'Q:', max_tokens: 7, max_new_tokens: 5, temperature: 0, "
      "top_p: 0.9, num_beams: 1}\n",
      kGenerates);
  ASSERT_TRUE(task.ok()) << task.status().ToString();
  EXPECT_EQ(task->config.generation_kwargs.dump(),
            R"({"until":"Q:","max_tokens":7,"max_new_tokens":5,"temperature":0.0,)"
            R"("top_p":0.9,"num_beams":1})");
  const auto prepared = Prepare(*task, {});
  ASSERT_TRUE(prepared.ok());
  EXPECT_THAT(prepared->generation.until, testing::ElementsAre("Q:"));
  EXPECT_EQ(prepared->generation.max_tokens, 5);
}

TEST_F(GenerationYamlTest, WhatDrawsAtRandomOrSearchesIsRefusedWithARemedy) {
  const auto error = [&](const std::string& kwargs) {
    return ErrorOf("generation_kwargs: {" + kwargs + "}\n", kGenerates);
  };
  EXPECT_THAT(error("do_sample: true"), HasSubstr("generation_kwargs: do_sample"));
  EXPECT_THAT(error("do_sample: true"), HasSubstr("set do_sample: false"));
  EXPECT_THAT(error("temperature: 0.7"), HasSubstr("temperature"));
  EXPECT_TRUE(Load("generation_kwargs: {temperature: 0.7, do_sample: false}\n", kGenerates).ok());
  EXPECT_THAT(error("num_beams: 4"), HasSubstr("num_beams: only 1"));
  EXPECT_THAT(error("max_gen_toks: 0"), HasSubstr("max_gen_toks"));
  EXPECT_THAT(error("until: [1]"), HasSubstr("until"));
  EXPECT_THAT(error("max_length: 9"), HasSubstr("max_length: is not known"));
}

TEST_F(GenerationYamlTest, FiltersAreNamedPipelinesAndCheckedWhenRead) {
  const std::string filters =
      "filter_list:\n"
      "- {name: strict, filter: [{function: regex, regex_pattern: '(\\d+)'}, "
      "{function: take_first}]}\n";
  const auto task = Load(filters, kGenerates);
  ASSERT_TRUE(task.ok()) << task.status().ToString();
  ASSERT_EQ(task->config.filters.size(), 1U);
  EXPECT_EQ(task->config.filters[0].steps[0].arguments["regex_pattern"], "(\\d+)");
  const auto error = [&](const std::string& steps) {
    return ErrorOf("filter_list: [{name: x, filter: [" + steps + "]}]\n", kGenerates);
  };
  EXPECT_THAT(error("{function: regexp}"), HasSubstr("\"x\": regexp: is no filter; known are"));
  EXPECT_THAT(error("{function: regex, regex_pattern: '('}"), HasSubstr("regex_pattern"));
  EXPECT_THAT(error("{function: regex, pattern: a}"), HasSubstr("\"pattern\" is no argument"));
  EXPECT_THAT(error("{function: take_first_k, k: 2}"), HasSubstr("set repeats"));
  EXPECT_THAT(error("{function: custom, filter_fn: !function utils.f}"), HasSubstr("Python"));
  EXPECT_THAT(ErrorOf(filters), HasSubstr("filters are for generate_until"));
}

TEST_F(GenerationYamlTest, FetchedMetricsAreRefusedOnlyWhereTheyWouldBeCalled) {
  const auto metric = [](const std::string& name) {
    return "metric_list: [{metric: " + name + ", aggregation: !function utils.macro_f1_score, " +
           "average: macro, hf_evaluate: true}]\n";
  };
  const auto task = Load(metric("f1"));
  ASSERT_TRUE(task.ok()) << task.status().ToString();
  EXPECT_EQ(task->config.metrics[0].aggregation, "macro_f1_score");
  EXPECT_THAT(ErrorOf(metric("f1"), kGenerates), HasSubstr("hf_evaluate"));
  EXPECT_TRUE(Load("metric_list: [{metric: exact_match, hf_evaluate: true}]\n", kGenerates).ok());
}

TEST_F(GenerationYamlTest, TasksTravelWithFiltersKwargsAndRepeats) {
  const auto task = Load(
      "repeats: 3\n"
      "metric_list: [{metric: exact_match, ignore_case: true}]\n"
      "filter_list: [{name: x, filter: [{function: take_first_k, k: 2}]}]\n",
      kGenerates);
  ASSERT_TRUE(task.ok()) << task.status().ToString();
  const Json json = TaskToJson(*task);
  const auto back = TaskFromJson(*ParseJson(CompactJson(json)));
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_EQ(TaskToJson(*back), json);
  EXPECT_EQ(back->config.repeats, 3);
  EXPECT_EQ(back->config.filters[0].steps[0].arguments["k"], 2);
}

// What includes and data_files name is read where the definition lies; the task that travels holds
// rows, and names of files in it are words.
TEST_F(GenerationYamlTest, TasksThatTravelledNameNoFileThatIsRead) {
  const auto task = Load("", kGenerates);
  ASSERT_TRUE(task.ok()) << task.status().ToString();
  Json json = TaskToJson(*task);
  for (const std::string path : {"/etc/passwd", "../../none.yaml"}) {
    for (Json* place : {&json["config"]["raw"], &json["config"], &json}) {
      (*place)["include"] = path;
      (*place)["dataset_path"] = path;
      (*place)["dataset_kwargs"] = {{"data_files", {{"test", path}}}};
    }
    const auto back = TaskFromJson(json);
    ASSERT_TRUE(back.ok()) << back.status().ToString();
    EXPECT_EQ(back->docs.size(), task->docs.size());
    EXPECT_EQ(back->config.doc_to_text, task->config.doc_to_text);
  }
}

TEST_F(GenerationYamlTest, RollingTasksScoreTheTargetWithoutAContext) {
  const auto task = Load("output_type: loglikelihood_rolling\n", kGenerates);
  ASSERT_TRUE(task.ok()) << task.status().ToString();
  EXPECT_EQ(task->config.metrics.size(), 3U);
  const auto prepared = Prepare(*task, {});
  ASSERT_TRUE(prepared.ok()) << prepared.status().ToString();
  EXPECT_EQ(prepared->request_kind, RequestKind::kLoglikelihoodRolling);
  EXPECT_EQ(prepared->requests[0].context, "");
  EXPECT_EQ(prepared->requests[0].continuation, "1");
}

struct Typed {
  const char* text;
  Json wanted;
};

// What yaml.safe_load of PyYAML 6 gives.
TEST(YamlScalarTest, PlainScalarsAreTypedAsPyYamlTypesThem) {
  const std::vector<Typed> cases = {
      {"yes", true},      {"No", false},    {"on", true},    {"OFF", false},     {"y", "y"},
      {"tRUE", "tRUE"},   {"~", nullptr},   {"", nullptr},   {"Null", nullptr},  {"12", 12},
      {"-3", -3},         {"+3", 3},        {"1_000", 1000}, {"_1", "_1"},       {"017", 15},
      {"08", "08"},       {"0o17", "0o17"}, {"0x1F", 31},    {"0b11", 3},        {"1.5", 1.5},
      {"1.", 1.0},        {".5", 0.5},      {"1e5", "1e5"},  {"1.0e5", "1.0e5"}, {"1.0e+5", 1e5},
      {"1.2.3", "1.2.3"}, {"1:30", 90},     {".", "."},      {"abc", "abc"},     {"1 2", "1 2"},
      {"-0x10", -16},     {"0", 0},         {"-.5", "-.5"}};
  for (const Typed& item : cases) {
    const Json got = ResolveYamlScalar(item.text);
    EXPECT_EQ(got, item.wanted) << item.text;
    EXPECT_EQ(got.is_number_float(), item.wanted.is_number_float()) << item.text;
  }
}

TEST_F(TaskYamlTest, PartsOfASplitAreReadInTheirOrder) {
  const std::string row = "{\"q\": \"%\", \"c\": [\"n\", \"y\"], \"g\": 1}\n";
  for (const char* part : {"2", "0", "1"}) {
    std::string text = row;
    text.replace(text.find('%'), 1, part);
    Write(std::string("org/data/test-0000") + part + "-of-00003.jsonl", text);
  }
  Write("toy.yaml",
        "task: toy\ndataset_path: org/data\ntest_split: test\noutput_type: multiple_choice\n"
        "doc_to_text: q\ndoc_to_choice: c\ndoc_to_target: g\n");
  const auto tasks = LoadTasks(folder_.string(), {"toy"}, folder_.string());
  ASSERT_TRUE(tasks.ok()) << tasks.status().ToString();
  ASSERT_EQ(tasks->front().docs.size(), 3U);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(tasks->front().docs[i]["q"], std::to_string(i));
}

}  // namespace
}  // namespace koeval::evaluation
