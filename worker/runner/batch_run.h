// One batch through an engine to its result JSON. Internal to worker/runner.
#pragma once

#include "common/base/json.h"
#include "common/base/status.h"
#include "worker/engine/engine.h"
#include "worker/plan/plan.h"
#include "worker/runner/runner_job.h"

namespace koeval::runner {

// {"task":name,"results":[[request, log_likelihood, is_greedy],...]}, ascending by request. With
// `naive`, each request runs alone. DATA_LOSS for a value that is not finite; INTERNAL when the
// engine did not answer each request once; else the engine's own errors.
Result<Json> RunBatch(engine::Engine& engine, const TaskPlan& task, const plan::Batch& batch,
                      bool naive);

}  // namespace koeval::runner
