// A temporary model repository with files that a test writes.
#pragma once

#include <string>

#include "common/base/json.h"
#include "common/tokenizer/tokenizer.h"

namespace koeval::tokenizer {

class ScratchRepository {
 public:
  ScratchRepository();
  ~ScratchRepository();
  ScratchRepository(const ScratchRepository&) = delete;
  ScratchRepository& operator=(const ScratchRepository&) = delete;

  const std::string& path() const { return path_; }
  void Write(const std::string& name, const std::string& bytes);
  void Write(const std::string& name, const Json& json);
  // LoadTokenizer of this folder.
  Result<std::unique_ptr<Tokenizer>> Load(Generation generation = Generation::k5,
                                          const std::string& model_type = "") const;

 private:
  std::string path_;
};

// Writes the repository of a case of tests/golden/tokenizers/cases.json, as tokenizer_cases.py
// does.
void FillRepository(const Json& c, ScratchRepository& repository);
// The case's generation; 5 unless it says 4.
Generation GenerationOf(const Json& c);

// A whole tokenizer.json with this model and these components; components are JSON text.
Json TokenizerJson(const std::string& model, const std::string& pre_tokenizer = "null",
                   const std::string& normalizer = "null", const std::string& decoder = "null",
                   const std::string& post_processor = "null",
                   const std::string& added_tokens = "[]");

// A BPE model over the printable ASCII characters, the Metaspace and a few more, without merges.
std::string CharacterModel();

}  // namespace koeval::tokenizer
