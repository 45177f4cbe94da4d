// Reports as answers.
#include "scheduler/service/check_answer.h"

#include <fmt/core.h>

#include <optional>

#include "common/base/endings.h"
#include "scheduler/service/dry_run.h"

namespace koeval::service {
namespace {

// What a failed report says, as the core wants it: its first error, and how many more there are.
std::optional<core::Finding> FirstError(const CheckReport& report) {
  std::optional<core::Finding> first;
  int more = 0;
  for (const hub::CheckFinding& finding : report.findings) {
    if (!finding.is_error) continue;
    if (first) ++more;
    if (!first) first = core::Finding{finding.code, finding.message, finding.remedy};
  }
  if (more > 0) {
    first->reason += fmt::format(" (and {} more finding{})", more, more == 1 ? "" : "s");
  }
  return first;
}

}  // namespace

core::ChecksDone RunChecks(CheckRunner& runner, const SuiteCatalogue& catalogue,
                           const core::StartChecks& wanted) {
  core::ChecksDone done{wanted.id, wanted.round, "", std::nullopt, 0};
  const auto report = runner.Check(CheckSpecOf(wanted.spec));
  if (!report.ok()) {
    done.finding = core::Finding{Ending::kInternal,
                                 "the model could not be checked: " + report.status().message(),
                                 "Ask the operator of the scheduler, then retry."};
    return done;
  }
  done.facts_json = CheckFactsJson(*report);
  done.finding = FirstError(*report);
  done.memory_bytes = MemoryNeed(*report, catalogue.GenerationOf(wanted.spec));
  return done;
}

}  // namespace koeval::service
