// Column widths and lines of a table.
#include "scheduler/cli/table.h"

#include <algorithm>

namespace koeval::cli {
namespace {

constexpr int kGap = 2;

std::vector<int> NaturalWidths(const std::vector<Column>& columns,
                               const std::vector<std::vector<Cell>>& rows) {
  std::vector<int> widths(columns.size(), 0);
  for (size_t c = 0; c < columns.size(); ++c) {
    for (const auto& row : rows) widths[c] = std::max(widths[c], DisplayWidth(row[c].text));
    if (widths[c] > 0) widths[c] = std::max(widths[c], DisplayWidth(columns[c].title));
  }
  return widths;
}

void Shrink(const std::vector<Column>& columns, int room, std::vector<int>& widths) {
  const auto total = [&widths] {
    int sum = 0;
    for (const int width : widths) sum += width > 0 ? width + kGap : 0;
    return sum - kGap;
  };
  while (total() > room) {
    size_t widest = columns.size();
    for (size_t c = 0; c < columns.size(); ++c) {
      if (!columns[c].flexible || widths[c] <= columns[c].least) continue;
      if (widest == columns.size() ||
          widths[c] - columns[c].least > widths[widest] - columns[widest].least) {
        widest = c;
      }
    }
    if (widest == columns.size()) return;
    --widths[widest];
  }
}

std::string Line(const Terminal& terminal, const std::vector<Column>& columns,
                 const std::vector<int>& widths, const std::vector<Cell>& cells) {
  std::string out;
  for (size_t c = 0; c < columns.size(); ++c) {
    if (widths[c] == 0) continue;
    const std::string fitted =
        columns[c].is_model ? FitModel(cells[c].text, widths[c]) : cells[c].text;
    const std::string text =
        columns[c].right ? PadLeft(fitted, widths[c]) : PadRight(fitted, widths[c]);
    if (!out.empty()) out.append(kGap, ' ');
    out += Painted(terminal, cells[c].paint, text);
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out + "\n";
}

}  // namespace

std::string RenderTable(const Terminal& terminal, const std::vector<Column>& columns,
                        const std::vector<std::vector<Cell>>& rows) {
  std::vector<int> widths = NaturalWidths(columns, rows);
  Shrink(columns, terminal.width, widths);
  std::vector<Cell> titles;
  for (const Column& column : columns) titles.emplace_back(column.title, Paint::kBold);
  std::string out = Line(terminal, columns, widths, titles);
  for (const auto& row : rows) out += Line(terminal, columns, widths, row);
  return out;
}

}  // namespace koeval::cli
