// Imported scores as rows of a suite.
#include "scheduler/service/imported_scores.h"

#include <gtest/gtest.h>

#include <cmath>

namespace koeval::service {
namespace {

evaluation::SuiteEntry Entry(const std::string& name, std::vector<std::string> tasks,
                             const std::string& metric, std::optional<int64_t> shots) {
  evaluation::SuiteEntry entry;
  entry.name = name;
  entry.tasks = std::move(tasks);
  entry.metric = metric;
  entry.num_fewshot = shots;
  return entry;
}

board::ImportedScore Score(const std::string& task, const std::string& metric, double value,
                           std::optional<int64_t> shots = {},
                           std::optional<int64_t> documents = {}) {
  return {task, metric, "", value, std::nullopt, shots, documents};
}

board::ResultFile File(const std::string& model, int64_t date,
                       std::vector<board::ImportedScore> scores) {
  board::ResultFile file;
  file.model = model;
  file.date = {date};
  file.scores = std::move(scores);
  return file;
}

evaluation::Suite SuiteOf(std::vector<evaluation::SuiteEntry> entries) {
  evaluation::Suite suite;
  suite.name = "s";
  suite.entries = std::move(entries);
  return suite;
}

TEST(ImportedScoresTest, TasksOfOlderHarnessesAreFoundUnderTheirNames) {
  const auto suite = SuiteOf({Entry("ARC", {"arc_challenge"}, "acc_norm", 25),
                              Entry("MMLU", {"mmlu_anatomy", "mmlu_virology"}, "acc", 5)});
  const auto rows = ImportedRows(suite, {File("org/m", 1,
                                              {Score("arc:challenge", "acc_norm", 0.5, 25),
                                               Score("hendrycksTest-anatomy", "acc", 0.25, 5),
                                               Score("hendrycksTest-virology", "acc", 0.75, 5)})});
  ASSERT_EQ(rows.size(), 1u);
  ASSERT_EQ(rows[0].entries.size(), 2u);
  EXPECT_EQ(rows[0].entries[0].value, 0.5);
  EXPECT_EQ(rows[0].entries[1].value, 0.5);
  EXPECT_EQ(rows[0].average, 0.5);
}

TEST(ImportedScoresTest, OtherShotsAreAnotherScoreAndUnknownShotsAreTaken) {
  const auto suite = SuiteOf({Entry("A", {"a"}, "acc", 5)});
  EXPECT_TRUE(ImportedRows(suite, {File("m", 1, {Score("a", "acc", 1, 0)})}).empty());
  EXPECT_EQ(ImportedRows(suite, {File("m", 1, {Score("a", "acc", 1)})}).size(), 1u);
  EXPECT_TRUE(ImportedRows(suite, {File("m", 1, {Score("a", "acc_norm", 1, 5)})}).empty());
}

TEST(ImportedScoresTest, TheNewestFileCountsTaskByTask) {
  const auto suite = SuiteOf({Entry("A", {"a"}, "acc", {}), Entry("B", {"b"}, "acc", {})});
  const auto rows = ImportedRows(
      suite, {File("m", 5, {Score("a", "acc", 0.5)}), File("m", 9, {Score("a", "acc", 1.0)}),
              File("m", 7, {Score("b", "acc", 0.0), Score("a", "acc", 0.25)})});
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].date.micros, 9);
  EXPECT_EQ(rows[0].entries[0].value, 1.0);
  EXPECT_EQ(rows[0].average, 0.5);
}

TEST(ImportedScoresTest, AModelWithAMissingTaskShowsNoAverage) {
  const auto suite = SuiteOf({Entry("A", {"a", "a2"}, "acc", {}), Entry("B", {"b"}, "acc", {})});
  const auto rows =
      ImportedRows(suite, {File("m", 1, {Score("a", "acc", 0.5), Score("b", "acc", 1.0)})});
  ASSERT_EQ(rows.size(), 1u);
  ASSERT_EQ(rows[0].entries.size(), 1u);
  EXPECT_EQ(rows[0].entries[0].name, "B");
  EXPECT_TRUE(std::isnan(rows[0].average));
}

TEST(ImportedScoresTest, SizesWeighSubjectsWhereTheFileKnowsThem) {
  auto entry = Entry("A", {"a", "b"}, "acc", {});
  entry.weight_by_size = true;
  const auto sized = ImportedRows(
      SuiteOf({entry}),
      {File("m", 1, {Score("a", "acc", 1.0, {}, 30), Score("b", "acc", 0.0, {}, 10)})});
  EXPECT_EQ(sized.at(0).average, 0.75);
  const auto plain = ImportedRows(
      SuiteOf({entry}), {File("m", 1, {Score("a", "acc", 1.0), Score("b", "acc", 0.0, {}, 10)})});
  EXPECT_EQ(plain.at(0).average, 0.5);
}

TEST(ImportedScoresTest, ForksCallTheF1OfKobestByItsAverage) {
  const auto rows = ImportedRows(SuiteOf({Entry("COPA", {"kobest_copa"}, "f1", 5)}),
                                 {File("m", 1, {Score("kobest_copa", "macro_f1", 0.5, 5)}),
                                  File("n", 1, {Score("copa", "macro_f1", 0.5, 5)})});
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].model, "m");
  EXPECT_EQ(rows[0].entries[0].metric, "f1");
}

TEST(ImportedScoresTest, RevisionsAndPrecisionsAreRowsOfTheirOwn) {
  const auto suite = SuiteOf({Entry("A", {"a"}, "acc", {})});
  auto half = File("m", 1, {Score("a", "acc", 0.5)});
  half.precision = "float16";
  auto other = half;
  other.revision = "abc";
  EXPECT_EQ(ImportedRows(suite, {half, other, half}).size(), 2u);
}

}  // namespace
}  // namespace koeval::service
