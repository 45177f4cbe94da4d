// A sharded map that is emptied when it is full: words repeat so much that no order of eviction
// pays.
#include "common/tokenizer/word_cache.h"

namespace koeval::tokenizer {

bool WordCache::Find(std::string_view word, std::vector<int32_t>& ids) const {
  const Shard& shard = shards_[ShardOf(word)];
  MutexLock lock(shard.mutex);
  const auto it = shard.words.find(word);
  if (it == shard.words.end()) return false;
  ids.insert(ids.end(), it->second.begin(), it->second.end());
  return true;
}

void WordCache::Put(std::string_view word, const std::vector<int32_t>& ids, size_t from) {
  Shard& shard = shards_[ShardOf(word)];
  MutexLock lock(shard.mutex);
  if (shard.words.size() >= kShardWordsMax) shard.words.clear();
  shard.words.emplace(
      std::string(word),
      std::vector<int32_t>(ids.begin() + static_cast<std::ptrdiff_t>(from), ids.end()));
}

}  // namespace koeval::tokenizer
