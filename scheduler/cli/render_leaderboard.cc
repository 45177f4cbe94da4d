// The leaderboard, in the widest of three layouts that the terminal has room for.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>

#include "common/base/clock.h"
#include "scheduler/cli/render.h"
#include "scheduler/cli/table.h"

namespace koeval::cli {
namespace {

constexpr int kModelColumnsLeast = 16;
constexpr size_t kShortLetters = 6;

// Nothing where an entry is missing.
std::string Percent(double value) {
  if (std::isnan(value)) return "-";
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

std::string Day(int64_t micros) {
  constexpr size_t kDayLetters = 10;
  return micros == 0 ? "" : FormatUtc({micros}).substr(0, kDayLetters);
}

std::string TypeText(const ModelView& about) {
  return about.icon.empty() ? about.type : about.icon + " " + about.type;
}

// "chat template rag, few-shot in one turn"; "" for a plain evaluation.
std::string SettingsText(const LeaderboardRowView& row) {
  std::vector<std::string> out;
  for (const std::string& name : row.settings) {
    std::string words = name;
    std::replace(words.begin(), words.end(), '_', ' ');
    if (name == "fewshot_in_one_turn") words = "few-shot in one turn";
    const std::string detail = name == "chat_template" ? row.chat_template.value_or("")
                               : name == "profile"     ? row.profile
                                                       : "";
    out.push_back(detail.empty() ? words : words + " " + detail);
  }
  return fmt::format("{}", fmt::join(out, ", "));
}

struct PlainColumn {
  std::string_view name;
  std::string_view title;
  bool right;
  std::string (*text)(const LeaderboardRowView& row);
};

// All but "scores", which stands for the columns of the entries.
const std::vector<PlainColumn>& PlainColumns() {
  using Row = LeaderboardRowView;
  static const std::vector<PlainColumn> columns = {
      {"average", "average", true, [](const Row& row) { return Percent(row.average); }},
      {"type", "type", false, [](const Row& row) { return TypeText(row.about); }},
      {"precision", "precision", false, [](const Row& row) { return row.precision; }},
      {"settings", "settings", false, [](const Row& row) { return SettingsText(row); }},
      {"params", "params", true,
       [](const Row& row) { return ParameterText(row.about.parameters); }},
      {"license", "license", false, [](const Row& row) { return row.about.license; }},
      {"likes", "likes", true,
       [](const Row& row) { return row.about.likes ? std::to_string(*row.about.likes) : ""; }},
      {"architecture", "architecture", false,
       [](const Row& row) { return row.about.architecture; }},
      {"base", "base model", false, [](const Row& row) { return row.about.base_model; }},
      {"revision", "revision", false, [](const Row& row) { return row.revision; }},
      {"weights", "weights", false, [](const Row& row) { return row.weight_type; }},
      {"profile", "profile", false, [](const Row& row) { return row.profile; }},
      {"finished", "finished", false, [](const Row& row) { return Day(row.finished_at_us); }},
  };
  return columns;
}

constexpr std::string_view kScores = "scores";

// What the reader must know about a row, in words.
std::string Marks(const LeaderboardRowView& row) {
  std::vector<std::string> marks;
  if (row.about.flag) marks.emplace_back("flagged");
  if (row.about.deleted_at_us != 0) marks.emplace_back("deleted");
  if (row.imported) marks.emplace_back("imported");
  if (!row.settings.empty()) marks.push_back(SettingsText(row));
  return fmt::format("{}", fmt::join(marks, ", "));
}

std::string EntryText(const LeaderboardRowView& row, const std::string& name) {
  const auto entry = std::find_if(row.entries.begin(), row.entries.end(),
                                  [&](const EntryView& e) { return e.name == name; });
  return entry == row.entries.end() ? "" : Percent(entry->value);
}

// One column of a table that is being built.
struct Source {
  const PlainColumn* plain = nullptr;  // or else
  std::string entry;
};

std::string Table(const Terminal& terminal, const LeaderboardView& board,
                  const std::vector<std::string>& titles, const std::vector<std::string>& wanted) {
  std::vector<Column> columns = {{"#", true}, {"model", false, kModelColumnsLeast, true, true}};
  std::vector<Source> sources;
  for (const std::string& name : wanted) {
    if (name == kScores) {
      for (size_t c = 0; c < titles.size(); ++c) {
        columns.push_back({titles[c], true});
        sources.push_back({nullptr, board.columns[c]});
      }
    }
    for (const PlainColumn& plain : PlainColumns()) {
      if (plain.name != name) continue;
      columns.push_back({std::string(plain.title), plain.right});
      sources.push_back({&plain, ""});
    }
  }
  columns.push_back({"note", false});
  std::vector<std::vector<Cell>> rows;
  for (const LeaderboardRowView& row : board.rows) {
    std::vector<Cell> cells = {row.rank == 0 ? "-" : std::to_string(row.rank), row.model};
    for (const Source& source : sources) {
      const bool is_average = source.plain != nullptr && source.plain->name == "average";
      cells.emplace_back(source.plain ? source.plain->text(row) : EntryText(row, source.entry),
                         is_average ? Paint::kBold : Paint::kNone);
    }
    cells.emplace_back(Marks(row), Paint::kYellow);
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
               const std::vector<std::string>& titles, const std::vector<std::string>& wanted) {
  Terminal plain = terminal;
  plain.color = false;
  return Fits(plain, Table(plain, board, titles, wanted));
}

std::string Legend(const Terminal& terminal, const std::vector<std::string>& names,
                   const std::vector<std::string>& titles) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    text += fmt::format("{}{} = {}", i == 0 ? "" : ", ", titles[i], names[i]);
  }
  return Wrap(text, terminal.width, "") + "\n";
}

std::string Layout(const Terminal& terminal, const LeaderboardView& board,
                   const std::vector<std::string>& wanted) {
  if (TableFits(terminal, board, board.columns, wanted)) {
    return Table(terminal, board, board.columns, wanted);
  }
  const std::vector<std::string> titles = Abbreviations(board.columns);
  const bool has_scores = std::find(wanted.begin(), wanted.end(), kScores) != wanted.end();
  if (!has_scores || TableFits(terminal, board, titles, wanted)) {
    return Table(terminal, board, titles, wanted) +
           (has_scores ? "\n" + Legend(terminal, board.columns, titles) : "");
  }
  return Table(terminal, board, {}, wanted) +
         fmt::format("\n{} columns do not fit {} terminal columns; widen it, or use --json\n",
                     board.columns.size(), terminal.width);
}

}  // namespace

const std::vector<std::string>& LeaderboardColumns() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out;
    for (const PlainColumn& column : PlainColumns()) out.emplace_back(column.name);
    out.insert(out.begin() + 1, std::string(kScores));
    return out;
  }();
  return names;
}

std::string RenderLeaderboard(const Terminal& terminal, const LeaderboardView& board,
                              const std::vector<std::string>& columns) {
  static const std::vector<std::string> usual = {"average", std::string(kScores), "precision"};
  std::string out = Layout(terminal, board, columns.empty() ? usual : columns);
  if (board.flagged_hidden > 0) {
    out += fmt::format(
        "\n{} {} flagged and not shown; --flagged shows them, `koeval models "
        "--flagged` says why\n",
        board.flagged_hidden, board.flagged_hidden == 1 ? "model is" : "models are");
  }
  return out;
}

}  // namespace koeval::cli
