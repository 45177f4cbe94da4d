// Dataset readers: formats, quoting, types of columns, and errors that name the line.
#include "common/evaluation/dataset.h"

#include <gtest/gtest.h>

#include "common/evaluation/task.h"

namespace koeval::evaluation {
namespace {

DatasetOptions Table(char delimiter, bool quoting = true) {
  DatasetOptions options;
  options.format = delimiter == '\t' ? DatasetFormat::kTsv : DatasetFormat::kCsv;
  options.delimiter = delimiter;
  options.quoting = quoting;
  return options;
}

std::vector<Json> Rows(const std::string& text, const DatasetOptions& options = {}) {
  const auto rows = ParseDataset(text, options, "data");
  EXPECT_TRUE(rows.ok()) << rows.status().ToString();
  return rows.ok() ? *rows : std::vector<Json>();
}

std::string Error(const std::string& text, const DatasetOptions& options = {}) {
  const auto rows = ParseDataset(text, options, "data");
  return rows.ok() ? "" : rows.status().message();
}

TEST(DatasetTest, JsonLinesKeepTheOrderOfKeysAndSkipBlankLines) {
  const auto rows = Rows("{\"b\": 1, \"a\": [2.5]}\n\n{\"b\": 2}\r\n");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].dump(), "{\"b\":1,\"a\":[2.5]}");
}

TEST(DatasetTest, JsonListAndFieldAreRows) {
  EXPECT_EQ(Rows(" [{\"a\": 1}, {\"a\": 2}]").size(), 2u);
  DatasetOptions options;
  options.field = "data";
  EXPECT_EQ(Rows("{\"version\": 1, \"data\": [{\"a\": 1}]}", options).size(), 1u);
}

TEST(DatasetTest, CsvColumnsHaveOneTypeEach) {
  const auto rows = Rows("n,x,t,h\n1,1.5,a,1\n2,,7,\n", Table(','));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].dump(), "{\"n\":1,\"x\":1.5,\"t\":\"a\",\"h\":1.0}");
  EXPECT_EQ(rows[1].dump(), "{\"n\":2,\"x\":null,\"t\":\"7\",\"h\":null}");
}

TEST(DatasetTest, QuotedCellsHoldDelimitersQuotesAndLineBreaks) {
  const auto rows = Rows("a,b\n\"x, \"\"y\"\"\",\"1\n2\"\n", Table(','));
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0]["a"], "x, \"y\"");
  EXPECT_EQ(rows[0]["b"], "1\n2");
}

TEST(DatasetTest, TsvWithoutQuotingTakesQuotesAsText) {
  const auto rows = Rows("a\tb\r\n\"열린 따옴표\t끝\r\n", Table('\t', false));
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0]["a"], "\"열린 따옴표");
  EXPECT_EQ(rows[0]["b"], "끝");
}

TEST(DatasetTest, ColumnNamesReplaceAMissingHeader) {
  DatasetOptions options = Table(',');
  options.column_names = {"q", "a"};
  EXPECT_EQ(Rows("one,1\ntwo,2\n", options).size(), 2u);
  options.skip_rows = 1;
  EXPECT_EQ(Rows("one,1\ntwo,2\n", options).size(), 1u);
}

TEST(DatasetTest, ErrorsNameTheLineAndNeverTheText) {
  EXPECT_EQ(Error("{\"a\": 1}\n{\"secret\": tru}\n").find("secret"), std::string::npos);
  EXPECT_NE(Error("{\"a\": 1}\n{\"secret\"\n").find("data:2: "), std::string::npos);
  EXPECT_NE(Error("[1]").find("JSON object"), std::string::npos);
  EXPECT_NE(Error("a,b\n1\n", Table(',')).find("data:2: the row has 1 cells"), std::string::npos);
  EXPECT_NE(Error("a\n\"open\n", Table(',')).find("never closed"), std::string::npos);
  EXPECT_NE(Error("\xff\xfe").find("not UTF-8"), std::string::npos);
}

TEST(TaskJsonTest, RoundTripKeepsEveryFieldAndTheDigest) {
  Task task;
  task.config.task = "t";
  task.config.output_type = OutputType::kLoglikelihood;
  task.config.doc_to_target = 3;
  task.config.doc_to_choice = Json::array({"a", "b"});
  task.config.num_fewshot = 0;
  task.config.metrics = {{"acc", "mean", true}, {"perplexity", "perplexity", false}};
  task.config.raw = {{"task", "t"}, {"x", 1.5}};
  task.docs = {Json{{"q", "질문"}, {"n", 1}}};
  task.fewshot_docs = {Json{{"q", ""}}};
  task.fewshot_pool_is_docs = true;
  const auto back = TaskFromJson(TaskToJson(task));
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_EQ(TaskToJson(*back).dump(), TaskToJson(task).dump());
  EXPECT_EQ(TaskDigest(*back), TaskDigest(task));
  Task other = task;
  other.docs[0]["n"] = 1.0;
  EXPECT_NE(TaskDigest(other), TaskDigest(task));
}

TEST(DatasetTest, FilesNameTheirSplit) {
  EXPECT_EQ(DatasetSplitOf("a/b/train.jsonl"), "train");
  EXPECT_EQ(DatasetSplitOf("train-00000-of-00002.parquet"), "train");
  EXPECT_EQ(DatasetSplitOf("train-0-of-2.csv"), "train-0-of-2");
  EXPECT_EQ(DatasetSplitOf("-00000-of-00002.csv"), "-00000-of-00002");
}

TEST(TaskJsonTest, MissingFieldIsNamed) {
  Json json = TaskToJson(Task());
  json["config"].erase("description");
  const auto task = TaskFromJson(json);
  ASSERT_FALSE(task.ok());
  EXPECT_NE(task.status().message().find("description"), std::string::npos);
}

}  // namespace
}  // namespace koeval::evaluation
