// A tokenizer read from a model repository: text to token ids and back, as transformers would.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"

namespace koeval::tokenizer {

// Which transformers generation interprets the files: 5 rebuilds some pipelines by tokenizer class
// and model type; 4 takes tokenizer.json as it is, with add_bos_token / add_eos_token applied.
enum class Generation { k4 = 4, k5 = 5 };

struct LoadOptions {
  Generation generation = Generation::k5;
  std::string model_type;  // of config.json; empty when unknown
};

// Immutable after Load; Encode and Decode are safe to call from several threads.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // Ids of `text`. Added tokens inside the text are recognised, as Hugging Face does. `text` that
  // is not valid UTF-8 is INVALID_ARGUMENT.
  virtual Result<std::vector<int32_t>> Encode(std::string_view text,
                                              bool add_special_tokens) const = 0;
  // Text of `ids`; ids outside the vocabulary are INVALID_ARGUMENT.
  virtual Result<std::string> Decode(std::span<const int32_t> ids,
                                     bool skip_special_tokens) const = 0;

  // Number of ids, added tokens included: all ids are below it.
  virtual int32_t vocab_size() const = 0;
  virtual std::optional<int32_t> bos_id() const = 0;
  virtual std::optional<int32_t> eos_id() const = 0;
  // tokenizer_config.json's model_max_length, absent when it is the "very large" sentinel.
  virtual std::optional<int64_t> model_max_length() const = 0;
  // SHA-256 of everything that decides the output (files and options).
  virtual const std::string& digest() const = 0;
};

// Reads tokenizer.json, tokenizer_config.json, special_tokens_map.json of `model_dir`.
// NOT_FOUND: no tokenizer there; INVALID_ARGUMENT: damaged or inconsistent, names file and field;
// UNIMPLEMENTED: a component that is not supported, named, with the remedy.
Result<std::unique_ptr<Tokenizer>> LoadTokenizer(const std::string& model_dir,
                                                 const LoadOptions& options);

}  // namespace koeval::tokenizer
