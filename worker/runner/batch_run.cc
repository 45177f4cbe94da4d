// Answers of the engine, checked, as JSON.
#include "worker/runner/batch_run.h"

#include <fmt/core.h>

#include <cmath>
#include <utility>
#include <vector>

namespace koeval::runner {
namespace {

Result<std::vector<engine::Answer>> RunAlone(engine::Engine& engine, const TaskPlan& task,
                                             const plan::Batch& batch) {
  std::vector<plan::Sequence> sequences;
  for (const int32_t request : batch.requests) {
    sequences.push_back(task.sequences[static_cast<size_t>(request)]);
  }
  ASSIGN_OR_RETURN(auto answers, engine.RunNaive(sequences, /*first_request=*/0));
  for (engine::Answer& answer : answers) {
    const auto at = static_cast<size_t>(answer.request);
    if (at >= batch.requests.size()) return Internal("the engine answered a request of no batch");
    answer.request = batch.requests[at];
  }
  return answers;
}

}  // namespace

Result<Json> RunBatch(engine::Engine& engine, const TaskPlan& task, const plan::Batch& batch,
                      bool naive) {
  auto answers = naive ? RunAlone(engine, task, batch) : engine.Run(batch);
  if (!answers.ok()) return answers.status();
  bool complete = answers->size() == batch.requests.size();
  Json results = Json::array();
  for (size_t i = 0; complete && i < answers->size(); ++i) {
    const engine::Answer& answer = (*answers)[i];
    complete = answer.request == batch.requests[i];
    if (!std::isfinite(answer.log_likelihood)) {
      return DataLoss(fmt::format("request {} has the log-likelihood {}", answer.request,
                                  PythonFloat(answer.log_likelihood)));
    }
    results.push_back({answer.request, answer.log_likelihood, answer.is_greedy});
  }
  if (!complete) return Internal("the engine did not answer each request once");
  return Json{{"task", task.name}, {"results", std::move(results)}};
}

}  // namespace koeval::runner
