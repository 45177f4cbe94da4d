// Fuzz target: a tokenizer's files, and encoding and decoding with them. The parts of the input are
// tokenizer.json, tokenizer_config.json, the generation (4 or 5) with the model type, and a text.
#include "tests/fuzz/fuzz_targets.h"
#include "tests/fuzz/fuzz_util.h"
#include "tests/fuzz/tokenizer_run.h"

namespace koeval::fuzz {

void FuzzTokenizer(std::string_view input) {
  static const ScratchFolder folder;
  const auto parts = SplitParts(input, 4);
  folder.Write("tokenizer.json", parts[0]);
  folder.Write("tokenizer_config.json", parts[1].empty() ? "{}" : parts[1]);
  RunTokenizer(folder, parts[2], parts[3]);
}

}  // namespace koeval::fuzz
