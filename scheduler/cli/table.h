// A plain table: columns that fit the terminal, numbers to the right.
#pragma once

#include <string>
#include <vector>

#include "scheduler/cli/terminal.h"

namespace koeval::cli {

struct Column {
  std::string title;
  bool right = false;
  int least = 4;          // columns that it keeps when the terminal is narrow
  bool flexible = false;  // gives way first, in proportion to what it has over `least`
  bool is_model = false;  // cut as FitModel() does
};

struct Cell {
  // NOLINTNEXTLINE(google-explicit-constructor): a row of texts
  Cell(std::string t, Paint p = Paint::kNone) : text(std::move(t)), paint(p) {}
  Cell(const char* t) : text(t) {}  // NOLINT(google-explicit-constructor): same
  std::string text;
  Paint paint = Paint::kNone;
};

// Title line and one line per row, each at most the terminal's width (wider only when every
// flexible column is at its least), each ending in a newline. Empty columns are dropped.
std::string RenderTable(const Terminal& terminal, const std::vector<Column>& columns,
                        const std::vector<std::vector<Cell>>& rows);

}  // namespace koeval::cli
