// Texts of the status pages.
#include "scheduler/cli/render.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/size_text.h"
#include "scheduler/cli/table.h"

namespace koeval::cli {
namespace {

constexpr size_t kWaitingShown = 10;
constexpr size_t kEndedShown = 5;

Paint StatePaint(const std::string& state) {
  if (state == "RUNNING") return Paint::kBlue;
  if (state == "FINISHED") return Paint::kGreen;
  if (state == "FAILED") return Paint::kRed;
  return Paint::kYellow;
}

double FractionDone(const RequestView& r) {
  return r.batches_total == 0
             ? 0.0
             : static_cast<double>(r.batches_done) / static_cast<double>(r.batches_total);
}

std::string Percent(double value) {
  return fmt::format("{:.2f}", value * 100);
}

std::string WithStderr(double value, const std::optional<double>& stderr_value) {
  return stderr_value ? fmt::format("{} ± {}", Percent(value), Percent(*stderr_value))
                      : Percent(value);
}

std::string Eta(const RequestView& r) {
  return r.eta_ms ? "ETA " + FormatDuration(*r.eta_ms) : "";
}

std::string Age(int64_t now_us, int64_t then_us) {
  if (then_us == 0) return "";
  return FormatDuration(std::max<int64_t>(0, (now_us - then_us) / 1000)) + " ago";
}

// Age in its largest unit alone.
std::string RoughAge(int64_t now_us, int64_t then_us) {
  if (then_us == 0) return "";
  const int64_t seconds = std::max<int64_t>(0, (now_us - then_us) / 1'000'000);
  if (seconds < 60) return fmt::format("{} s ago", seconds);
  if (seconds < 3'600) return fmt::format("{} min ago", seconds / 60);
  if (seconds < 86'400) return fmt::format("{} h ago", seconds / 3'600);
  return fmt::format("{} d ago", seconds / 86'400);
}

// "planning", or "13/25 batches".
std::string Advance(const RequestView& r) {
  if (r.phase == "batches" || r.batches_total > 0) {
    return fmt::format("{}/{} batches", r.batches_done, r.batches_total);
  }
  return r.phase;
}

std::vector<RequestView> InState(const std::vector<RequestView>& all, const std::string& state) {
  std::vector<RequestView> out;
  std::copy_if(all.begin(), all.end(), std::back_inserter(out),
               [&](const RequestView& r) { return r.state == state; });
  return out;
}

std::string Heading(const Terminal& terminal, const std::string& state, size_t shown,
                    int64_t total) {
  std::string text = "\n" + Painted(terminal, StatePaint(state), state);
  if (static_cast<int64_t>(shown) < total) text += fmt::format(" ({} of {})", shown, total);
  return text + "\n";
}

std::string RunningLines(const Terminal& terminal, const RequestView& r) {
  const int bar_columns = std::clamp(terminal.width - 58, 10, 40);
  const std::string head =
      fmt::format("  {}  {}", PadRight(r.id, 18), FitModel(r.model, terminal.width - 22));
  const std::string bar = Painted(terminal, Paint::kBlue, Bar(FractionDone(r), bar_columns));
  std::string line =
      fmt::format("    {} {:3.0f}%  {}  {}", bar, FractionDone(r) * 100, Advance(r), Eta(r));
  const std::string workers = fmt::format("{}", fmt::join(r.workers, ", "));
  const int used = 4 + bar_columns + 7 + DisplayWidth(Advance(r)) + 2 + DisplayWidth(Eta(r));
  if (!workers.empty()) line += "  " + Fit("on " + workers, terminal.width - used - 2);
  return head + "\n" + line + "\n";
}

std::string FailedLines(const Terminal& terminal, const RequestView& r) {
  std::string out = fmt::format("  {}  {}  {}\n", PadRight(r.id, 18),
                                Painted(terminal, Paint::kRed, PadRight(r.ending, 16)),
                                FitModel(r.model, terminal.width - 40));
  const auto indented = [&](std::string_view label, const std::string& text) {
    if (text.empty()) return;
    out += fmt::format("    {} {}\n", label, Wrap(text, terminal.width - 9, "         "));
  };
  indented("why:", r.reason);
  indented("do: ", r.remedy);
  return out;
}

void Field(std::string& out, const Terminal& terminal, std::string_view name,
           const std::string& value) {
  if (value.empty()) return;
  out += fmt::format("  {:<11}{}\n", name, Wrap(value, terminal.width - 14, "             "));
}

}  // namespace

std::string RenderStatus(const Terminal& terminal, const QueueView& queue,
                         const std::vector<RequestView>& requests) {
  std::string out =
      fmt::format("{} pending  {} running  {} finished  {} failed\n",
                  Painted(terminal, StatePaint("PENDING"), std::to_string(queue.pending)),
                  Painted(terminal, StatePaint("RUNNING"), std::to_string(queue.running)),
                  Painted(terminal, StatePaint("FINISHED"), std::to_string(queue.finished)),
                  Painted(terminal, StatePaint("FAILED"), std::to_string(queue.failed)));
  out += fmt::format("{} worker{}, {} of {} slots busy", queue.workers,
                     queue.workers == 1 ? "" : "s", queue.slots_busy, queue.slots);
  out += queue.paused ? Painted(terminal, Paint::kYellow, ", dispatch is PAUSED\n") : "\n";

  const auto running = InState(requests, "RUNNING");
  if (!running.empty()) out += Heading(terminal, "RUNNING", running.size(), queue.running);
  for (const RequestView& r : running) out += RunningLines(terminal, r);

  auto waiting = InState(requests, "PENDING");
  std::sort(waiting.begin(), waiting.end(), [](const RequestView& a, const RequestView& b) {
    return std::pair(a.queue_position, a.number) < std::pair(b.queue_position, b.number);
  });
  if (waiting.size() > kWaitingShown) waiting.resize(kWaitingShown);
  if (!waiting.empty()) out += Heading(terminal, "PENDING", waiting.size(), queue.pending);
  for (const RequestView& r : waiting) {
    const std::string place = r.queue_position > 0 ? fmt::format("#{}", r.queue_position) : r.phase;
    out += fmt::format("  {}  {}  {}\n", PadRight(r.id, 18), PadRight(place, 8),
                       FitModel(r.model, terminal.width - 32));
    if (!r.reason.empty()) {
      out += fmt::format("    why: {}\n", Wrap(r.reason, terminal.width - 9, "         "));
    }
  }

  const auto newest_ended = [&](const std::string& state) {
    auto ended = InState(requests, state);
    std::sort(ended.begin(), ended.end(), [](const RequestView& a, const RequestView& b) {
      return a.finished_at_us > b.finished_at_us;
    });
    if (ended.size() > kEndedShown) ended.resize(kEndedShown);
    return ended;
  };
  const auto finished = newest_ended("FINISHED");
  if (!finished.empty()) out += Heading(terminal, "FINISHED", finished.size(), queue.finished);
  for (const RequestView& r : finished) {
    out += fmt::format("  {}  {}  {}\n", PadRight(r.id, 18),
                       PadRight(Age(queue.now_us, r.finished_at_us), 16),
                       FitModel(r.model, terminal.width - 40));
  }
  const auto failed = newest_ended("FAILED");
  if (!failed.empty()) out += Heading(terminal, "FAILED", failed.size(), queue.failed);
  for (const RequestView& r : failed) out += FailedLines(terminal, r);
  return out;
}

namespace {

// The errors of the checks behind the one that names the request's end.
std::string FindingsText(const Terminal& terminal, const RequestView& r) {
  const auto facts = ParseJson(r.facts_json.empty() ? "{}" : r.facts_json);
  const Json* findings = facts.ok() ? JsonFind(*facts, "findings") : nullptr;
  if (r.state != "FAILED" || findings == nullptr || !findings->is_array()) return "";
  const auto text = [](const Json& finding, const char* key) {
    const Json* value = JsonFind(finding, key);
    return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
  };
  std::string out;
  bool is_first = true;
  for (const Json& finding : *findings) {
    if (text(finding, "severity") != "error" || std::exchange(is_first, false)) continue;
    Field(out, terminal, "also", text(finding, "code") + ": " + text(finding, "message"));
    Field(out, terminal, "do", text(finding, "remedy"));
  }
  return out;
}

}  // namespace

std::string RenderRequest(const Terminal& terminal, const RequestView& r,
                          const std::vector<AttemptView>& attempts, int64_t now_us) {
  std::string out = fmt::format("{}  {}\n", r.id, Painted(terminal, StatePaint(r.state), r.state));
  if (r.state == "RUNNING") {
    const int columns = std::clamp(terminal.width - 50, 10, 40);
    out += fmt::format("  {} {:3.0f}%  {}  {}\n",
                       Painted(terminal, Paint::kBlue, Bar(FractionDone(r), columns)),
                       FractionDone(r) * 100, Advance(r), Eta(r));
  }
  if (r.queue_position > 0) Field(out, terminal, "position", std::to_string(r.queue_position));
  Field(out, terminal, "ending", r.ending);
  Field(out, terminal, "why", r.reason);
  Field(out, terminal, "do", r.remedy);
  out += FindingsText(terminal, r);
  Field(out, terminal, "model", r.model + (r.revision.empty() ? "" : " @ " + r.revision));
  Field(out, terminal, "precision", r.precision);
  Field(out, terminal, "suite",
        fmt::format("{} {} ({}){}", r.suite, r.suite_version, r.profile,
                    r.limit ? fmt::format(", first {} documents", *r.limit) : ""));
  if (r.chat_template) {
    Field(out, terminal, "chat",
          fmt::format("template {}, shots {}", *r.chat_template,
                      r.fewshot_as_multiturn ? "as turns" : "in one turn"));
  }
  Field(out, terminal, "system", r.system_instruction);
  Field(out, terminal, "submitted", Age(now_us, r.submitted_at_us) + " by " + r.submitter);
  Field(out, terminal, "started", Age(now_us, r.started_at_us));
  Field(out, terminal, "ended", Age(now_us, r.finished_at_us));
  Field(out, terminal, "workers", fmt::format("{}", fmt::join(r.workers, ", ")));
  Field(out, terminal, "hardware", r.hardware_class);
  Field(out, terminal, "plan", r.plan_digest);
  if (!r.tasks.empty()) {
    std::vector<std::vector<Cell>> rows;
    for (const auto& task : r.tasks) {
      rows.push_back({task.task, std::to_string(task.documents), std::to_string(task.requests),
                      std::to_string(task.batches), std::to_string(task.truncated)});
    }
    out += "\n" + RenderTable(terminal,
                              {{"task", false, 12, true},
                               {"documents", true},
                               {"requests", true},
                               {"batches", true},
                               {"truncated", true}},
                              rows);
  }
  if (!attempts.empty()) {
    std::vector<std::vector<Cell>> rows;
    for (const AttemptView& a : attempts) {
      rows.push_back({fmt::format("{}.{}", a.round, a.attempt), a.worker,
                      Age(now_us, a.started_at_us), a.ending.empty() ? "running" : a.ending,
                      a.reason});
    }
    out += "\n" + RenderTable(terminal,
                              {{"attempt", false},
                               {"worker", false, 8, true},
                               {"started", false},
                               {"ending", false},
                               {"reason", false, 10, true}},
                              rows);
  }
  return out;
}

std::string RenderSlots(const Terminal& terminal, const std::vector<SlotVerdictView>& slots,
                        int64_t slots_known) {
  if (slots.empty()) return "";
  std::vector<std::vector<Cell>> rows;
  for (const SlotVerdictView& slot : slots) {
    rows.push_back({slot.worker, std::to_string(slot.slot), slot.device,
                    slot.memory_bytes > 0 ? SizeText(slot.memory_bytes) : "",
                    Cell(slot.text, slot.open ? Paint::kGreen : Paint::kNone)});
  }
  std::string out = "\n" + RenderTable(terminal,
                                       {{"worker", false, 8, true},
                                        {"slot", true},
                                        {"device", false},
                                        {"memory", true},
                                        {"verdict", false, 20, true}},
                                       rows);
  const auto left_out = slots_known - static_cast<int64_t>(slots.size());
  if (left_out > 0) out += fmt::format("and {} more slots\n", left_out);
  return out;
}

std::string RenderExplanation(const Terminal& terminal, const ExplanationView& why,
                              int64_t now_us) {
  const RequestView& r = why.request;
  std::string out = fmt::format("{}  {}\n", r.id, Painted(terminal, StatePaint(r.state), r.state));
  Field(out, terminal, "answer", why.answer);
  if (r.queue_position > 0) Field(out, terminal, "position", std::to_string(r.queue_position));
  if (r.state == "FAILED") {
    Field(out, terminal, "why", r.reason);
    Field(out, terminal, "do", r.remedy);
  }
  if (why.memory_bytes > 0) Field(out, terminal, "needs", SizeText(why.memory_bytes));
  Field(out, terminal, "bound to", why.hardware_class);
  out += RenderSlots(terminal, why.slots, why.slots_known);
  if (!why.decisions.empty()) {
    std::vector<std::vector<Cell>> rows;
    for (const ChangeView& change : why.decisions) {
      rows.push_back({Age(now_us, change.at_us), change.kind, change.text});
    }
    out +=
        "\n" + RenderTable(terminal,
                           {{"when", false}, {"decided", false}, {"text", false, 20, true}}, rows);
  }
  return out;
}

std::string RenderQueue(const Terminal& terminal, const std::vector<RequestView>& requests,
                        int64_t now_us) {
  std::vector<std::vector<Cell>> rows;
  for (const RequestView& r : requests) {
    rows.push_back({r.id, Cell(r.state, StatePaint(r.state)), r.model, r.precision, r.suite,
                    r.state == "FAILED" ? r.ending
                    : r.terminal()      ? ""
                                        : Advance(r),
                    RoughAge(now_us, r.submitted_at_us)});
  }
  return RenderTable(terminal,
                     {{"id", false, 10, true},
                      {"state", false},
                      {"model", false, 12, true, true},
                      {"precision", false},
                      {"suite", false, 4, true},
                      {"progress", false, 14, true},
                      {"submitted", false}},
                     rows);
}

std::string RenderProgressLine(const Terminal& terminal, const RequestView& r) {
  const int columns = std::clamp(terminal.width - 60, 10, 40);
  const std::string text = fmt::format("{} {:3.0f}%  {}  {}", Bar(FractionDone(r), columns),
                                       FractionDone(r) * 100, Advance(r), Eta(r));
  return PadRight(r.state, 9) + Fit(text, terminal.width - 10);
}

std::string RenderWorkers(const Terminal& terminal, const std::vector<WorkerView>& workers) {
  std::vector<std::vector<Cell>> rows;
  for (const WorkerView& w : workers) {
    const Cell state = !w.connected ? Cell("lost", Paint::kRed)
                       : w.draining ? Cell("draining", Paint::kYellow)
                                    : Cell("up", Paint::kGreen);
    if (w.slots.empty()) {
      rows.push_back({w.id, state, "", "", "", "", std::to_string(w.batches_done)});
    }
    for (const SlotView& slot : w.slots) {
      const bool first = &slot == &w.slots.front();
      rows.push_back({first ? w.id : "", first ? state : Cell(""), std::to_string(slot.index),
                      slot.device, slot.request_id.empty() ? "idle" : slot.request_id, slot.model,
                      first ? std::to_string(w.batches_done) : ""});
    }
  }
  return RenderTable(terminal,
                     {{"worker", false, 8, true},
                      {"state", false},
                      {"slot", true},
                      {"device", false},
                      {"request", false, 8, true},
                      {"warm model", false, 10, true, true},
                      {"batches", true}},
                     rows);
}

std::string RenderTaskScores(const Terminal& terminal, const std::vector<TaskScoreView>& tasks) {
  std::vector<std::vector<Cell>> rows;
  for (const TaskScoreView& task : tasks) {
    for (const MetricView& metric : task.metrics) {
      const bool first = &metric == &task.metrics.front();
      rows.push_back({first ? task.task : "", first ? std::to_string(task.num_fewshot) : "",
                      first ? std::to_string(task.documents) : "",
                      metric.metric + (metric.filter == "none" ? "" : "," + metric.filter),
                      fmt::format("{:.4f}", metric.value),
                      metric.stderr_value ? fmt::format("± {:.4f}", *metric.stderr_value) : "N/A"});
    }
  }
  return RenderTable(terminal,
                     {{"task", false, 12, true},
                      {"shots", true},
                      {"documents", true},
                      {"metric", false},
                      {"value", true},
                      {"stderr", true}},
                     rows);
}

std::string RenderResults(const Terminal& terminal, const ResultsView& results) {
  std::vector<std::vector<Cell>> rows;
  for (const EntryView& entry : results.entries) {
    rows.push_back({entry.name, entry.metric, WithStderr(entry.value, entry.stderr_value)});
  }
  rows.push_back({Cell("average", Paint::kBold), "", Cell(Percent(results.average), Paint::kBold)});
  return RenderTable(terminal, {{"column", false, 10, true}, {"metric", false}, {"score", true}},
                     rows) +
         "\n" + RenderTaskScores(terminal, results.tasks);
}

std::string RenderSuites(const Terminal& terminal, const std::vector<SuiteView>& suites) {
  std::vector<std::vector<Cell>> rows;
  std::string missing;
  for (const SuiteView& suite : suites) {
    const bool available = suite.unavailable.empty();
    rows.push_back({suite.name + (suite.is_default ? " *" : ""), suite.version, suite.profile,
                    std::to_string(suite.entries.size()),
                    available ? std::to_string(suite.documents) : "-",
                    available ? Cell("available") : Cell("unavailable", Paint::kYellow)});
    if (!available) missing += fmt::format("{}: {}\n", suite.name, suite.unavailable);
  }
  return RenderTable(terminal,
                     {{"suite", false, 8, true},
                      {"version", false},
                      {"profile", false},
                      {"columns", true},
                      {"documents", true},
                      {"state", false}},
                     rows) +
         (missing.empty() ? "" : "\n" + missing);
}

}  // namespace koeval::cli
