// The leaderboard as plain values, and the choice of rows that a reader asks for.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"
#include "scheduler/web/params.h"

namespace koeval::web {

struct ScoreCell {
  double value = 0;  // 0..1
  std::optional<double> stderr_value;
};

// How prompts were made, where that is the submitter's choice.
struct PromptSettings {
  std::optional<std::string> chat_template;  // the name, "" = the model's default; nothing: none
  bool fewshot_as_multiturn = false;
  std::string system_instruction;
};

// Ways in which a row was evaluated otherwise than its suite says, so that its scores are not those
// of the plain evaluation of the same model.
enum class Setting { kChatTemplate, kFewshotInOneTurn, kSystemInstruction, kProfile };
// "chat_template", "fewshot_in_one_turn", "system_instruction", "profile".
std::string_view SettingName(Setting setting);

// One finished evaluation of every document, or the scores of imported files.
struct BoardRow {
  size_t index = 0;          // in the order in which rows were added; kept by RankRows
  bool is_imported = false;  // then there is no request
  std::string request, model, revision, precision, weight_type, model_type, profile, suite_version;
  PromptSettings prompts;
  std::string architecture, license;  // "" = not known
  int64_t parameters = 0;             // 0 = not known
  std::optional<int64_t> likes;
  std::string type_icon;                         // the leaderboard's sign of the type; "" = none
  bool deleted = false;                          // the hub has the model no more
  std::vector<std::string> flags;                // reasons
  std::string flag_url;                          // of the discussion; "" = none
  std::vector<std::optional<ScoreCell>> scores;  // as Board::columns
  double stored_average = 0;                     // the plain mean as it was scored
  int64_t finished_at_us = 0;
  // Filled in by RankRows.
  int64_t rank = 0;  // from 1; 0 = not ranked
  std::optional<ScoreCell> average;

  // Has a finite score in every column.
  bool complete() const;
};

// Evaluations in one version of a suite.
struct Board {
  std::string suite, title, version;
  std::vector<std::string> columns;
  std::vector<BoardRow> rows;
  std::string profile = {};                // the suite's
  std::vector<std::string> versions = {};  // that have a board, the current one first
};

// Gives complete rows their average, whose standard error is that of a mean of independent columns,
// orders all, best average first, equal ones by time and id, and numbers those that have an average
// and no flag.
void RankRows(Board* board);

// In the order of the enumeration; none for a row that was evaluated as its suite says.
std::vector<Setting> SettingsOf(const Board& board, const BoardRow& row);

inline constexpr int64_t kRowsPerPageDefault = 200;
inline constexpr int64_t kRowsPerPageMax = 10'000;

struct BoardQuery {
  std::string suite;
  std::string search;  // in the model's name, letters of either case
  std::vector<std::string> types, precisions, licenses;  // none = any
  std::optional<double> billions_least, billions_most;
  bool show_flagged = false;
  std::string version;  // of the suite; "" = the current one
  std::string
      settings;  // "standard" as the suite says, "chat" with a chat template, "other"; "" = any
  std::string sort = "average";  // an id of BoardColumns
  bool descending = true;
  std::vector<std::string> columns;  // ids; none = the default ones
  int64_t page = 1;
  int64_t rows_per_page = kRowsPerPageDefault;  // 0 = all
};

// Reads suite, version, q, type*, precision*, license*, min_b, max_b, flagged, settings, sort,
// order, col*, page and rows. INVALID_ARGUMENT names the parameter.
Result<BoardQuery> ParseBoardQuery(const Params& params);
// Back again, without what is as it is by default.
Params ToParams(const BoardQuery& query);

// A column of the table, of downloads and of `sort`.
struct BoardColumn {
  std::string id;    // "average", "score:<name>", "parameters", ...
  std::string name;  // of a score column: its name; else ""
  bool is_score = false;
  bool is_default = false;
};
std::vector<BoardColumn> BoardColumns(const Board& board);
// Those that `query` asks for, in the board's order. INVALID_ARGUMENT: an unknown one.
Result<std::vector<BoardColumn>> ChosenColumns(const Board& board, const BoardQuery& query);

// Forgets the choice of columns where it is the default one, so that links stay short.
void DropDefaultColumns(const Board& board, BoardQuery* query);

// The rows that match, in order; rows without the value that they are sorted by come last.
// INVALID_ARGUMENT: sorted by an unknown column.
Result<std::vector<const BoardRow*>> SelectRows(const Board& board, const BoardQuery& query);

// Models of the board that are left out for their flags alone, unless `query` shows those.
int64_t HiddenModels(const Board& board, const BoardQuery& query);

// What a reader sees of `board`: `columns` of ChosenColumns, `rows` of SelectRows.
struct BoardSelection {
  const Board& board;
  const BoardQuery& query;
  std::vector<BoardColumn> columns;
  std::vector<const BoardRow*> rows;
};

// The rows of the page that the query asks for; none behind the last page.
std::span<const BoardRow* const> RowsOfPage(const BoardSelection& selection);

// Distinct values for filters, ascending, without "".
struct BoardChoices {
  std::vector<std::string> types, precisions, licenses;
};
BoardChoices ChoicesOf(const Board& board);

}  // namespace koeval::web
