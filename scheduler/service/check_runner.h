// Submission checks of a model. Files of a model repository are never parsed in the daemon: a child
// process with limits does it and reports as JSON.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "scheduler/service/config.h"

namespace koeval::service {

struct CheckSpec {
  std::string model;  // org/name, or an absolute directory
  std::string revision;
  std::string precision;
  std::optional<std::string> chat_template =
      {};  // the name, "" for the default, that must be there
};

struct Finding {
  std::string code;  // an ending, such as BAD_CHECKPOINT
  bool is_error = true;
  std::string message;
  std::string remedy;
};

struct CheckReport {
  bool ok = true;
  std::vector<Finding> findings;  // errors first is not promised
  std::string facts_json = "{}";  // architecture, model_type, parameters, ...
};

class CheckRunner {
 public:
  virtual ~CheckRunner() = default;
  // The report; a model that crashes its checker or outruns its limits gives a failed report.
  // Errors are faults of ours: UNAVAILABLE when the checker cannot be run, INTERNAL when its answer
  // is no report, CANCELLED after Stop(). Blocks; thread-safe.
  virtual Result<CheckReport> Check(const CheckSpec& spec) = 0;
  // Ends running checks soon; later ones end at once.
  virtual void Stop() = 0;
};

// Reads {"ok":bool,"findings":[{"code","severity","message","remedy"}],"facts":{...}}.
// INVALID_ARGUMENT names the field.
Result<CheckReport> ParseCheckReport(std::string_view json);

// The report and spec as the JSON that a request row keeps: {"facts":{...},"findings":[...]}.
std::string CheckFactsJson(const CheckReport& report);

// Runs `koeval-check --json --precision P DIR`.
class ProcessCheckRunner final : public CheckRunner {
 public:
  // `binary`: path of koeval-check. `models_dir`: where org/name is looked for; "" = nowhere.
  ProcessCheckRunner(std::string binary, std::string models_dir, CheckConfig config,
                     const Clock& clock);
  Result<CheckReport> Check(const CheckSpec& spec) override;
  void Stop() override { stop_.store(true); }

 private:
  const std::string binary_;
  const std::string models_dir_;
  const CheckConfig config_;
  const Clock& clock_;
  std::atomic<bool> stop_{false};
};

}  // namespace koeval::service
