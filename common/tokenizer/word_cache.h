// Remembers the ids of words, so that the model runs once per distinct word.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "common/base/mutex.h"
#include "common/tokenizer/vocabulary.h"

namespace koeval::tokenizer {

// Bounded; thread-safe.
class WordCache {
 public:
  // Longer words are not remembered.
  static constexpr size_t kWordBytesMax = 128;

  // Appends the ids of `word` when they are known.
  bool Find(std::string_view word, std::vector<int32_t>& ids) const;
  // Remembers that `word` gives ids[from..].
  void Put(std::string_view word, const std::vector<int32_t>& ids, size_t from);

 private:
  static constexpr size_t kShards = 16;
  static constexpr size_t kShardWordsMax = 8192;  // a full shard starts again
  struct Shard {
    mutable Mutex mutex;
    TextMap<std::vector<int32_t>> words GUARDED_BY(mutex);
  };
  static size_t ShardOf(std::string_view word) { return TextHash()(word) % kShards; }

  std::array<Shard, kShards> shards_;
};

}  // namespace koeval::tokenizer
