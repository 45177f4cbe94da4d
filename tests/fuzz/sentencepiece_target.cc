// Fuzz target: a SentencePiece model without a tokenizer.json, converted, encoding and decoding.
// The parts of the input are the generation (4 or 5) with the model type, tokenizer_config.json, a
// text, and the bytes of tokenizer.model.
#include "tests/fuzz/fuzz_targets.h"
#include "tests/fuzz/fuzz_util.h"
#include "tests/fuzz/tokenizer_run.h"

namespace koeval::fuzz {

void FuzzSentencePiece(std::string_view input) {
  static const ScratchFolder folder;
  const auto parts = SplitParts(input, 4);
  folder.Write("tokenizer_config.json", parts[1].empty() ? "{}" : parts[1]);
  folder.Write("tokenizer.model", parts[3]);
  RunTokenizer(folder, parts[0], parts[2]);
}

}  // namespace koeval::fuzz
