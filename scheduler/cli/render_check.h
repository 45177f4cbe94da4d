// The report of the submission checks as a table.
#pragma once

#include <string>

#include "common/base/json.h"
#include "scheduler/cli/terminal.h"
#include "scheduler/cli/view.h"

namespace koeval::cli {

// One line for each check (ok, warning, failed or skipped), then what is to be done about each
// finding, then the facts. `report` has the form of hub::ToJson.
std::string RenderCheckReport(const Terminal& terminal, const Json& report);
// The same with planned work, placement and start.
std::string RenderDryRun(const Terminal& terminal, const DryRunView& run);

}  // namespace koeval::cli
