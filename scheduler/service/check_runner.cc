// Submission checks in a child process.
#include "scheduler/service/check_runner.h"

#include <fmt/core.h>

#include <cstring>
#include <filesystem>
#include <optional>

#include "common/base/child_process.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "scheduler/service/limits.h"

namespace koeval::service {
namespace {

namespace fs = std::filesystem;

CheckReport Failed(std::string code, std::string message, std::string remedy) {
  CheckReport report;
  report.ok = false;
  report.findings.push_back({std::move(code), true, std::move(message), std::move(remedy)});
  return report;
}

Result<Finding> ParseFinding(const Json& json, std::string_view where) {
  Finding finding;
  ASSIGN_OR_RETURN(finding.code, JsonString(json, "code", where));
  ASSIGN_OR_RETURN(const std::string severity, JsonString(json, "severity", where));
  if (severity != "error" && severity != "warning") {
    return InvalidArgument(fmt::format("{}: severity must be error or warning", where));
  }
  finding.is_error = severity == "error";
  ASSIGN_OR_RETURN(finding.message, JsonString(json, "message", where));
  ASSIGN_OR_RETURN(finding.remedy, JsonString(json, "remedy", where));
  return finding;
}

// The directory of a model, or nothing when there is none here.
std::optional<std::string> ModelFolder(const std::string& model, const std::string& models_dir) {
  std::error_code error;
  if (fs::path(model).is_absolute()) {
    return fs::is_directory(model, error) ? std::optional(model) : std::nullopt;
  }
  if (models_dir.empty()) return std::nullopt;
  const std::string folder = (fs::path(models_dir) / model).string();
  return fs::is_directory(folder, error) ? std::optional(folder) : std::nullopt;
}

std::string LastLine(std::string_view text) {
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  const size_t start = text.rfind('\n');
  return LogSafe(start == std::string_view::npos ? text : text.substr(start + 1));
}

}  // namespace

Result<CheckReport> ParseCheckReport(std::string_view text) {
  ASSIGN_OR_RETURN(const Json json,
                   ParseJson(text, {.depth_max = 16, .bytes_max = kCheckOutputBytesMax}));
  CheckReport report;
  ASSIGN_OR_RETURN(report.ok, JsonBool(json, "ok", "check report"));
  const Json* findings = JsonFind(json, "findings");
  if (findings == nullptr || !findings->is_array()) {
    return InvalidArgument("check report: findings must be a list");
  }
  if (findings->size() > kCheckFindingsMax) {
    return InvalidArgument(fmt::format("check report: more than {} findings", kCheckFindingsMax));
  }
  bool has_error = false;
  for (size_t i = 0; i < findings->size(); ++i) {
    ASSIGN_OR_RETURN(Finding finding,
                     ParseFinding((*findings)[i], fmt::format("check report: findings[{}]", i)));
    has_error = has_error || finding.is_error;
    report.findings.push_back(std::move(finding));
  }
  if (report.ok == has_error) {
    return InvalidArgument("check report: ok must be true exactly when no finding is an error");
  }
  if (const Json* facts = JsonFind(json, "facts")) {
    if (!facts->is_object()) return InvalidArgument("check report: facts must be an object");
    report.facts_json = CompactJson(*facts);
  }
  return report;
}

std::string CheckFactsJson(const CheckReport& report) {
  Json out;
  auto facts = ParseJson(report.facts_json);
  out["facts"] = facts.ok() ? *facts : Json::object();
  out["findings"] = Json::array();
  for (const Finding& finding : report.findings) {
    out["findings"].push_back({{"code", finding.code},
                               {"severity", finding.is_error ? "error" : "warning"},
                               {"message", finding.message},
                               {"remedy", finding.remedy}});
  }
  return CompactJson(out);
}

ProcessCheckRunner::ProcessCheckRunner(std::string binary, std::string models_dir,
                                       CheckConfig config, const Clock& clock)
    : binary_(std::move(binary)),
      models_dir_(std::move(models_dir)),
      config_(std::move(config)),
      clock_(clock) {}

Result<CheckReport> ProcessCheckRunner::Check(const CheckSpec& spec) {
  const auto folder = ModelFolder(spec.model, models_dir_);
  if (!folder) {
    return Failed("MODEL_NOT_FOUND", fmt::format("{} is not there", LogSafe(spec.model)),
                  fs::path(spec.model).is_absolute()
                      ? "Give a directory that exists on the scheduler's machine."
                      : "Place the model below the scheduler's models_dir, or submit a directory.");
  }
  const ChildLimits limits{.time_ms = config_.time_limit_ms,
                           .memory_bytes = config_.memory_bytes,
                           .files = kCheckFilesMax,
                           .output_max = kCheckOutputBytesMax,
                           .error_max = kCheckErrorBytesMax};
  std::vector<std::string> command = {binary_, "--json", "--precision", spec.precision};
  if (spec.chat_template) {
    command.push_back("--chat-template=" +
                      (spec.chat_template->empty() ? "default" : *spec.chat_template));
  }
  command.push_back(*folder);
  ASSIGN_OR_RETURN(const ChildOutcome outcome, RunChild(command, limits, clock_, stop_));
  switch (outcome.end) {
    case ChildEnd::kStopped:
      return Status(Code::kCancelled, "the scheduler stops");
    case ChildEnd::kTimedOut:
      return Failed(
          "TIMED_OUT",
          fmt::format("the check took longer than {}", FormatDuration(config_.time_limit_ms)),
          "See whether the files are whole and on a fast disk, then retry.");
    case ChildEnd::kOutputTooLarge:
      return Failed("BAD_CHECKPOINT", "the check of these files gave more output than is allowed",
                    "Check the files with `koeval check DIR`.");
    case ChildEnd::kSignalled:
      return Failed("BAD_CHECKPOINT",
                    fmt::format("the check of these files ended with signal {}", outcome.code),
                    "The files are damaged or need more memory than a check may use; check them "
                    "with `koeval check DIR`.");
    case ChildEnd::kExited:
      break;
  }
  auto report = ParseCheckReport(outcome.out);
  if (!report.ok()) {
    return Internal(fmt::format("{} ended with status {} and gave no report ({}): {}", binary_,
                                outcome.code, report.status().message(), LastLine(outcome.err)));
  }
  return report;
}

}  // namespace koeval::service
