// The leaderboard, in the widest of three layouts that the terminal has room for.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "scheduler/cli/render.h"
#include "scheduler/cli/table.h"

namespace koeval::cli {
namespace {

constexpr int kModelColumnsLeast = 16;
constexpr size_t kShortLetters = 6;

std::string Percent(double value) {
  return fmt::format("{:.2f}", value * 100);
}

bool IsBreak(char c) {
  return c == '-' || c == '_' || c == ' ' || c == '/';
}

// Length of the start that all names share, up to and with a break: "Ko-" of Ko-ARC and Ko-MMLU.
size_t SharedStart(const std::vector<std::string>& names) {
  size_t shared = 0;
  for (size_t at = 0; names.size() > 1 && at < names[0].size(); ++at) {
    const bool same = std::all_of(names.begin(), names.end(), [&](const std::string& name) {
      return at + 1 < name.size() && name[at] == names[0][at];
    });
    if (!same) break;
    if (IsBreak(names[0][at])) shared = at + 1;
  }
  return shared;
}

// The first letters of what tells the names apart; by number where that is not enough.
std::vector<std::string> Abbreviations(const std::vector<std::string>& names) {
  const size_t shared = SharedStart(names);
  std::vector<std::string> out;
  for (const std::string& name : names) {
    std::string part;
    for (size_t at = shared; at < name.size(); ++at) {
      const bool starts_letter = (static_cast<unsigned char>(name[at]) & 0xc0U) != 0x80U;
      if (starts_letter && DisplayWidth(part) >= static_cast<int>(kShortLetters)) break;
      part += name[at];
    }
    while (!part.empty() && IsBreak(part.back())) part.pop_back();
    out.push_back(std::move(part));
  }
  if (std::set<std::string>(out.begin(), out.end()).size() < out.size()) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = fmt::format("C{}", i + 1);
  }
  return out;
}

std::string Table(const Terminal& terminal, const LeaderboardView& board,
                  const std::vector<std::string>& titles) {
  std::vector<Column> columns = {
      {"#", true}, {"model", false, kModelColumnsLeast, true, true}, {"average", true}};
  for (const std::string& title : titles) columns.push_back({title, true});
  columns.push_back({"precision", false});
  std::vector<std::vector<Cell>> rows;
  for (const LeaderboardRowView& row : board.rows) {
    std::vector<Cell> cells = {std::to_string(row.rank), row.model,
                               Cell(Percent(row.average), Paint::kBold)};
    for (size_t c = 0; c < titles.size(); ++c) {
      const auto entry =
          std::find_if(row.entries.begin(), row.entries.end(),
                       [&](const EntryView& e) { return e.name == board.columns[c]; });
      cells.emplace_back(entry == row.entries.end() ? "" : Percent(entry->value));
    }
    cells.emplace_back(row.precision);
    rows.push_back(std::move(cells));
  }
  return RenderTable(terminal, columns, rows);
}

bool Fits(const Terminal& terminal, const std::string& text) {
  // Measured without colours, which take no columns.
  const std::string head = text.substr(0, text.find('\n'));
  return DisplayWidth(head) <= terminal.width;
}

bool TableFits(const Terminal& terminal, const LeaderboardView& board,
               const std::vector<std::string>& titles) {
  Terminal plain = terminal;
  plain.color = false;
  return Fits(plain, Table(plain, board, titles));
}

std::string Legend(const Terminal& terminal, const std::vector<std::string>& names,
                   const std::vector<std::string>& titles) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    text += fmt::format("{}{} = {}", i == 0 ? "" : ", ", titles[i], names[i]);
  }
  return Wrap(text, terminal.width, "") + "\n";
}

}  // namespace

std::string RenderLeaderboard(const Terminal& terminal, const LeaderboardView& board) {
  if (TableFits(terminal, board, board.columns)) return Table(terminal, board, board.columns);
  const std::vector<std::string> titles = Abbreviations(board.columns);
  if (TableFits(terminal, board, titles)) {
    return Table(terminal, board, titles) + "\n" + Legend(terminal, board.columns, titles);
  }
  return Table(terminal, board, {}) +
         fmt::format("\n{} columns do not fit {} terminal columns; widen it, or use --json\n",
                     board.columns.size(), terminal.width);
}

}  // namespace koeval::cli
