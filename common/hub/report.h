// The report of the submission checks: steps, findings and facts, and their JSON.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/endings.h"
#include "common/base/json.h"
#include "common/base/status.h"

namespace koeval::hub {

struct CheckFinding {
  Ending code = Ending::kInternal;
  bool is_error = true;
  std::string message;  // for the submitter: what is wrong, and where
  std::string remedy;
  std::string check = {};  // name of the step that found it
};

enum class CheckOutcome { kOk, kWarning, kFailed, kSkipped };
std::string_view OutcomeName(CheckOutcome outcome);  // "ok", "warning", "failed", "skipped"

// One line of the report's table.
struct CheckStep {
  std::string check;  // "tokenizer"
  CheckOutcome outcome = CheckOutcome::kOk;
  std::string sentence;  // what was found
};

struct CheckReport {
  std::vector<CheckStep> steps;        // in the order of the checks
  std::vector<CheckFinding> findings;  // the same order
  Json facts = Json::object();         // architecture, parameters, license, commit, ...
  bool ok() const;                     // no finding is an error

  // A finding with the ending's own remedy unless one is given.
  void Add(Ending code, bool is_error, std::string message, std::string remedy = "");
  // Names the findings since `first` after `check` and closes its line of the table: with the worst
  // of them, or with `sentence` where there are none.
  void EndStep(const std::string& check, size_t first, std::string sentence);
  void Skip(const std::string& check, std::string why);
  // What `other` found, after what this one did; facts of `other` win.
  void Append(CheckReport other);
};

// {"ok":bool,"checks":[{"check","outcome","message"}],
//  "findings":[{"check","code","severity","message","remedy"}],"facts":{...}}
Json ToJson(const CheckReport& report);
// Back from that, where "checks", "check" and "facts" may be absent. INVALID_ARGUMENT names the
// field.
Result<CheckReport> ParseReport(const Json& json);

}  // namespace koeval::hub
