// Check reports for people.
#include "scheduler/cli/render_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace koeval::cli {
namespace {

constexpr int kWordColumns = 9;    // "warning" and two blanks
constexpr int kCheckColumns = 16;  // "chat template" and blanks
constexpr int kTextLeast = 24;
constexpr int kFactColumns = 24;
// Facts that a table does not show: long texts, or shown elsewhere.
constexpr std::array<std::string_view, 1> kHiddenFacts = {"chat_template"};

std::string TextAt(const Json& json, const char* key) {
  const Json* value = JsonFind(json, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

// A list that is there, or an empty one.
const Json& ListAt(const Json& json, const char* key) {
  static const Json kEmpty = Json::array();
  const Json* value = JsonFind(json, key);
  return value != nullptr && value->is_array() ? *value : kEmpty;
}

Paint PaintOf(const std::string& word) {
  if (word == "ok") return Paint::kGreen;
  if (word == "warning") return Paint::kYellow;
  if (word == "failed" || word == "error") return Paint::kRed;
  return Paint::kDim;
}

std::string Line(const Terminal& terminal, const std::string& word, const std::string& check,
                 const std::string& text) {
  const int columns = std::max(kTextLeast, terminal.width - kWordColumns - kCheckColumns);
  const std::string indent(kWordColumns + kCheckColumns, ' ');
  return Painted(terminal, PaintOf(word), PadRight(word, kWordColumns)) +
         PadRight(check, kCheckColumns) + Wrap(text, columns, indent) + "\n";
}

// Its code, what is wrong, and what to do.
std::string FindingText(const Terminal& terminal, const Json& finding) {
  const std::string severity = TextAt(finding, "severity");
  const int columns = std::max(kTextLeast, terminal.width - 6);
  return fmt::format("{} {}\n  {}\n  do: {}\n",
                     Painted(terminal, PaintOf(severity), Fit(severity, terminal.width)),
                     Painted(terminal, Paint::kBold, Fit(TextAt(finding, "code"), columns)),
                     Wrap(TextAt(finding, "message"), columns, "  "),
                     Wrap(TextAt(finding, "remedy"), columns, "      "));
}

std::string FactText(const Terminal& terminal, const std::string& key, const Json& value) {
  const std::string text =
      value.is_string()
          ? value.get<std::string>()
          : value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  return "  " + PadRight(key, kFactColumns) +
         Fit(text, std::max(kTextLeast, terminal.width - kFactColumns - 2)) + "\n";
}

}  // namespace

std::string RenderCheckReport(const Terminal& terminal, const Json& report) {
  std::string out;
  for (const Json& step : ListAt(report, "checks")) {
    out += Line(terminal, TextAt(step, "outcome"), TextAt(step, "check"), TextAt(step, "message"));
  }
  for (const Json& finding : ListAt(report, "findings")) {
    out += "\n" + FindingText(terminal, finding);
  }
  if (const Json* facts = JsonFind(report, "facts"); facts != nullptr && !facts->empty()) {
    out += "\nfacts\n";
    for (const auto& [key, value] : facts->items()) {
      const bool hidden =
          std::find(kHiddenFacts.begin(), kHiddenFacts.end(), key) != kHiddenFacts.end();
      if (!hidden) out += FactText(terminal, key, value);
    }
  }
  return out;
}

}  // namespace koeval::cli
