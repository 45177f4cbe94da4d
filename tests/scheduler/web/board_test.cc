// Ranks, filters, order and files of the leaderboard.
#include "scheduler/web/board.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

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

TEST(BoardTest, OnlyCompleteRowsHaveAnAverageAndOnlyThoseWithoutAFlagARank) {
  BoardRow missing = Row("missing", 0.9, 0.9);
  missing.scores[1].reset();
  BoardRow nan = Row("nan", 0.9, 0.9);
  nan.scores[0]->value = std::numeric_limits<double>::quiet_NaN();
  BoardRow flagged = Row("flagged", 0.9, 0.9);
  flagged.flags = {"contaminated"};
  const Board board = TwoColumns({missing, nan, flagged, Row("whole", 0.1, 0.1)});
  for (const BoardRow& row : board.rows) {
    EXPECT_EQ(row.average.has_value(), row.request == "whole" || row.request == "flagged")
        << row.request;
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

TEST(BoardTest, FlaggedModelsAreHiddenAndCountedUnlessAsked) {
  BoardRow flagged = Row("flagged", 0.5, 0.5);
  flagged.flags = {"contaminated"};
  BoardRow again = flagged;
  again.request = "again";
  const Board board = TwoColumns({flagged, again, Row("plain", 0.1, 0.1)});
  BoardQuery query;
  EXPECT_THAT(Ids(board, query), ElementsAre("plain"));
  EXPECT_EQ(HiddenModels(board, query), 1);
  query.search = "plain";
  EXPECT_EQ(HiddenModels(board, query), 0) << "the flag is not why it is left out";
  query.search = "";
  query.show_flagged = true;
  EXPECT_THAT(Ids(board, query), ElementsAre("again", "flagged", "plain"));
  EXPECT_EQ(HiddenModels(board, query), 0);
}

// A plain row, and five that were evaluated otherwise.
Board DifferentSettings() {
  BoardRow chat = Row("chat", 0.9, 0.9);
  chat.prompts = {"", true, ""};
  BoardRow one_turn = Row("one-turn", 0.8, 0.8);
  one_turn.prompts = {"rag", false, ""};
  BoardRow instructed = Row("instructed", 0.7, 0.7);
  instructed.prompts = {{}, false, "Be brief."};
  BoardRow profile = Row("profile", 0.6, 0.6);
  profile.profile = "lm-eval-0.4";
  BoardRow plain = Row("plain", 0.5, 0.5);
  plain.profile = "leaderboard-v1";
  Board board = TwoColumns({chat, one_turn, instructed, profile, plain});
  board.profile = "leaderboard-v1";
  return board;
}

TEST(BoardTest, SettingsSayWhatDiffersFromTheSuite) {
  const Board board = DifferentSettings();
  const auto names = [&board](size_t i) {
    std::vector<std::string> out;
    for (const Setting setting : SettingsOf(board, board.rows[i])) {
      out.emplace_back(SettingName(setting));
    }
    return out;
  };
  EXPECT_THAT(names(0), ElementsAre("chat_template"));
  EXPECT_THAT(names(1), ElementsAre("chat_template", "fewshot_in_one_turn"));
  EXPECT_THAT(names(2), ElementsAre("system_instruction"));
  EXPECT_THAT(names(3), ElementsAre("profile"));
  EXPECT_THAT(names(4), ElementsAre());
}

TEST(BoardTest, FiltersBySettings) {
  const Board board = DifferentSettings();
  BoardQuery query;
  EXPECT_EQ(Ids(board, query).size(), 5U);
  query.settings = "standard";
  EXPECT_THAT(Ids(board, query), ElementsAre("plain"));
  query.settings = "chat";
  EXPECT_THAT(Ids(board, query), ElementsAre("chat", "one-turn"));
  query.settings = "other";
  EXPECT_THAT(Ids(board, query), ElementsAre("instructed", "profile"));
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
      "suite=s&version=1&q=x&type=a&precision=float16&license=mit&min_b=1.5&max_b=70&flagged=1&"
      "settings=chat&"
      "sort=score%3AA&order=asc&col=average&page=2&rows=50");
  const auto query = ParseBoardQuery(*params);
  ASSERT_TRUE(query.ok());
  EXPECT_EQ(ToParams(*query).ToQuery(), params->ToQuery());
  EXPECT_EQ(ToParams(*ParseBoardQuery({})).ToQuery(), "");
}

TEST(BoardTest, BadParametersAreNamed) {
  for (const char* text :
       {"min_b=x", "max_b=-1", "order=up", "page=0", "rows=10001", "settings=odd"}) {
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

TEST(BoardFilesTest, EveryCsvRowHasAsManyFieldsAsTheHeader) {
  Board board = DifferentSettings();
  const BoardQuery query;
  const std::string csv = BoardCsv({board, query, {}, *SelectRows(board, query)});
  std::istringstream lines(csv);
  std::string line;
  std::getline(lines, line);
  const auto commas = std::count(line.begin(), line.end(), ',');
  int rows = 0;
  for (; std::getline(lines, line); ++rows) {
    EXPECT_EQ(std::count(line.begin(), line.end(), ','), commas) << line;
  }
  EXPECT_EQ(rows, 5);
  EXPECT_THAT(csv, HasSubstr(",chat_template fewshot_in_one_turn,rag,one-turn,"));
}

TEST(BoardFilesTest, JsonTellsTheSettingsOfARow) {
  const Board board = DifferentSettings();
  const BoardQuery query;
  const Json rows = BoardJson({board, query, {}, *SelectRows(board, query)})["rows"];
  EXPECT_EQ(rows[1]["settings"], Json({"chat_template", "fewshot_in_one_turn"}));
  EXPECT_EQ(rows[1]["chat_template_name"], "rag");
  EXPECT_EQ(rows[2]["system_instruction"], "Be brief.");
  EXPECT_EQ(rows[4]["settings"], Json::array());
  EXPECT_EQ(rows[4]["chat_template"], false);
  EXPECT_TRUE(rows[4]["chat_template_name"].is_null());
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
