// The promises of common/tokenizer/tokenizer.h, asked of whatever loads.
#include "tests/fuzz/tokenizer_run.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/base/utf8.h"
#include "common/tokenizer/tokenizer.h"

namespace koeval::fuzz {
namespace {

using tokenizer::Tokenizer;

constexpr int32_t kIdsDecoded = 300;  // of a vocabulary, one after the other

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

void RunTokenizer(const ScratchFolder& folder, std::string_view options, std::string_view text) {
  tokenizer::LoadOptions load;
  if (options.starts_with('4')) load.generation = tokenizer::Generation::k4;
  if (options.size() > 2) load.model_type = options.substr(2);
  const auto loaded = tokenizer::LoadTokenizer(folder.path(), load);
  CheckClearStatus(loaded.status());
  if (!loaded.ok()) return;
  const Tokenizer& tokenizer = **loaded;
  for (const auto& id : {tokenizer.bos_id(), tokenizer.eos_id()}) {
    KOEVAL_CHECK(!id || (*id >= 0 && *id < tokenizer.vocab_size()), "special ids are ids");
  }
  RunText(tokenizer, text);
  std::vector<int32_t> all;
  for (int32_t id = 0; id < std::min(tokenizer.vocab_size(), kIdsDecoded); ++id) all.push_back(id);
  CheckClearStatus(tokenizer.Decode(all, false).status());
}

}  // namespace koeval::fuzz
