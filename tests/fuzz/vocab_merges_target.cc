// Fuzz target: vocab.json with merges.txt instead of a tokenizer.json, encoding and decoding. The
// parts of the input are vocab.json, merges.txt, tokenizer_config.json, the generation (4 or 5)
// with the model type, and a text.
#include "tests/fuzz/fuzz_targets.h"
#include "tests/fuzz/fuzz_util.h"
#include "tests/fuzz/tokenizer_run.h"

namespace koeval::fuzz {

void FuzzVocabMerges(std::string_view input) {
  static const ScratchFolder folder;
  const auto parts = SplitParts(input, 5);
  folder.Write("vocab.json", parts[0]);
  folder.Write("merges.txt", parts[1]);
  folder.Write("tokenizer_config.json", parts[2].empty() ? "{}" : parts[2]);
  RunTokenizer(folder, parts[3], parts[4]);
}

}  // namespace koeval::fuzz
