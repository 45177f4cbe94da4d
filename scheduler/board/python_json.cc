// Python's not-a-number words.
#include "scheduler/board/python_json.h"

#include <array>
#include <string>

#include "scheduler/board/board_path.h"

namespace koeval::board {
namespace {

constexpr std::array<std::string_view, 3> kWords = {"-Infinity", "Infinity", "NaN"};

std::string QuoteWords(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool in_string = false;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (in_string && c == '\\' && at + 1 < text.size()) {
      out.append(text, at, 2);
      at += 2;
      continue;
    }
    if (c == '"') in_string = !in_string;
    size_t taken = 0;
    if (!in_string) {
      for (const std::string_view word : kWords) {
        if (taken == 0 && text.substr(at).starts_with(word)) taken = word.size();
      }
    }
    if (taken > 0) {
      out.append("\"").append(text, at, taken).append("\"");
      at += taken;
    } else {
      out.push_back(c);
      ++at;
    }
  }
  return out;
}

}  // namespace

Result<Json> ParsePythonObject(std::string_view text) {
  constexpr JsonLimits kLimits = {.depth_max = 64, .bytes_max = kFileBytesMax};
  auto json = ParseJson(text, kLimits);
  if (!json.ok() && text.size() <= kFileBytesMax) {
    auto again = ParseJson(QuoteWords(text), {.depth_max = 64, .bytes_max = 2 * kFileBytesMax});
    if (again.ok()) json = std::move(again);
  }
  if (!json.ok()) return json.status();
  if (!json->is_object()) return InvalidArgument("it must be a JSON object");
  return json;
}

}  // namespace koeval::board
