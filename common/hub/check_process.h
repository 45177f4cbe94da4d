// Runs koeval-check on a folder, and a whole repository through it: what the daemon and the command
// line call. Nothing of the repository is parsed in the calling process.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "common/base/child_process.h"
#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/hub/report.h"
#include "common/hub/repository.h"
#include "common/hub/stage.h"

namespace koeval::hub {

struct CheckProcess {
  std::string binary;       // path of koeval-check
  std::string policy_file;  // "" = the built-in policy
  ChildLimits limits;
};

// What is asked of a model, besides where it lies.
struct CheckWish {
  std::string model;  // org/name; "" for a local directory
  std::string precision = "float32";
  std::string weight_type = "Original";
  std::optional<std::string> chat_template = {};  // "" for the default one
};

// Called with the folder of a model that passed its checks, while it is there.
using AfterCheck = std::function<void(const std::string& dir, const CheckReport& report)>;

// The report on the folder `dir`. A process that crashes or outruns its limits gives a failed
// report. Errors are faults of ours: UNAVAILABLE when it cannot be run, INTERNAL when its answer is
// no report, CANCELLED after `stop`. Blocks; thread-safe.
Result<CheckReport> CheckFolder(const CheckProcess& process, const std::string& dir,
                                const CheckWish& wish, const Clock& clock,
                                const std::atomic<bool>& stop);

// Stages `repository` into a folder of its own below `scratch` (made when it is missing), checks
// it, calls `after` where it is given, and removes the folder. A call of the repository that fails
// gives a failed report with its ending; errors as above, and UNAVAILABLE or RESOURCE_EXHAUSTED
// when the folder cannot be written.
Result<CheckReport> CheckRepository(const CheckProcess& process, const Repository& repository,
                                    const std::string& scratch, const CheckWish& wish,
                                    const Clock& clock, const std::atomic<bool>& stop,
                                    const AfterCheck& after = nullptr);

// Removes what checks that were killed left below `scratch`. Before the first check only.
void ClearScratch(const std::string& scratch);

}  // namespace koeval::hub
