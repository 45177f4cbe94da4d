// Answers of the engine, checked, as JSON.
#include "worker/runner/batch_run.h"

#include <fmt/core.h>

#include <cmath>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace koeval::runner {
namespace {

using engine::Answer;
using evaluation::RequestKind;

// Sequences of the batch, for engines that run each alone.
std::vector<plan::Sequence> SequencesOf(const TaskPlan& task, const plan::Batch& batch) {
  std::vector<plan::Sequence> sequences;
  for (const int32_t request : batch.requests) {
    sequences.push_back(task.sequences[static_cast<size_t>(request)]);
  }
  return sequences;
}

// Numbers of a naive run, counted from 0, as those of the batch.
template <typename T>
Status Renumber(const plan::Batch& batch, std::vector<T>& answers) {
  for (T& answer : answers) {
    const auto at = static_cast<size_t>(answer.request);
    if (at >= batch.requests.size()) return Internal("the engine answered a request of no batch");
    answer.request = batch.requests[at];
  }
  return OkStatus();
}

// One answer for each request of the batch, in order.
template <typename T>
Status CheckComplete(const plan::Batch& batch, const std::vector<T>& answers) {
  bool complete = answers.size() == batch.requests.size();
  for (size_t i = 0; complete && i < answers.size(); ++i) {
    complete = answers[i].request == batch.requests[i];
  }
  return complete ? OkStatus() : Internal("the engine did not answer each request once");
}

Result<std::vector<Answer>> Score(engine::Engine& engine, const TaskPlan& task,
                                  const plan::Batch& batch, bool naive) {
  if (!naive) return engine.Run(batch);
  ASSIGN_OR_RETURN(auto answers, engine.RunNaive(SequencesOf(task, batch), /*first_request=*/0));
  RETURN_IF_ERROR(Renumber(batch, answers));
  return answers;
}

Json ScoreToJson(const TaskPlan& task, const Answer& answer) {
  if (task.purpose.kind == RequestKind::kLoglikelihood) {
    return Json::array({answer.request, answer.log_likelihood, answer.is_greedy});
  }
  const plan::Window& window = task.purpose.windows[static_cast<size_t>(answer.request)];
  return Json::array({window.request, window.index, window.count, answer.log_likelihood});
}

Result<Json> Scores(engine::Engine& engine, const TaskPlan& task, const plan::Batch& batch,
                    bool naive) {
  ASSIGN_OR_RETURN(const auto answers, Score(engine, task, batch, naive));
  RETURN_IF_ERROR(CheckComplete(batch, answers));
  Json results = Json::array();
  for (const Answer& answer : answers) {
    Json result = ScoreToJson(task, answer);
    if (!std::isfinite(answer.log_likelihood)) {
      return DataLoss(fmt::format("request {} has the log-likelihood {}", result[0].dump(),
                                  PythonFloat(answer.log_likelihood)));
    }
    results.push_back(std::move(result));
  }
  return results;
}

Result<std::vector<engine::Generated>> Generate(engine::Engine& engine, const TaskPlan& task,
                                                const plan::Batch& batch, bool naive) {
  const engine::GenerateOptions options{
      .tokens_max = task.purpose.generation.max_tokens,
      .repetition_penalty = task.repetition_penalty,
      .ends = [&task](std::span<const int32_t> ids) { return task.stop->Ends(ids); }};
  if (!naive) return engine.Generate(batch, options);
  ASSIGN_OR_RETURN(auto texts,
                   engine.GenerateNaive(SequencesOf(task, batch), /*first_request=*/0, options));
  RETURN_IF_ERROR(Renumber(batch, texts));
  return texts;
}

Result<Json> Texts(engine::Engine& engine, const TaskPlan& task, const plan::Batch& batch,
                   bool naive) {
  ASSIGN_OR_RETURN(const auto generated, Generate(engine, task, batch, naive));
  RETURN_IF_ERROR(CheckComplete(batch, generated));
  Json results = Json::array();
  for (const engine::Generated& one : generated) {
    ASSIGN_OR_RETURN(std::string text, task.stop->Text(one.ids));
    if (text.size() > kTextBytesMax) {
      return FailedPrecondition(
          fmt::format("TASK_INVALID: the text for request {} has {} bytes, over the bound of {}; "
                      "lower max_gen_toks",
                      one.request, text.size(), kTextBytesMax));
    }
    results.push_back(Json::array({one.request, std::move(text)}));
  }
  return results;
}

}  // namespace

Result<Json> RunBatch(engine::Engine& engine, const TaskPlan& task, const plan::Batch& batch,
                      bool naive) {
  const bool generates = task.purpose.kind == RequestKind::kGenerate;
  ASSIGN_OR_RETURN(Json results, generates ? Texts(engine, task, batch, naive)
                                           : Scores(engine, task, batch, naive));
  if (&batch == &task.plan.batches.front()) {
    for (const int32_t request : task.without_windows) results.push_back({request, 0, 0, 0.0});
  }
  return Json{{"task", task.name}, {"results", std::move(results)}};
}

}  // namespace koeval::runner
