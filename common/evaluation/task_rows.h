// A task with its rows, from its definition and the datasets that it names.
#pragma once

#include <string>

#include "common/base/status.h"
#include "common/evaluation/dataset_source.h"
#include "common/evaluation/task.h"
#include "common/evaluation/task_definition.h"

namespace koeval::evaluation {

// The task of `definition` with the rows that it evaluates and takes shots from; a dataset that is
// named as on a hub is looked for in `datasets`. NOT_FOUND for a dataset or
// split that is not there, "DATASET_UNAVAILABLE: ..." when all of it is missing; INVALID_ARGUMENT
// names file, line, key or row and the remedy.
Result<Task> LoadTaskRows(Definition definition, const DatasetSources& datasets);

}  // namespace koeval::evaluation
