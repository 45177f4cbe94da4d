// One batch through an engine to its result JSON. Internal to worker/runner.
#pragma once

#include "common/base/json.h"
#include "common/base/status.h"
#include "worker/engine/engine.h"
#include "worker/plan/plan.h"
#include "worker/runner/runner_job.h"

namespace koeval::runner {

// The results of a batch frame (messages.h), in the order of the batch's sequences. Rolling
// requests without windows are answered with the task's first batch. With `naive`, each sequence
// runs alone. DATA_LOSS for a value that is not finite; INTERNAL when the engine did not answer
// each sequence once; else the engine's own errors.
Result<Json> RunBatch(engine::Engine& engine, const TaskPlan& task, const plan::Batch& batch,
                      bool naive);

}  // namespace koeval::runner
