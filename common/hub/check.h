// The submission checks of a model directory: everything that can be known without a forward pass.
//
// WHERE HOSTILE FILES ARE PARSED
//   The files come from strangers. The daemon and the command line never parse them: they stage the
//   repository (stage.h) into a folder that looks like it, and run koeval-check on that folder, a
//   process with limits on time, memory and output, without network (sandbox.h), tokens or an
//   environment. Only that process runs what this header declares. A local directory is checked
//   where it lies, by the same process.
#pragma once

#include <optional>
#include <string>

#include "common/hub/policy.h"
#include "common/hub/report.h"

namespace koeval::hub {

struct CheckOptions {
  std::string precision = "float32";
  // A chat template of this name ("" for the default one) must be there; facts then hold it as
  // evaluation::ChatTemplateToJson writes it.
  std::optional<std::string> chat_template = {};
  std::string weight_type = "Original";
  std::string model = {};  // org/name that the directory is a copy of; "": a local directory
  SubmissionPolicy policy = DefaultPolicy();
};

// The checks, each reported on its own where it does not need an earlier one:
//   precision     one that runs
//   directory     it is there
//   do-not-submit neither model nor base models are on the policy's list
//   kind          whole weights, no adapter and no delta (by delta_signs.h)
//   config        a supported architecture that needs no code of the repository
//   generation    generation_config.json can be followed (a warning: most tasks generate nothing)
//   weights       safetensors are there, complete and sane
//   tensors       every tensor that the architecture needs, with its shape; not over the policy's
//                 number of parameters
//   tokenizer     it loads under both profiles' rules and its ids fit the embedding
//   chat template the one that is asked for is there and can be parsed
//   licence, model card   as the policy asks for repositories or for local directories
CheckReport CheckModelDir(const std::string& dir, const CheckOptions& options);

}  // namespace koeval::hub
