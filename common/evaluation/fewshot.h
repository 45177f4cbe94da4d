// Which rows of the pool are the shots of a document.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/json.h"
#include "common/base/status.h"
#include "common/evaluation/python_random.h"
#include "common/evaluation/task.h"
#include "common/evaluation/types.h"

namespace koeval::evaluation {

// Draws shots document after document, in evaluation order, from one random stream.
// Source: lm-evaluation-harness 0.4.13, api/samplers.py and ConfigurableTask.fewshot_context;
// b281b09, lm_eval/base.py fewshot_context.
class ShotSampler {
 public:
  // `random` is at the place of its stream where the first draw happens. `task` must outlive this.
  ShotSampler(const Task& task, Profile profile, int64_t count, PythonRandom random);

  // Positions in the pool of the shots for `doc`, in prompt order. INVALID_ARGUMENT when the pool
  // is too small.
  Result<std::vector<size_t>> Draw(const Json& doc);

  const std::vector<Json>& pool() const;

 private:
  std::vector<size_t> FirstRows(const Json& doc) const;

  const Task& task_;
  const Profile profile_;
  const size_t count_;
  const bool removes_self_;  // one more is drawn, and the document itself is left out
  PythonRandom random_;
};

}  // namespace koeval::evaluation
