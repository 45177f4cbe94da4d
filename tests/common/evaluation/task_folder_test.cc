// Folders of task files: groups, tags, overrides, and what names select.
#include "common/evaluation/task_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "common/base/file.h"
#include "tests/common/temp_folder.h"

namespace koeval::evaluation {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class TaskFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    Write("rows.jsonl", "{\"q\": \"one\", \"g\": 1}\n");
    Write("base",
          "dataset_path: json\n"
          "dataset_kwargs: {data_files: {test: rows.jsonl}}\n"
          "test_split: test\noutput_type: multiple_choice\n"
          "doc_to_text: q\ndoc_to_choice: ['n', 'y']\ndoc_to_target: g\ntag: letters\n");
    for (const std::string name : {"c", "a", "b"}) {
      Write(name + ".yaml", "include: base\ntask: " + name + "\n");
    }
  }

  void Write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(WriteFileAtomically((folder_ / name).string(), text).ok());
  }

  Result<TaskSelection> Select(const std::vector<std::string>& names) {
    return LoadSelection(folder_.string(), names);
  }

  std::vector<std::string> Names(const TaskSelection& selection) {
    std::vector<std::string> out;
    for (const Task& task : selection.tasks) out.push_back(task.config.task);
    return out;
  }

  const TempFolder temporary_;
  const fs::path folder_ = temporary_.path();
};

TEST_F(TaskFolderTest, TagsOfIncludedFilesSelectTheirTasksSorted) {
  const auto selection = Select({"letters"});
  ASSERT_TRUE(selection.ok()) << selection.status().ToString();
  EXPECT_THAT(Names(*selection), ElementsAre("a", "b", "c"));
  EXPECT_TRUE(selection->groups.empty());
}

TEST_F(TaskFolderTest, GroupsHoldTasksTagsAndGroupsInTheFilesOrder) {
  Write("inner.yaml", "group: inner\ngroup_alias: In\ntask: [c]\n");
  Write("outer.yaml",
        "group: outer\n"
        "task:\n"
        "- inner\n"
        "- task: b\n"
        "  task_alias: B\n"
        "- {group: own, task: [a], aggregate_metric_list: {metric: acc}}\n"
        "aggregate_metric_list:\n"
        "- {metric: acc, weight_by_size: false, filter_list: none}\n"
        "metadata: {version: 1.0}\n");
  const auto selection = Select({"outer"});
  ASSERT_TRUE(selection.ok()) << selection.status().ToString();
  EXPECT_THAT(Names(*selection), ElementsAre("c", "b", "a"));
  EXPECT_EQ(selection->tasks[1].config.task_alias, "B");
  ASSERT_EQ(selection->groups.size(), 3U);
  const Group& outer = selection->groups[0];
  EXPECT_THAT(outer.members, ElementsAre("inner", "b", "outer::own"));
  EXPECT_THAT(outer.tasks, ElementsAre("c", "b", "a"));
  EXPECT_EQ(outer.version, "1.0");
  ASSERT_EQ(outer.metrics.size(), 1U);
  EXPECT_FALSE(outer.metrics[0].weight_by_size);
  EXPECT_THAT(*outer.metrics[0].filters, ElementsAre("none"));
  EXPECT_EQ(selection->groups[1].alias, "In");
  EXPECT_TRUE(selection->groups[1].metrics.empty());
  EXPECT_EQ(selection->groups[2].name, "outer::own");
  EXPECT_FALSE(selection->groups[2].metrics[0].filters.has_value());
}

TEST_F(TaskFolderTest, WhatStandsNearerToTheTaskWinsOnlyWithinOneGroup) {
  Write("inner.yaml",
        "group: inner\nnum_fewshot: 1\ndescription: inner\n"
        "task: [a, {task: b, description: own}]\n");
  Write("outer.yaml", "group: outer\nnum_fewshot: 2\ntask: [inner, c]\n");
  const auto selection = Select({"outer"});
  ASSERT_TRUE(selection.ok()) << selection.status().ToString();
  const auto config = [&](size_t i) { return selection->tasks[i].config; };
  EXPECT_EQ(config(0).num_fewshot, 2);  // the outer group's value wins over the inner's
  EXPECT_EQ(config(0).description, "inner");
  EXPECT_EQ(config(1).description, "own");
  EXPECT_EQ(config(2).num_fewshot, 2);
  EXPECT_EQ(config(2).description, "");
  EXPECT_THAT(selection->groups[0].overridden, ElementsAre("a", "b", "c"));
}

TEST_F(TaskFolderTest, AGroupMayDefineATaskItself) {
  Write("outer.yaml",
        "group: outer\n"
        "task:\n"
        "- task: new\n"
        "  dataset_path: json\n"
        "  dataset_kwargs: {data_files: {test: rows.jsonl}}\n"
        "  test_split: test\n"
        "  output_type: loglikelihood\n"
        "  doc_to_text: q\n"
        "  doc_to_target: '{{g}}'\n");
  const auto selection = Select({"outer"});
  ASSERT_TRUE(selection.ok()) << selection.status().ToString();
  EXPECT_THAT(Names(*selection), ElementsAre("outer::new"));
}

TEST_F(TaskFolderTest, ErrorsNameWhatIsWrong) {
  const auto error = [&](const std::string& group) {
    Write("outer.yaml", "group: outer\n" + group);
    return Select({"outer"}).status().message();
  };
  EXPECT_THAT(error("task: [a, missing]\n"), HasSubstr("no task \"missing\""));
  EXPECT_THAT(error("task: [a, letters]\n"), HasSubstr("task a is selected twice"));
  EXPECT_THAT(error("task: [outer]\n"), HasSubstr("group outer is selected twice"));
  EXPECT_THAT(error("description: x\n"), HasSubstr("needs a list of tasks"));
  EXPECT_THAT(error("task: [a]\naggregate_metric_list: [{metric: acc, aggregation: sum}]\n"),
              HasSubstr("write mean"));
  EXPECT_THAT(error("task: [a]\nfewshot_spilt: x\n"), HasSubstr("did you mean fewshot_split"));
  EXPECT_THAT(error("task: [a]\nprofile_overrides: {group_rule: best}\n"), HasSubstr("levels"));
}

TEST_F(TaskFolderTest, GroupsCanBeReadWithoutTheirDatasets) {
  fs::remove(folder_ / "rows.jsonl");
  Write("outer.yaml",
        "group: outer\ntask: [a, {task: b, task_alias: B}, {task: c, num_fewshot: 1}]\n");
  const auto groups = LoadGroup(folder_.string(), "outer");
  ASSERT_TRUE(groups.ok()) << groups.status().ToString();
  EXPECT_THAT((*groups)[0].tasks, ElementsAre("a", "b", "c"));
  EXPECT_THAT((*groups)[0].overridden, ElementsAre("c"));
  EXPECT_EQ(LoadGroup(folder_.string(), "a").status().code(), Code::kNotFound);
  EXPECT_EQ(ListGroups(folder_.string())->size(), 1U);
  EXPECT_EQ(ListTasks(folder_.string())->size(), 3U);
}

}  // namespace
}  // namespace koeval::evaluation
