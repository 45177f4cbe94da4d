// What the terminal can show: width, colour, and how wide a text is on it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace koeval::cli {

struct Terminal {
  bool is_terminal = false;
  bool color = false;
  int width = 80;  // columns

  // Of stdout: no colour when it is no terminal, NO_COLOR is set or TERM is dumb.
  static Terminal OfStdout();
};

// Columns that `text` takes: Korean letters take two, combining marks none.
int DisplayWidth(std::string_view text);
// `text` cut to at most `columns`, with "…" as its last column when something was cut. Control
// characters are replaced, so that no text from outside can steer the terminal.
std::string Fit(std::string_view text, int columns);
// Fit for the name of a model: of an absolute path the end is kept, "…/demo/model".
std::string FitModel(std::string_view model, int columns);
// Fit, then blanks up to `columns`.
std::string PadRight(std::string_view text, int columns);
std::string PadLeft(std::string_view text, int columns);
// Lines of at most `columns`, broken at blanks where possible.
std::string Wrap(std::string_view text, int columns, std::string_view indent);

enum class Paint { kNone, kBold, kDim, kGreen, kYellow, kRed, kBlue };
// `text` in colour where the terminal has it.
std::string Painted(const Terminal& terminal, Paint paint, std::string_view text);

// A bar of `columns` columns filled to `fraction` (0..1), in eighths of a column.
std::string Bar(double fraction, int columns);

}  // namespace koeval::cli
