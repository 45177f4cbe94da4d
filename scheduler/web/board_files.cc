// The leaderboard as CSV and JSON.
#include "scheduler/web/board_files.h"

#include <fmt/core.h>

#include <cmath>

#include "common/base/clock.h"

namespace koeval::web {
namespace {

std::string CsvField(std::string_view text) {
  std::string out;
  const bool formula =
      !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos;
  if (formula) out += '\'';
  out += text;
  if (out.find_first_of(",\"\r\n") == std::string::npos) return out;
  std::string quoted = "\"";
  for (const char c : out) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

std::string CsvScore(const std::optional<ScoreCell>& cell) {
  const bool known = cell && std::isfinite(cell->value);
  const bool with_error = known && cell->stderr_value && std::isfinite(*cell->stderr_value);
  return fmt::format(",{},{}", known ? fmt::format("{}", cell->value) : "",
                     with_error ? fmt::format("{}", *cell->stderr_value) : "");
}

Json NumberOrNull(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json ScoreJson(const std::optional<ScoreCell>& cell) {
  if (!cell) return nullptr;
  return {{"value", NumberOrNull(cell->value)},
          {"stderr", cell->stderr_value ? NumberOrNull(*cell->stderr_value) : Json(nullptr)}};
}

template <typename T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json SettingsJson(const Board& board, const BoardRow& row) {
  Json out = Json::array();
  for (const Setting setting : SettingsOf(board, row)) out.push_back(SettingName(setting));
  return out;
}

std::string SettingsText(const Board& board, const BoardRow& row) {
  std::string out;
  for (const Setting setting : SettingsOf(board, row)) {
    out += (out.empty() ? "" : " ") + std::string(SettingName(setting));
  }
  return out;
}

Json RowJson(const Board& board, const BoardRow& row) {
  Json entries = Json::array();
  for (size_t i = 0; i < board.columns.size(); ++i) {
    Json entry = {{"name", board.columns[i]}};
    const Json score = ScoreJson(row.scores[i]);
    entry["value"] = score.is_null() ? Json(nullptr) : score["value"];
    entry["stderr"] = score.is_null() ? Json(nullptr) : score["stderr"];
    entries.push_back(std::move(entry));
  }
  return {{"rank", row.rank == 0 ? Json(nullptr) : Json(row.rank)},
          {"request", row.request},
          {"model", row.model},
          {"revision", row.revision},
          {"precision", row.precision},
          {"weight_type", row.weight_type},
          {"model_type", row.model_type},
          {"profile", row.profile},
          {"suite_version", row.suite_version},
          {"settings", SettingsJson(board, row)},
          {"chat_template", row.prompts.chat_template.has_value()},
          {"chat_template_name", OrNull(row.prompts.chat_template)},
          {"fewshot_as_multiturn", row.prompts.fewshot_as_multiturn},
          {"system_instruction", row.prompts.system_instruction},
          {"limit", nullptr},  // evaluations of some documents alone have no row
          {"architecture", row.architecture},
          {"parameters", row.parameters},
          {"license", row.license},
          {"likes", OrNull(row.likes)},
          {"flags", row.flags},
          {"flag_url", row.flag_url},
          {"deleted", row.deleted},
          {"imported", row.is_imported},
          {"average", row.average ? Json(row.average->value) : Json(nullptr)},
          {"average_stderr", row.average ? ScoreJson(row.average)["stderr"] : Json(nullptr)},
          {"entries", std::move(entries)},
          {"finished_at",
           row.finished_at_us == 0 ? Json(nullptr) : Json(FormatUtcMicros({row.finished_at_us}))}};
}

}  // namespace

std::string BoardCsv(const BoardSelection& selection) {
  const Board& board = selection.board;
  std::string out =
      "rank,model,revision,precision,weight_type,model_type,architecture,parameters,license,likes,"
      "flags,profile,suite_version,settings,chat_template,request,finished_at,imported,average,"
      "average_stderr";
  for (const std::string& column : board.columns) {
    out += "," + CsvField(column) + "," + CsvField(column + " stderr");
  }
  out += "\r\n";
  for (const BoardRow* row : selection.rows) {
    std::string flags;
    for (const std::string& flag : row->flags) flags += (flags.empty() ? "" : "; ") + flag;
    out += row->rank == 0 ? "" : fmt::format("{}", row->rank);
    for (const std::string* text : {&row->model, &row->revision, &row->precision, &row->weight_type,
                                    &row->model_type, &row->architecture}) {
      out += "," + CsvField(*text);
    }
    out += row->parameters == 0 ? "," : fmt::format(",{}", row->parameters);
    out += "," + CsvField(row->license);
    out += row->likes ? fmt::format(",{}", *row->likes) : ",";
    out += "," + CsvField(flags);
    out += "," + CsvField(row->profile) + "," + CsvField(row->suite_version) + "," +
           SettingsText(board, *row) + "," + CsvField(row->prompts.chat_template.value_or("")) +
           "," + CsvField(row->request) + "," +
           (row->finished_at_us == 0 ? "" : FormatUtcMicros({row->finished_at_us})) +
           (row->is_imported ? ",1" : ",0") + CsvScore(row->average);
    for (const auto& score : row->scores) out += CsvScore(score);
    out += "\r\n";
  }
  return out;
}

Json BoardJson(const BoardSelection& selection) {
  Json rows = Json::array();
  for (const BoardRow* row : RowsOfPage(selection)) {
    rows.push_back(RowJson(selection.board, *row));
  }
  return {{"suite", selection.board.suite},
          {"suite_version", selection.board.version},
          {"suite_versions", selection.board.versions},
          {"profile", selection.board.profile},
          {"columns", selection.board.columns},
          {"total", selection.rows.size()},
          {"flagged_hidden", HiddenModels(selection.board, selection.query)},
          {"rows", std::move(rows)}};
}

}  // namespace koeval::web
