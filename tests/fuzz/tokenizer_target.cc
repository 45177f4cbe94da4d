// Fuzz target: a tokenizer's files, and encoding and decoding with them. The parts of the input are
// tokenizer.json, tokenizer_config.json, the generation (4 or 5) with the model type, and a text.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/base/utf8.h"
#include "common/tokenizer/tokenizer.h"
#include "tests/fuzz/fuzz_targets.h"
#include "tests/fuzz/fuzz_util.h"

namespace koeval::fuzz {
namespace {

using tokenizer::Tokenizer;

void RunText(const Tokenizer& tokenizer, std::string_view text) {
  for (const bool special : {false, true}) {
    const auto ids = tokenizer.Encode(text, special);
    CheckClearStatus(ids.status());
    if (!ids.ok()) continue;
    KOEVAL_CHECK(IsValidUtf8(text), "text that is no UTF-8 is refused");
    for (const int32_t id : *ids) {
      KOEVAL_CHECK(id >= 0 && id < tokenizer.vocab_size(), "ids are below vocab_size");
    }
    const auto again = tokenizer.Encode(text, special);
    KOEVAL_CHECK(again.ok() && *again == *ids, "encoding is a function of the text");
    const auto back = tokenizer.Decode(*ids, special);
    CheckClearStatus(back.status());
    KOEVAL_CHECK(!back.ok() || IsValidUtf8(*back), "decoded text is UTF-8");
  }
}

}  // namespace

void FuzzTokenizer(std::string_view input) {
  static const ScratchFolder folder;
  const auto parts = SplitParts(input, 4);
  folder.Write("tokenizer.json", parts[0]);
  folder.Write("tokenizer_config.json", parts[1].empty() ? "{}" : parts[1]);
  tokenizer::LoadOptions options;
  if (parts[2].starts_with('4')) options.generation = tokenizer::Generation::k4;
  if (parts[2].size() > 2) options.model_type = parts[2].substr(2);
  const auto loaded = tokenizer::LoadTokenizer(folder.path(), options);
  CheckClearStatus(loaded.status());
  if (!loaded.ok()) return;
  const Tokenizer& tokenizer = **loaded;
  for (const auto& id : {tokenizer.bos_id(), tokenizer.eos_id()}) {
    KOEVAL_CHECK(!id || (*id >= 0 && *id < tokenizer.vocab_size()), "special ids are ids");
  }
  RunText(tokenizer, parts[3]);
  std::vector<int32_t> all;
  for (int32_t id = 0; id < std::min(tokenizer.vocab_size(), 300); ++id) all.push_back(id);
  CheckClearStatus(tokenizer.Decode(all, false).status());
}

}  // namespace koeval::fuzz
