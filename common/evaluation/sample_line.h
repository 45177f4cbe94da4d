// Lines of a sample log, as lm-evaluation-harness 0.4 writes samples_<task>_<time>.jsonl.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/evaluation/prepare.h"
#include "common/evaluation/score.h"

namespace koeval::evaluation {

struct SampleLog {
  std::vector<std::string> lines;  // a JSON object for each TaskScore::per_document, no newline
  std::string digest;              // the harness's task hash over all lines
};

// The sample log of `task`: filter after filter, a line for each document in PreparedTask order,
// with the harness's keys in the harness's order (doc_id, doc, target, arguments, resps,
// filtered_resps, filter, metrics, doc_hash, prompt_hash, target_hash, then one key for each
// metric). Log-likelihoods are strings that read back as the same double. Depends on nothing but
// its arguments. Source: lm-evaluation-harness 0.4.13, evaluate and save_results_samples. REQUIRES:
// `score` is Score(task, responses).
SampleLog MakeSampleLog(const PreparedTask& task, const TaskScore& score,
                        std::span<const Response> responses);

}  // namespace koeval::evaluation
