// Check reports for people.
#include "scheduler/cli/render_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/size_text.h"
#include "scheduler/cli/render.h"
#include "scheduler/cli/table.h"

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

std::string TokensText(int64_t tokens, bool is_exact) {
  if (tokens == 0) return "not known";
  return (is_exact ? "" : "about ") + std::to_string(tokens);
}

std::string CostText(const DryRunView& run) {
  if (run.operations <= 0) return "not known: the tokens were not counted";
  static constexpr std::array<const char*, 5> kUnits = {"mega", "giga", "tera", "peta", "exa"};
  double number = run.operations / 1e6;
  size_t unit = 0;
  for (; number >= 1000 && unit + 1 < kUnits.size(); ++unit) number /= 1000;
  return fmt::format("about {:.1f} {}-operations: 2 for each parameter and token", number,
                     kUnits[unit]);
}

std::string RunText(const DryRunView& run) {
  if (!run.run_ms) return "not known: no such request has finished yet";
  return "about " + FormatDuration(*run.run_ms) + ", going by finished requests of the suite";
}

std::string WorkText(const Terminal& terminal, const DryRunView& run) {
  std::vector<std::vector<Cell>> rows;
  int64_t documents = 0, requests = 0, bytes = 0, tokens = 0;
  bool is_exact = true;
  for (const DryRunView::Task& task : run.tasks) {
    documents += task.documents;
    requests += task.requests;
    bytes += task.prompt_bytes;
    tokens += task.prompt_tokens;
    is_exact = is_exact && task.tokens_are_exact;
    rows.push_back({task.task, std::to_string(task.documents), std::to_string(task.requests),
                    SizeText(task.prompt_bytes),
                    TokensText(task.prompt_tokens, task.tokens_are_exact)});
  }
  rows.push_back({"all", std::to_string(documents), std::to_string(requests), SizeText(bytes),
                  TokensText(tokens, is_exact)});
  return "\n" + RenderTable(terminal,
                            {{"task", false, 8, true},
                             {"documents", true},
                             {"requests", true},
                             {"prompts", true},
                             {"tokens", true}},
                            rows);
}

std::string StartText(const DryRunView& run) {
  if (!run.fits) return "it never would";
  if (!run.start_ms) return "not known: nothing that runs has been measured yet";
  return *run.start_ms == 0 ? "at once" : "in about " + FormatDuration(*run.start_ms);
}

}  // namespace

std::string RenderDryRun(const Terminal& terminal, const DryRunView& run) {
  const auto report = ParseJson(run.report_json);
  std::string out = report.ok() ? RenderCheckReport(terminal, *report) : "";
  if (!run.tasks.empty()) out += WorkText(terminal, run);
  out += "\n";
  const int columns = std::max(kTextLeast, terminal.width - kFactColumns);
  const auto field = [&](const char* name, const std::string& text) {
    if (text.empty()) return;
    out +=
        PadRight(name, kFactColumns) + Wrap(text, columns, std::string(kFactColumns, ' ')) + "\n";
  };
  field("revision", run.revision);
  if (!run.same_request_id.empty()) {
    field("stored already", run.same_request_id + " (--force evaluates it again)");
  }
  if (run.memory_bytes > 0) field("memory of a slot", SizeText(run.memory_bytes));
  field("placement", run.placement);
  field("do", run.placement_remedy);
  field("start", StartText(run));
  if (!run.tasks.empty()) {
    field("cost", CostText(run));
    field("run", RunText(run));
  }
  return out + RenderSlots(terminal, run.slots, run.slots_known);
}

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
