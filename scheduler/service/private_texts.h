// Whose texts a caller may see, and what is left of samples and results without them.
#pragma once

#include <optional>
#include <string>

#include "common/base/status.h"
#include "common/evaluation/dataset_source.h"
#include "scheduler/core/events.h"
#include "scheduler/service/config.h"
#include "scheduler/service/dataset_store.h"

namespace koeval::service {

// Where a task's rows came from.
struct RowsOrigin {
  std::string task;
  std::string dataset_path;                             // of the task's definition
  std::optional<evaluation::DatasetOrigin> registered;  // nothing: a folder or files
};

// Answers of one caller about texts; a snapshot of settings, any thread. Operators see all of them.
// Others see those of registered datasets that were added as public, and of tasks or datasets that
// `public_datasets` names.
class TextAccess {
 public:
  TextAccess(const core::Actor& actor, const ServiceConfig& config, const DatasetStore& datasets);
  bool MaySee(const RowsOrigin& origin) const;
  // A result file in which the texts of the definitions of tasks that the caller may not see are
  // null. DATA_LOSS for a text that is no result file.
  Result<std::string> WithoutPrivateDefinitions(const std::string& results_json) const;

 private:
  const bool is_operator_;
  const ServiceConfig& config_;
  const DatasetStore& datasets_;
};

// A sample line without its texts: document, target, its digest (few values are easily guessed),
// arguments, and what the model wrote when `is_generated`. Ids, the other digests, log-likelihoods
// and metrics stay. DATA_LOSS for a line that is no sample.
Result<std::string> WithoutTexts(const std::string& sample_line, bool is_generated);

}  // namespace koeval::service
