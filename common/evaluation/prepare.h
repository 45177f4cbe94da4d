// From a task to its requests: document order, few-shot draws, prompts, choices and gold.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/evaluation/task.h"
#include "common/evaluation/types.h"

namespace koeval::evaluation {

struct Document {
  int64_t doc_id = 0;  // row in the dataset
  Json doc;
  std::string context;               // the full prompt
  Json target;                       // doc_to_target as the harness logs it
  Json answer;                       // generate_until: the right text, or a list of them
  std::vector<std::string> choices;  // bare, without delimiter; multiple_choice alone
  std::vector<int64_t> gold;         // indices; -100 for unknown; several for a gold list
  int32_t first_request = 0;
  int32_t request_count = 0;
};

struct PreparedTask {
  TaskConfig config;
  Options options;
  int64_t num_fewshot = 0;     // effective
  int64_t system_dropped = 0;  // prompts whose chat template refused the system message
  RequestKind request_kind = RequestKind::kLoglikelihood;
  GenerationLimits generation;      // kGenerate alone
  bool multiple_targets = false;    // the first row's target is a list: any of several answers
  std::vector<Document> documents;  // in evaluation order of the profile
  std::vector<Request> requests;    // in the harness's request order
};

// Builds everything in single-process order from (task, options) alone: the same on every machine.
// INVALID_ARGUMENT names task, document row and field; FAILED_PRECONDITION, which names the chat
// template's place and reason besides, when it is the model's template that cannot write a prompt.
// Texts of rows never appear in errors.
Result<PreparedTask> Prepare(const Task& task, const Options& options);

}  // namespace koeval::evaluation
