// Ranks, filters, order.
#include "scheduler/web/board.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <set>
#include <tuple>

namespace koeval::web {
namespace {

constexpr double kBillionsMax = 100'000;
constexpr int64_t kPagesMax = 1'000'000;
constexpr std::string_view kScorePrefix = "score:";

char LowerAscii(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), LowerAscii);
  return text;
}

bool Holds(const std::vector<std::string>& values, const std::string& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

std::optional<ScoreCell> MeanOf(const BoardRow& row) {
  if (!row.complete()) return std::nullopt;
  double variance = 0;
  bool known = true;
  for (const auto& score : row.scores) {
    known = known && score->stderr_value && std::isfinite(*score->stderr_value);
    if (known) variance += *score->stderr_value * *score->stderr_value;
  }
  ScoreCell mean{row.stored_average, std::nullopt};
  if (known) mean.stderr_value = std::sqrt(variance) / static_cast<double>(row.scores.size());
  return mean;
}

constexpr std::array<std::string_view, 3> kSettingsChoices = {"standard", "chat", "other"};

bool HasSettings(const Board& board, const BoardRow& row, const std::string& wanted) {
  if (wanted.empty()) return true;
  const bool is_standard = SettingsOf(board, row).empty();
  if (wanted == "standard") return is_standard;
  const bool is_chat = row.prompts.chat_template.has_value();
  return wanted == "chat" ? is_chat : !is_standard && !is_chat;
}

// Flags aside.
bool Matches(const Board& board, const BoardRow& row, const BoardQuery& query,
             const std::string& search) {
  if (!search.empty() && Lower(row.model).find(search) == std::string::npos) return false;
  if (!query.types.empty() && !Holds(query.types, row.model_type)) return false;
  if (!query.precisions.empty() && !Holds(query.precisions, row.precision)) return false;
  if (!query.licenses.empty() && !Holds(query.licenses, row.license)) return false;
  const double billions = static_cast<double>(row.parameters) / 1e9;
  const bool sized = query.billions_least || query.billions_most;
  if (sized && row.parameters == 0) return false;
  if (query.billions_least && billions < *query.billions_least) return false;
  if (query.billions_most && billions > *query.billions_most) return false;
  return HasSettings(board, row, query.settings);
}

bool IsHidden(const BoardRow& row, const BoardQuery& query) {
  return !query.show_flagged && !row.flags.empty();
}

// What rows are ordered by: numbers or texts; nothing sorts last.
using SortKey = std::function<std::optional<double>(const BoardRow&)>;
using TextKey = std::function<std::string(const BoardRow&)>;

std::optional<double> CellValue(const std::optional<ScoreCell>& cell) {
  if (!cell || !std::isfinite(cell->value)) return std::nullopt;
  return cell->value;
}

std::optional<double> Positive(int64_t value) {
  if (value <= 0) return std::nullopt;
  return static_cast<double>(value);
}

SortKey NumberKey(const Board& board, const std::string& id) {
  if (id == "average" || id == "rank") {
    return [](const BoardRow& row) { return CellValue(row.average); };
  }
  if (id == "parameters") return [](const BoardRow& row) { return Positive(row.parameters); };
  if (id == "evaluated") return [](const BoardRow& row) { return Positive(row.finished_at_us); };
  if (id == "likes") {
    return [](const BoardRow& row) -> std::optional<double> {
      if (!row.likes) return std::nullopt;
      return static_cast<double>(*row.likes);
    };
  }
  for (size_t i = 0; i < board.columns.size(); ++i) {
    if (id == std::string(kScorePrefix) + board.columns[i]) {
      return [i](const BoardRow& row) { return CellValue(row.scores[i]); };
    }
  }
  return nullptr;
}

// So that rows of the same settings stand together; "" for those without any.
std::string SettingsKey(const BoardRow& row) {
  const PromptSettings& prompts = row.prompts;
  std::string key = prompts.chat_template ? "chat " + *prompts.chat_template : "";
  if (prompts.fewshot_as_multiturn) key += " turns";
  return key + prompts.system_instruction;
}

TextKey TextKeyOf(const std::string& id) {
  if (id == "model") return [](const BoardRow& row) { return Lower(row.model); };
  if (id == "type") return [](const BoardRow& row) { return row.model_type; };
  if (id == "precision") return [](const BoardRow& row) { return row.precision; };
  if (id == "license") return [](const BoardRow& row) { return Lower(row.license); };
  if (id == "architecture") return [](const BoardRow& row) { return row.architecture; };
  if (id == "weight_type") return [](const BoardRow& row) { return row.weight_type; };
  if (id == "revision") return [](const BoardRow& row) { return row.revision; };
  if (id == "settings") return SettingsKey;
  return nullptr;
}

// Sorts by `key`, which gives an optional; those without a value last, and equal ones as they are.
template <typename Key>
void SortBy(const Key& key, bool descending, std::vector<const BoardRow*>* rows) {
  using Value = decltype(key(*rows->front()));
  std::vector<std::pair<Value, const BoardRow*>> keyed;
  for (const BoardRow* row : *rows) keyed.emplace_back(key(*row), row);
  std::stable_sort(keyed.begin(), keyed.end(), [descending](const auto& a, const auto& b) {
    if (a.first.has_value() != b.first.has_value()) return a.first.has_value();
    if (!a.first) return false;
    return descending ? *b.first < *a.first : *a.first < *b.first;
  });
  std::transform(keyed.begin(), keyed.end(), rows->begin(),
                 [](const auto& pair) { return pair.second; });
}

}  // namespace

