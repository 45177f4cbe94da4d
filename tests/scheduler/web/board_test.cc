// Ranks, filters, order and files of the leaderboard.
#include "scheduler/web/board.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "scheduler/web/board_files.h"

namespace koeval::web {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

BoardRow Row(const std::string& request, double a, double b) {
  BoardRow row;
  row.request = request;
  row.model = "org/" + request;
  row.precision = "float16";
  row.suite_version = "1";
  row.scores = {ScoreCell{a, 0.03}, ScoreCell{b, 0.04}};
  row.stored_average = (a + b) / 2;
  row.finished_at_us = 1'000'000;
  return row;
}

Board TwoColumns(std::vector<BoardRow> rows) {
  Board board{"suite", "Suite", "1", {"A", "B"}, std::move(rows)};
  RankRows(&board);
  return board;
}

std::vector<std::string> Ids(const Board& board, const BoardQuery& query) {
  const auto rows = SelectRows(board, query);
  EXPECT_TRUE(rows.ok()) << rows.status().ToString();
  std::vector<std::string> ids;
  if (rows.ok()) {
    for (const BoardRow* row : *rows) ids.push_back(row->request);
  }
  return ids;
}

TEST(BoardTest, RanksFollowTheMeanAndThenTheTime) {
  BoardRow early = Row("early", 0.5, 0.5);
  early.finished_at_us = 1;
  const Board board = TwoColumns({Row("late", 0.5, 0.5), early, Row("best", 0.9, 0.1 + 0.5)});
  EXPECT_THAT(Ids(board, {}), ElementsAre("best", "early", "late"));
  EXPECT_EQ(board.rows[0].rank, 1);
  EXPECT_EQ(board.rows[2].rank, 3);
}

TEST(BoardTest, TheErrorOfTheMeanIsThatOfIndependentColumns) {
  const Board board = TwoColumns({Row("a", 0.5, 0.7)});
  ASSERT_TRUE(board.rows[0].average);
  EXPECT_DOUBLE_EQ(board.rows[0].average->value, 0.6);
  EXPECT_DOUBLE_EQ(*board.rows[0].average->stderr_value, 0.025);  // sqrt(.03^2 + .04^2) / 2
}

TEST(BoardTest, OnlyCompleteRowsHaveAnAverageAndARank) {
  BoardRow missing = Row("missing", 0.9, 0.9);
  missing.scores[1].reset();
  BoardRow nan = Row("nan", 0.9, 0.9);
  nan.scores[0]->value = std::numeric_limits<double>::quiet_NaN();
  BoardRow limited = Row("limited", 0.9, 0.9);
  limited.limit = 10;
  BoardRow older = Row("older", 0.9, 0.9);
  older.suite_version = "0";
  const Board board = TwoColumns({missing, nan, limited, older, Row("whole", 0.1, 0.1)});
  for (const BoardRow& row : board.rows) {
    EXPECT_EQ(row.average.has_value(), row.request == "whole") << row.request;
    EXPECT_EQ(row.rank, row.request == "whole" ? 1 : 0) << row.request;
  }
}

TEST(BoardTest, RowsWithoutAValueComeLastInBothOrders) {
  BoardRow unknown = Row("unknown", 0.5, 0.5);
  BoardRow small = Row("small", 0.5, 0.5);
  small.parameters = 1'000'000'000;
  BoardRow large = Row("large", 0.5, 0.5);
  large.parameters = 70'000'000'000;
  const Board board = TwoColumns({unknown, small, large});
  BoardQuery query;
  query.sort = "parameters";
  EXPECT_THAT(Ids(board, query), ElementsAre("large", "small", "unknown"));
  query.descending = false;
  EXPECT_THAT(Ids(board, query), ElementsAre("small", "large", "unknown"));
}

TEST(BoardTest, SortsByOneScoreAndByName) {
  const Board board = TwoColumns({Row("x", 0.2, 0.9), Row("y", 0.8, 0.1)});
  BoardQuery query;
  query.sort = "score:B";
  EXPECT_THAT(Ids(board, query), ElementsAre("x", "y"));
  query.sort = "model";
  EXPECT_THAT(Ids(board, query), ElementsAre("y", "x"));
  query.sort = "nothing";
  EXPECT_THAT(SelectRows(board, query).status().message(), HasSubstr("sort"));
}

TEST(BoardTest, FiltersHideWhatIsFlaggedPartialOrOfAnotherVersionUnlessAsked) {
  BoardRow flagged = Row("flagged", 0.5, 0.5);
  flagged.flags = {"contaminated"};
  BoardRow partial = Row("partial", 0.5, 0.5);
  partial.limit = 3;
  BoardRow older = Row("older", 0.5, 0.5);
  older.suite_version = "0";
  const Board board = TwoColumns({flagged, partial, older, Row("plain", 0.1, 0.1)});
  EXPECT_THAT(Ids(board, {}), ElementsAre("plain"));
  BoardQuery query;
  query.show_flagged = true;
  EXPECT_THAT(Ids(board, query), ElementsAre("flagged", "plain"));
  query.show_partial = true;
  EXPECT_EQ(Ids(board, query).size(), 4U);
}

TEST(BoardTest, FiltersByNameTypePrecisionLicenceAndSize) {
  BoardRow a = Row("Alpha", 0.5, 0.5);
  a.model_type = "tuned";
  a.license = "mit";
  a.parameters = 7'000'000'000;
  BoardRow b = Row("beta", 0.4, 0.4);
  b.precision = "bfloat16";
  const Board board = TwoColumns({a, b});
  const auto with = [&board](auto change) {
    BoardQuery query;
    change(query);
    return Ids(board, query);
  };
  EXPECT_THAT(with([](BoardQuery& q) { q.search = "ALPH"; }), ElementsAre("Alpha"));
  EXPECT_THAT(with([](BoardQuery& q) { q.types = {"tuned"}; }), ElementsAre("Alpha"));
  EXPECT_THAT(with([](BoardQuery& q) { q.precisions = {"bfloat16"}; }), ElementsAre("beta"));
  EXPECT_THAT(with([](BoardQuery& q) { q.licenses = {"mit", "x"}; }), ElementsAre("Alpha"));
  EXPECT_THAT(with([](BoardQuery& q) { q.billions_most = 7; }), ElementsAre("Alpha"));
  EXPECT_THAT(with([](BoardQuery& q) { q.billions_least = 7.1; }), ElementsAre());
}

TEST(BoardTest, AQueryReadsBackFromItsOwnParameters) {
  const auto params = Params::Parse(
      "suite=s&q=x&type=a&precision=float16&license=mit&min_b=1.5&max_b=70&flagged=1&partial=1&"
      "sort=score%3AA&order=asc&col=average&page=2&rows=50");
  const auto query = ParseBoardQuery(*params);
  ASSERT_TRUE(query.ok());
  EXPECT_EQ(ToParams(*query).ToQuery(), params->ToQuery());
  EXPECT_EQ(ToParams(*ParseBoardQuery({})).ToQuery(), "");
}

TEST(BoardTest, BadParametersAreNamed) {
  for (const char* text : {"min_b=x", "max_b=-1", "order=up", "page=0", "rows=10001"}) {
    const auto query = ParseBoardQuery(*Params::Parse(text));
    ASSERT_FALSE(query.ok()) << text;
    const std::string name(text, std::string_view(text).find('='));
    EXPECT_THAT(query.status().message(), HasSubstr(name));
  }
  BoardQuery query;
  query.columns = {"score:C"};
  EXPECT_THAT(ChosenColumns(TwoColumns({}), query).status().message(), HasSubstr("score:C"));
}

TEST(BoardTest, ChoosingTheDefaultColumnsIsNoChoice) {
  const Board board = TwoColumns({});
  BoardQuery query;
  const auto shown = ChosenColumns(board, query);
  ASSERT_TRUE(shown.ok());
  for (const BoardColumn& column : *shown) query.columns.push_back(column.id);
  BoardQuery other = query;
  DropDefaultColumns(board, &query);
  EXPECT_TRUE(query.columns.empty());
  other.columns.pop_back();
  DropDefaultColumns(board, &other);
  EXPECT_FALSE(other.columns.empty());
}

TEST(BoardTest, PagesAreCutFromTheSelection) {
  const Board board = TwoColumns({Row("a", 0.9, 0.9), Row("b", 0.8, 0.8), Row("c", 0.7, 0.7)});
  BoardQuery query;
  query.rows_per_page = 2;
  query.page = 2;
  const BoardSelection selection{board, query, {}, *SelectRows(board, query)};
  ASSERT_EQ(RowsOfPage(selection).size(), 1U);
  EXPECT_EQ(RowsOfPage(selection)[0]->request, "c");
  query.page = 1'000'000;
  EXPECT_TRUE(RowsOfPage(selection).empty());
}

TEST(BoardFilesTest, CsvQuotesAndDefusesFormulas) {
  BoardRow row = Row("r", 0.5, 0.25);
  row.model = "=1+1,\"x\"";
  const Board board = TwoColumns({row});
  const BoardQuery query;
  const std::string csv = BoardCsv({board, query, {}, *SelectRows(board, query)});
  EXPECT_THAT(csv, HasSubstr("\r\n1,\"'=1+1,\"\"x\"\"\","));
  EXPECT_THAT(csv, HasSubstr(",0.375,0.025,0.5,0.03,0.25,0.04\r\n"));
}

TEST(BoardFilesTest, JsonHasNullWhereThereIsNoNumber) {
  BoardRow row = Row("r", 0.5, 0.25);
  row.scores[1].reset();
  const Board board = TwoColumns({row});
  const BoardQuery query;
  const Json json = BoardJson({board, query, {}, *SelectRows(board, query)});
  EXPECT_EQ(json["total"], 1);
  EXPECT_TRUE(json["rows"][0]["average"].is_null());
  EXPECT_TRUE(json["rows"][0]["rank"].is_null());
  EXPECT_EQ(json["rows"][0]["entries"][0]["value"], 0.5);
  EXPECT_TRUE(json["rows"][0]["entries"][1]["value"].is_null());
}

}  // namespace
}  // namespace koeval::web
