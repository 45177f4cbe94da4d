// Submission checks of a model. Files of a model repository are never parsed in the daemon: it
// moves bytes into a folder, and a child process with limits reads them (common/hub/stage.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/hub/check_process.h"
#include "common/hub/report.h"
#include "scheduler/core/records.h"
#include "scheduler/service/config.h"
#include "scheduler/service/model_hub.h"

namespace koeval::service {

using CheckReport = hub::CheckReport;

struct CheckSpec {
  std::string model;  // org/name, or an absolute directory
  std::string revision;
  std::string precision;
  std::optional<std::string> chat_template =
      {};  // the name, "" for the default, that must be there
  std::string weight_type = "Original";
};

// What a request asks of the checks.
CheckSpec CheckSpecOf(const core::RequestSpec& spec);

// Texts whose tokens are counted with the tokenizer of a model that passed its checks.
struct TokenQuestion {
  int generation = 5;  // evaluation::TokenizerGeneration
  std::vector<std::string> texts;
};
using AskTokens = std::function<Result<TokenQuestion>(const CheckReport&)>;
struct CountedCheck {
  CheckReport report;
  // Of each text; nothing when the model failed its checks or its tokenizer counted none in time.
  std::optional<std::vector<int64_t>> tokens;
};

class CheckRunner {
 public:
  virtual ~CheckRunner() = default;
  // The report; a model that crashes its checker or outruns its limits gives a failed report.
  // Errors are faults of ours: UNAVAILABLE when the checker cannot be run, INTERNAL when its answer
  // is no report, CANCELLED after Stop(). Blocks; thread-safe.
  virtual Result<CheckReport> Check(const CheckSpec& spec) = 0;
  // The same, and where the model passed, the tokens of what `ask` then asks; also its errors.
  virtual Result<CountedCheck> CheckAndCount(const CheckSpec& spec, const AskTokens& ask) = 0;
  // Ends running checks soon; later ones end at once.
  virtual void Stop() = 0;
};

// Reads what koeval-check prints. INVALID_ARGUMENT names the field.
Result<CheckReport> ParseCheckReport(std::string_view json);

// The report as the JSON that a request row keeps: {"facts":{...},"findings":[...],"checks":[...]}.
std::string CheckFactsJson(const CheckReport& report);

// The folder of a model on this machine: an absolute directory, or org/name below `models_dir`;
// nothing when there is none.
std::optional<std::string> ModelFolder(const std::string& model, const std::string& models_dir);

// Runs koeval-check on the model's folder, or on a copy of the hub's small files.
class ProcessCheckRunner final : public CheckRunner {
 public:
  // `binary`: path of koeval-check. `models_dir`: where org/name is looked for first; "" = nowhere.
  // `hub`: where it is looked for then; nullptr = nowhere. `scratch`: a folder of this daemon's
  // own.
  ProcessCheckRunner(std::string binary, std::string models_dir, CheckConfig config,
                     const Clock& clock, std::shared_ptr<ModelHub> hub = nullptr,
                     std::string scratch = "");
  Result<CheckReport> Check(const CheckSpec& spec) override { return Run(spec, nullptr); }
  Result<CountedCheck> CheckAndCount(const CheckSpec& spec, const AskTokens& ask) override;
  void Stop() override { stop_.store(true); }

 private:
  Result<CheckReport> Run(const CheckSpec& spec, const hub::AfterCheck& after);
  Result<CheckReport> CheckOnHub(const CheckSpec& spec, hub::CheckWish wish,
                                 const hub::AfterCheck& after);

  const hub::CheckProcess process_;
  const std::string models_dir_;
  const Clock& clock_;
  const std::shared_ptr<ModelHub> hub_;
  const std::string scratch_;
  std::atomic<bool> stop_{false};
};

}  // namespace koeval::service