std::string_view SettingName(Setting setting) {
  constexpr std::array<std::string_view, 4> kNames = {"chat_template", "fewshot_in_one_turn",
                                                      "system_instruction", "profile"};
  return kNames.at(static_cast<size_t>(setting));
}

bool BoardRow::complete() const {
  return !scores.empty() && std::isfinite(stored_average) &&
         std::all_of(scores.begin(), scores.end(), [](const std::optional<ScoreCell>& score) {
           return score && std::isfinite(score->value);
         });
}

void RankRows(Board* board) {
  for (BoardRow& row : board->rows) row.average = MeanOf(row);
  std::sort(board->rows.begin(), board->rows.end(), [](const BoardRow& a, const BoardRow& b) {
    if (a.average.has_value() != b.average.has_value()) return a.average.has_value();
    const double best_a = a.average ? -a.average->value : 0;
    const double best_b = b.average ? -b.average->value : 0;
    return std::tie(best_a, a.finished_at_us, a.request) <
           std::tie(best_b, b.finished_at_us, b.request);
  });
  int64_t rank = 0;
  for (BoardRow& row : board->rows) row.rank = row.average && row.flags.empty() ? ++rank : 0;
}

std::vector<Setting> SettingsOf(const Board& board, const BoardRow& row) {
  std::vector<Setting> out;
  const PromptSettings& prompts = row.prompts;
  if (prompts.chat_template) out.push_back(Setting::kChatTemplate);
  // With a chat template, examples are turns of the conversation unless that is asked otherwise.
  if (prompts.chat_template && !prompts.fewshot_as_multiturn) {
    out.push_back(Setting::kFewshotInOneTurn);
  }
  if (!prompts.system_instruction.empty()) out.push_back(Setting::kSystemInstruction);
  if (!row.profile.empty() && row.profile != board.profile) out.push_back(Setting::kProfile);
  return out;
}

Result<BoardQuery> ParseBoardQuery(const Params& params) {
  BoardQuery query;
  query.suite = params.Get("suite");
  query.search = params.Get("q");
  query.types = params.GetAll("type");
  query.precisions = params.GetAll("precision");
  query.licenses = params.GetAll("license");
  for (auto* values : {&query.types, &query.precisions, &query.licenses}) {
    std::erase(*values, "");
  }
  ASSIGN_OR_RETURN(query.billions_least, params.GetDouble("min_b", 0, kBillionsMax));
  ASSIGN_OR_RETURN(query.billions_most, params.GetDouble("max_b", 0, kBillionsMax));
  query.show_flagged = params.Get("flagged") == "1";
  query.version = params.Get("version");
  query.settings = params.Get("settings");
  const bool known = std::find(kSettingsChoices.begin(), kSettingsChoices.end(), query.settings) !=
                     kSettingsChoices.end();
  if (!query.settings.empty() && !known) {
    return InvalidArgument("settings: must be standard, chat or other");
  }
  if (params.Has("sort")) query.sort = params.Get("sort");
  const std::string order = params.Get("order");
  if (!order.empty() && order != "asc" && order != "desc") {
    return InvalidArgument("order: must be asc or desc");
  }
  query.descending = order.empty() ? TextKeyOf(query.sort) == nullptr : order == "desc";
  query.columns = params.GetAll("col");
  ASSIGN_OR_RETURN(const auto page, params.GetInt("page", 1, kPagesMax));
  ASSIGN_OR_RETURN(const auto rows, params.GetInt("rows", 0, kRowsPerPageMax));
  query.page = page.value_or(1);
  query.rows_per_page = rows.value_or(kRowsPerPageDefault);
  return query;
}

