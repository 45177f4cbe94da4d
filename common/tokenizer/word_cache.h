// Remembers the ids of words, so that the model runs once per distinct word.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/mutex.h"

namespace koeval::tokenizer {

// Bounded; thread-safe.
class WordCache {
 public:
  // Longer words, and words of more ids, are not remembered.
  static constexpr size_t kWordBytesMax = 128;

  // Appends the ids of `word` when they are known.
  bool Find(std::string_view word, std::vector<int32_t>& ids) const;
  // Remembers that `word` gives ids[from..].
  void Put(std::string_view word, const std::vector<int32_t>& ids, size_t from);

 private:
  static constexpr size_t kShards = 16;
  static constexpr size_t kSlots = 16'384;         // of a shard; a power of two
  static constexpr size_t kShardWordsMax = 8'192;  // a full shard starts again

  // Where a word and its ids lie in the shard's stores; an empty slot has no word.
  struct Slot {
    uint64_t hash = 0;
    uint32_t word_begin = 0;
    uint32_t ids_begin = 0;
    uint16_t word_size = 0;
    uint16_t ids_size = 0;
  };
  struct Shard {
    mutable Mutex mutex;
    std::vector<Slot> slots GUARDED_BY(mutex);  // none before the first word
    std::string words GUARDED_BY(mutex);
    std::vector<int32_t> ids GUARDED_BY(mutex);
    size_t count GUARDED_BY(mutex) = 0;

    // The slot that has the word, or the empty one where it belongs.
    size_t SlotOf(std::string_view word, uint64_t hash) const REQUIRES(mutex);
  };

  std::array<Shard, kShards> shards_;
};

}  // namespace koeval::tokenizer
