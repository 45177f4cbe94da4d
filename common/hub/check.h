// The submission checks of a model directory: everything that can be known without a forward pass.
//
// The files come from strangers: this runs in a process of its own with limits (koeval-check),
// never in a daemon.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/endings.h"
#include "common/base/json.h"

namespace koeval::hub {

struct CheckFinding {
  Ending code = Ending::kInternal;
  bool is_error = true;
  std::string message;
  std::string remedy;
};

struct CheckReport {
  std::vector<CheckFinding> findings;  // in the order of the checks
  Json facts = Json::object();  // architecture, model_type, parameters, dtype, weights_bytes, ...
  bool ok() const;
};

// Checks, each reported on its own where it does not need an earlier one: the directory is there;
// config.json names a supported architecture and needs no code of the repository; safetensors are
// there, complete, sane, and hold every tensor with its shape; the tokenizer loads under both
// profiles' rules and its ids fit the embedding; `precision` is one that runs. With `chat_template`
// ("" for the default one): the repository has it and it can be parsed; facts then hold it as
// evaluation::ChatTemplateToJson writes it.
CheckReport CheckModelDir(const std::string& dir, const std::string& precision,
                          const std::optional<std::string>& chat_template = {});

// {"ok":bool,"findings":[{"code","severity","message","remedy"}],"facts":{...}}
Json ToJson(const CheckReport& report);

}  // namespace koeval::hub