Params ToParams(const BoardQuery& query) {
  Params out;
  if (!query.suite.empty()) out.Add("suite", query.suite);
  if (!query.version.empty()) out.Add("version", query.version);
  if (!query.search.empty()) out.Add("q", query.search);
  for (const std::string& type : query.types) out.Add("type", type);
  for (const std::string& precision : query.precisions) out.Add("precision", precision);
  for (const std::string& license : query.licenses) out.Add("license", license);
  if (query.billions_least) out.Add("min_b", fmt::format("{}", *query.billions_least));
  if (query.billions_most) out.Add("max_b", fmt::format("{}", *query.billions_most));
  if (query.show_flagged) out.Add("flagged", "1");
  if (!query.settings.empty()) out.Add("settings", query.settings);
  if (query.sort != "average" || !query.descending) {
    out.Add("sort", query.sort);
    out.Add("order", query.descending ? "desc" : "asc");
  }
  for (const std::string& column : query.columns) out.Add("col", column);
  if (query.page != 1) out.Add("page", fmt::format("{}", query.page));
  if (query.rows_per_page != kRowsPerPageDefault) {
    out.Add("rows", fmt::format("{}", query.rows_per_page));
  }
  return out;
}

std::vector<BoardColumn> BoardColumns(const Board& board) {
  std::vector<BoardColumn> out = {{"average", "", true, true}};
  for (const std::string& name : board.columns) {
    out.push_back({std::string(kScorePrefix) + name, name, true, true});
  }
  for (const char* id : {"type", "parameters", "precision"}) out.push_back({id, "", false, true});
  for (const char* id :
       {"settings", "license", "likes", "architecture", "weight_type", "revision", "evaluated"}) {
    out.push_back({id, "", false, false});
  }
  return out;
}

Result<std::vector<BoardColumn>> ChosenColumns(const Board& board, const BoardQuery& query) {
  std::vector<BoardColumn> all = BoardColumns(board);
  for (const std::string& id : query.columns) {
    const bool known = std::any_of(all.begin(), all.end(),
                                   [&id](const BoardColumn& column) { return column.id == id; });
    if (!known) return InvalidArgument(fmt::format("col: there is no column \"{}\"", id));
  }
  std::erase_if(all, [&query](const BoardColumn& column) {
    return query.columns.empty() ? !column.is_default : !Holds(query.columns, column.id);
  });
  return all;
}

void DropDefaultColumns(const Board& board, BoardQuery* query) {
  const std::vector<BoardColumn> all = BoardColumns(board);
  const bool is_default = std::all_of(all.begin(), all.end(), [query](const BoardColumn& column) {
    return column.is_default == Holds(query->columns, column.id);
  });
  if (is_default) query->columns.clear();
}

Result<std::vector<const BoardRow*>> SelectRows(const Board& board, const BoardQuery& query) {
  const std::string search = Lower(query.search);
  std::vector<const BoardRow*> rows;
  for (const BoardRow& row : board.rows) {
    if (!IsHidden(row, query) && Matches(board, row, query, search)) rows.push_back(&row);
  }
  if (const SortKey number = NumberKey(board, query.sort)) {
    if (!rows.empty()) SortBy(number, query.descending, &rows);
  } else if (const TextKey text = TextKeyOf(query.sort)) {
    const auto key = [&text](const BoardRow& row) -> std::optional<std::string> {
      std::string value = text(row);
      if (value.empty()) return std::nullopt;
      return value;
    };
    if (!rows.empty()) SortBy(key, query.descending, &rows);
  } else {
    return InvalidArgument(fmt::format("sort: there is no column \"{}\"", query.sort));
  }
  return rows;
}

int64_t HiddenModels(const Board& board, const BoardQuery& query) {
  const std::string search = Lower(query.search);
  std::set<std::string> models;
  for (const BoardRow& row : board.rows) {
    if (IsHidden(row, query) && Matches(board, row, query, search)) models.insert(row.model);
  }
  return static_cast<int64_t>(models.size());
}

std::span<const BoardRow* const> RowsOfPage(const BoardSelection& selection) {
  const std::span<const BoardRow* const> all(selection.rows);
  if (selection.query.rows_per_page == 0) return all;
  const auto size = static_cast<size_t>(selection.query.rows_per_page);
  const size_t begin = std::min(all.size(), (static_cast<size_t>(selection.query.page) - 1) * size);
  return all.subspan(begin, std::min(size, all.size() - begin));
}

BoardChoices ChoicesOf(const Board& board) {
  std::set<std::string> types;
  std::set<std::string> precisions;
  std::set<std::string> licenses;
  for (const BoardRow& row : board.rows) {
    types.insert(row.model_type);
    precisions.insert(row.precision);
    licenses.insert(row.license);
  }
  for (auto* values : {&types, &precisions, &licenses}) values->erase("");
  return {{types.begin(), types.end()},
          {precisions.begin(), precisions.end()},
          {licenses.begin(), licenses.end()}};
}

}  // namespace koeval::web
