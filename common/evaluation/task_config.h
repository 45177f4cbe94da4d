// A task's definition read into TaskConfig.
#pragma once

#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/evaluation/task.h"
#include "common/evaluation/task_definition.h"

namespace koeval::evaluation {

// `definition` with the harness's defaults, checked: metrics, filters and generation fit the output
// type. INVALID_ARGUMENT and UNIMPLEMENTED name file, line, key and the remedy. Adds notes to
// `definition`.
Result<TaskConfig> ReadTaskConfig(Definition& definition);

}  // namespace koeval::evaluation
