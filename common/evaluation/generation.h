// How texts are generated: the generation_kwargs of a task, as far as greedy decoding goes.
#pragma once

#include <string>

#include "common/base/json.h"
#include "common/base/status.h"
#include "common/evaluation/types.h"

namespace koeval::evaluation {

// `kwargs` of a task file (null for none) with the harness's defaults filled in: what its requests
// and sample lines carry. INVALID_ARGUMENT when it is no mapping.
// Source: lm-evaluation-harness 0.4.13, TaskConfig and default_gen_kwargs.
Result<Json> FillGenerationKwargs(const Json& kwargs, const std::string& fewshot_delimiter);

// Stop strings and the most new tokens, from filled kwargs. Of several names for the number the
// harness's first wins: max_gen_toks, max_new_tokens, max_tokens, max_completion_tokens.
// UNIMPLEMENTED, naming key and remedy, for what draws at random or searches: do_sample, a
// temperature above 0 without do_sample: false, beams, penalties; INVALID_ARGUMENT for a value of
// the wrong kind. Source: lm-evaluation-harness 0.4.13, normalize_gen_kwargs.
Result<GenerationLimits> ReadGenerationLimits(const Json& kwargs);

}  // namespace koeval::evaluation
