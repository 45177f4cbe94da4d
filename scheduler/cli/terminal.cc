// Widths by Unicode's rules, colours by ANSI codes.
#include "scheduler/cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "common/base/utf8.h"

namespace koeval::cli {
namespace {

constexpr int kWidthLeast = 40;
constexpr int kWidthMost = 400;

bool IsControl(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

int CodePointWidth(char32_t c) {
  return IsControl(c) ? 1 : utf8proc_charwidth(static_cast<utf8proc_int32_t>(c));
}

void AppendSafe(std::string& out, char32_t c) {
  if (c == '\n' || c == '\t') {
    out += ' ';
  } else if (IsControl(c)) {
    out += '?';
  } else {
    AppendUtf8(out, c);
  }
}

}  // namespace

Terminal Terminal::OfStdout() {
  Terminal terminal;
  terminal.is_terminal = ::isatty(STDOUT_FILENO) == 1;
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  terminal.color = terminal.is_terminal && (no_color == nullptr || *no_color == '\0') &&
                   term != nullptr && std::string_view(term) != "dumb";
  winsize size{};
  int width = 0;
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) width = size.ws_col;
  if (const char* columns = std::getenv("COLUMNS"); width == 0 && columns != nullptr) {
    width = std::atoi(columns);
  }
  terminal.width = std::clamp(width == 0 ? 80 : width, kWidthLeast, kWidthMost);
  return terminal;
}

int DisplayWidth(std::string_view text) {
  int width = 0;
  for (size_t at = 0; at < text.size();) width += CodePointWidth(DecodeUtf8(text, at));
  return width;
}

std::string Fit(std::string_view text, int columns) {
  if (columns <= 0) return "";
  const bool cut = DisplayWidth(text) > columns;
  const int room = cut ? columns - 1 : columns;
  std::string out;
  int width = 0;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = DecodeUtf8(text, at);
    if (width + CodePointWidth(c) > room) break;
    width += CodePointWidth(c);
    AppendSafe(out, c);
  }
  if (cut) out += "…";
  return out;
}

std::string FitModel(std::string_view model, int columns) {
  if (!model.starts_with('/') || DisplayWidth(model) <= columns) return Fit(model, columns);
  size_t at = 0;
  while (at < model.size() && DisplayWidth(model.substr(at)) >= columns)
    (void)DecodeUtf8(model, at);
  return columns <= 0 ? "" : "…" + Fit(model.substr(at), columns - 1);
}

std::string PadRight(std::string_view text, int columns) {
  std::string out = Fit(text, columns);
  const int width = DisplayWidth(out);
  out.append(static_cast<size_t>(std::max(0, columns - width)), ' ');
  return out;
}

std::string PadLeft(std::string_view text, int columns) {
  const std::string fitted = Fit(text, columns);
  const int width = DisplayWidth(fitted);
  return std::string(static_cast<size_t>(std::max(0, columns - width)), ' ') + fitted;
}

std::string Wrap(std::string_view text, int columns, std::string_view indent) {
  std::string out, line;
  size_t at = 0;
  while (at < text.size()) {
    size_t end = text.find_first_of(" \n", at);
    if (end == std::string_view::npos) end = text.size();
    const std::string word = Fit(text.substr(at, end - at), columns);
    if (!line.empty() && DisplayWidth(line) + 1 + DisplayWidth(word) > columns) {
      out += line + "\n" + std::string(indent);
      line.clear();
    }
    if (!line.empty() && !word.empty()) line += ' ';
    line += word;
    at = end + 1;
  }
  return out + line;
}

std::string Painted(const Terminal& terminal, Paint paint, std::string_view text) {
  static constexpr std::array<std::string_view, 7> kCodes = {"", "1", "2", "32", "33", "31", "34"};
  if (!terminal.color || paint == Paint::kNone) return std::string(text);
  return "\x1b[" + std::string(kCodes[static_cast<size_t>(paint)]) + "m" + std::string(text) +
         "\x1b[0m";
}

std::string Bar(double fraction, int columns) {
  static constexpr std::array<std::string_view, 8> kParts = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const double clamped = std::isnan(fraction) ? 0 : std::clamp(fraction, 0.0, 1.0);
  const int eighths = static_cast<int>(clamped * columns * 8);
  std::string out;
  for (int i = 0; i < eighths / 8; ++i) out += "█";
  int used = eighths / 8;
  if (eighths % 8 != 0) {
    out += kParts[static_cast<size_t>(eighths % 8)];
    ++used;
  }
  for (; used < columns; ++used) out += "·";
  return out;
}

}  // namespace koeval::cli
