// Which files of a dataset hold which split, and the folder made of them.
#include "common/hub/dataset_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "common/base/file.h"
#include "tests/common/temp_folder.h"

namespace koeval::hub {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

RepositoryInfo Info(const std::vector<std::string>& paths) {
  RepositoryInfo info;
  info.id = "org/data";
  for (const std::string& path : paths) info.files.push_back({path, 1, "", false});
  return info;
}

// "config/split.ext: a b" for each split.
std::vector<std::string> Texts(const Result<std::vector<DatasetSplit>>& splits) {
  if (!splits.ok()) return {splits.status().ToString()};
  std::vector<std::string> out;
  for (const DatasetSplit& split : *splits) {
    std::string text = split.config + "/" + split.split + split.extension + ":";
    for (const std::string& path : split.paths) text += " " + path;
    out.push_back(text);
  }
  return out;
}

TEST(DatasetFilesTest, SplitsAreFoundByTheirNames) {
  EXPECT_THAT(Texts(FindDatasetSplits(
                  Info({".gitattributes", "LICENSE.txt", "README.md", "dataset_infos.json",
                        "copa/dev.tsv", "copa/test.tsv", "data/train-00000-of-00002.jsonl",
                        "data/train-00001-of-00002.jsonl"}),
                  "", "")),
              ElementsAre("/train.jsonl: data/train-00000-of-00002.jsonl "
                          "data/train-00001-of-00002.jsonl",
                          "copa/test.tsv: copa/test.tsv", "copa/validation.tsv: copa/dev.tsv"));
}

TEST(DatasetFilesTest, TheCardsConfigsComeFirst) {
  const std::string readme =
      "---\nconfigs:\n- config_name: Law\n  data_files:\n  - split: test\n"
      "    path: data/Law-test*\n  - split: dev\n    path: [data/Law-dev.csv]\n"
      "- config_name: default\n  data_files: all/**.jsonl\n---\n";
  const RepositoryInfo info =
      Info({"all/x/a.jsonl", "data/Law-dev.csv", "data/Law-test.csv", "data/Tax-test.csv"});
  EXPECT_THAT(Texts(FindDatasetSplits(info, readme, "")),
              ElementsAre("/train.jsonl: all/x/a.jsonl", "Law/dev.csv: data/Law-dev.csv",
                          "Law/test.csv: data/Law-test.csv"));
  EXPECT_THAT(Texts(FindDatasetSplits(info, readme, "Law")),
              ElementsAre("Law/dev.csv: data/Law-dev.csv", "Law/test.csv: data/Law-test.csv"));
  EXPECT_THAT(FindDatasetSplits(info, readme, "Tax").status().message(),
              HasSubstr("no configuration \"Tax\"; it has \"\", \"Law\""));
}

TEST(DatasetFilesTest, WhatIsNotReadIsRefusedWithItsRemedy) {
  for (const char* path : {"train.jsonl.gz", "test.arrow"}) {
    const Status status = FindDatasetSplits(Info({path}), "", "").status();
    EXPECT_EQ(status.code(), Code::kUnimplemented) << path;
    EXPECT_THAT(status.message(), AllOf(HasSubstr(path), HasSubstr("to_json")));
  }
  EXPECT_EQ(FindDatasetSplits(Info({"train.csv", "train.jsonl"}), "", "").status().code(),
            Code::kUnimplemented);
  EXPECT_EQ(FindDatasetSplits(Info({"README.md"}), "", "").status().code(), Code::kNotFound);
}

TEST(DatasetFilesTest, NamesInACardStayBelowTheFolder) {
  for (const char* name : {"../x", "/x"}) {
    const std::string readme =
        std::string("---\nconfigs:\n- config_name: ") + name + "\n  data_files: a.jsonl\n---\n";
    EXPECT_EQ(FindDatasetSplits(Info({"a.jsonl"}), readme, "").status().code(),
              Code::kInvalidArgument)
        << name;
  }
  EXPECT_EQ(FindDatasetSplits(Info({"a.jsonl"}), "---\nconfigs: [\n---\n", "").status().code(),
            Code::kInvalidArgument);
}

TEST(DatasetFilesTest, ShardsOfJsonLinesBecomeOneFile) {
  TempFolder folder;
  std::ofstream(folder.File("a")) << "{\"x\": 1}";
  std::ofstream(folder.File("b")) << "{\"x\": 2}\n";
  const auto written = WriteDatasetSplits({{"part", "test", ".jsonl", {"a", "b"}}}, folder.path(),
                                          "org/data", folder.File("datasets"));
  ASSERT_TRUE(written.ok()) << written.status().ToString();
  const std::string path = folder.File("datasets/org/data/part/test.jsonl");
  EXPECT_THAT(*written, ElementsAre(path));
  EXPECT_EQ(ReadFile(path).value(), "{\"x\": 1}\n{\"x\": 2}\n");
}

TEST(DatasetFilesTest, ShardsOfOtherFormatsStayPartsAndOldFilesOfTheSplitLeave) {
  TempFolder folder;
  std::ofstream(folder.File("a.csv")) << "x\n1\n";
  std::ofstream(folder.File("b.csv")) << "x\n2\n";
  const std::string out = folder.File("datasets/org/data/");
  std::filesystem::create_directories(out);
  for (const char* old : {"test.jsonl", "test-00001-of-00003.csv", "train.csv", "notes.md"}) {
    std::ofstream(out + old) << "";
  }
  ASSERT_TRUE(WriteDatasetSplits({{"", "test", ".csv", {"a.csv", "b.csv"}}}, folder.path(),
                                 "org/data", folder.File("datasets"))
                  .ok());
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(out)) {
    names.push_back(entry.path().filename());
  }
  EXPECT_THAT(names, UnorderedElementsAre("notes.md", "test-00000-of-00002.csv",
                                          "test-00001-of-00002.csv", "train.csv"));
}

}  // namespace
}  // namespace koeval::hub
