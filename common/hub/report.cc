// Reports and their JSON.
#include "common/hub/report.h"

#include <algorithm>
#include <array>

namespace koeval::hub {
namespace {

constexpr std::array<CheckOutcome, 4> kOutcomes = {CheckOutcome::kOk, CheckOutcome::kWarning,
                                                   CheckOutcome::kFailed, CheckOutcome::kSkipped};
constexpr size_t kReportEntriesMax = 200;

Result<const Json*> ListAt(const Json& json, const char* key, bool is_optional) {
  static const Json kNone = Json::array();
  const Json* list = JsonFind(json, key);
  if (list == nullptr && is_optional) return &kNone;
  if (list == nullptr || !list->is_array() || list->size() > kReportEntriesMax) {
    return InvalidArgument(std::string("check report: ") + key + " must be a list of at most " +
                           std::to_string(kReportEntriesMax));
  }
  return list;
}

Result<CheckStep> ParseStep(const Json& json) {
  CheckStep step;
  ASSIGN_OR_RETURN(step.check, JsonString(json, "check", "check report: checks"));
  ASSIGN_OR_RETURN(const std::string outcome, JsonString(json, "outcome", "check report: checks"));
  ASSIGN_OR_RETURN(step.sentence, JsonString(json, "message", "check report: checks"));
  for (const CheckOutcome known : kOutcomes) {
    if (OutcomeName(known) != outcome) continue;
    step.outcome = known;
    return step;
  }
  return InvalidArgument("check report: checks: outcome \"" + outcome + "\" is unknown");
}

Result<CheckFinding> ParseFinding(const Json& json) {
  constexpr std::string_view kWhere = "check report: findings";
  CheckFinding finding;
  ASSIGN_OR_RETURN(const std::string code, JsonString(json, "code", kWhere));
  const auto ending = ParseEnding(code);
  if (!ending) return InvalidArgument("check report: findings: code " + code + " is unknown");
  finding.code = *ending;
  ASSIGN_OR_RETURN(const std::string severity, JsonString(json, "severity", kWhere));
  if (severity != "error" && severity != "warning") {
    return InvalidArgument("check report: findings: severity must be error or warning");
  }
  finding.is_error = severity == "error";
  ASSIGN_OR_RETURN(finding.message, JsonString(json, "message", kWhere));
  ASSIGN_OR_RETURN(finding.remedy, JsonString(json, "remedy", kWhere));
  if (JsonFind(json, "check") != nullptr) {
    ASSIGN_OR_RETURN(finding.check, JsonString(json, "check", kWhere));
  }
  return finding;
}

}  // namespace

std::string_view OutcomeName(CheckOutcome outcome) {
  switch (outcome) {
    case CheckOutcome::kOk:
      return "ok";
    case CheckOutcome::kWarning:
      return "warning";
    case CheckOutcome::kFailed:
      return "failed";
    case CheckOutcome::kSkipped:
      break;
  }
  return "skipped";
}

bool CheckReport::ok() const {
  return std::none_of(findings.begin(), findings.end(),
                      [](const CheckFinding& finding) { return finding.is_error; });
}

void CheckReport::Add(Ending code, bool is_error, std::string message, std::string remedy) {
  if (remedy.empty()) remedy = InfoOf(code).submitter_text;
  findings.push_back({code, is_error, std::move(message), std::move(remedy)});
}

void CheckReport::EndStep(const std::string& check, size_t first, std::string sentence) {
  CheckStep step{check, CheckOutcome::kOk, std::move(sentence)};
  for (size_t i = first; i < findings.size(); ++i) {
    CheckFinding& finding = findings[i];
    finding.check = check;
    const CheckOutcome outcome = finding.is_error ? CheckOutcome::kFailed : CheckOutcome::kWarning;
    if (outcome <= step.outcome) continue;
    step.outcome = outcome;
    step.sentence = finding.message;
  }
  steps.push_back(std::move(step));
}

void CheckReport::Skip(const std::string& check, std::string why) {
  steps.push_back({check, CheckOutcome::kSkipped, std::move(why)});
}

void CheckReport::Append(CheckReport other) {
  std::move(other.steps.begin(), other.steps.end(), std::back_inserter(steps));
  std::move(other.findings.begin(), other.findings.end(), std::back_inserter(findings));
  for (auto& [key, value] : other.facts.items()) facts[key] = std::move(value);
}

Json ToJson(const CheckReport& report) {
  Json checks = Json::array();
  for (const CheckStep& step : report.steps) {
    checks.push_back({{"check", step.check},
                      {"outcome", OutcomeName(step.outcome)},
                      {"message", step.sentence}});
  }
  Json findings = Json::array();
  for (const CheckFinding& finding : report.findings) {
    findings.push_back({{"check", finding.check},
                        {"code", EndingName(finding.code)},
                        {"severity", finding.is_error ? "error" : "warning"},
                        {"message", finding.message},
                        {"remedy", finding.remedy}});
  }
  return {{"ok", report.ok()}, {"checks", checks}, {"findings", findings}, {"facts", report.facts}};
}

Result<CheckReport> ParseReport(const Json& json) {
  CheckReport report;
  ASSIGN_OR_RETURN(const bool ok, JsonBool(json, "ok", "check report"));
  ASSIGN_OR_RETURN(const Json* steps, ListAt(json, "checks", /*is_optional=*/true));
  for (const Json& item : *steps) {
    ASSIGN_OR_RETURN(CheckStep step, ParseStep(item));
    report.steps.push_back(std::move(step));
  }
  ASSIGN_OR_RETURN(const Json* findings, ListAt(json, "findings", /*is_optional=*/false));
  for (const Json& item : *findings) {
    ASSIGN_OR_RETURN(CheckFinding finding, ParseFinding(item));
    report.findings.push_back(std::move(finding));
  }
  if (ok != report.ok()) {
    return InvalidArgument("check report: ok must be true exactly when no finding is an error");
  }
  const Json* facts = JsonFind(json, "facts");
  if (facts == nullptr) return report;
  if (!facts->is_object()) return InvalidArgument("check report: facts must be an object");
  report.facts = *facts;
  return report;
}

}  // namespace koeval::hub
