// Filter pipelines: what is taken out of generated texts before metrics compare it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/json.h"
#include "common/base/status.h"
#include "common/evaluation/task.h"

namespace koeval::evaluation {

// One step over the values of one request. Immutable.
class Filter {
 public:
  virtual ~Filter() = default;
  // `value` is a list (one item for each answer) or what an earlier step left of it; a text counts
  // as the list of its characters, as in Python. INVALID_ARGUMENT names what does not fit; no
  // message has text of a row or an answer.
  virtual Result<Json> Apply(Json value, const Json& doc) const = 0;
};

// A named pipeline of `filter_list`. Immutable.
// Source: lm-evaluation-harness 0.4.13, lm_eval/filters.
class FilterPipeline {
 public:
  // INVALID_ARGUMENT, naming pipeline and step, for an unknown filter, an argument that it does not
  // take or a pattern that cannot be read; UNIMPLEMENTED for a filter that is Python.
  static Result<FilterPipeline> Make(const FilterConfig& config);

  const std::string& name() const { return name_; }
  // What the pipeline makes of the answers to one request of the row `doc`: usually a text.
  Result<Json> Apply(const std::vector<std::string>& answers, const Json& doc) const;

 private:
  std::string name_;
  std::vector<std::shared_ptr<const Filter>> steps_;  // shared by copies of the pipeline
};

// The pipelines of `config`, or the harness's own, "none". Errors as FilterPipeline::Make.
Result<std::vector<FilterPipeline>> MakeFilters(const TaskConfig& config);

// OK when the filters of `config` fit its output type: likelihoods can only be taken as they are.
Status CheckFilters(const TaskConfig& config);

}  // namespace koeval::evaluation
