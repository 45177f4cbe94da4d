// Sharded tables with open addressing over two stores, which are emptied when they are full: words
// repeat so much that no order of eviction pays.
#include "common/tokenizer/word_cache.h"

#include <cstring>

namespace koeval::tokenizer {
namespace {

// Multiplies and folds eight bytes at a time.
uint64_t HashOf(std::string_view word) {
  constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c15ULL;
  uint64_t hash = word.size() * kMultiplier;
  const auto mix = [&](uint64_t value) {
    hash = (hash ^ value) * kMultiplier;
    hash ^= hash >> 32;
  };
  while (word.size() >= sizeof(uint64_t)) {
    uint64_t value = 0;
    std::memcpy(&value, word.data(), sizeof(value));
    mix(value);
    word.remove_prefix(sizeof(value));
  }
  uint64_t rest = 0;
  std::memcpy(&rest, word.data(), word.size());
  mix(rest);
  return hash;
}

}  // namespace

size_t WordCache::Shard::SlotOf(std::string_view word, uint64_t hash) const {
  for (size_t at = hash & (kSlots - 1);; at = (at + 1) & (kSlots - 1)) {
    const Slot& slot = slots[at];
    const bool same = slot.hash == hash && slot.word_size == word.size() &&
                      std::memcmp(words.data() + slot.word_begin, word.data(), word.size()) == 0;
    if (slot.word_size == 0 || same) return at;
  }
}

bool WordCache::Find(std::string_view word, std::vector<int32_t>& ids) const {
  if (word.empty()) return false;
  const uint64_t hash = HashOf(word);
  const Shard& shard = shards_[hash >> 60];
  MutexLock lock(shard.mutex);
  if (shard.slots.empty()) return false;
  const Slot& slot = shard.slots[shard.SlotOf(word, hash)];
  if (slot.word_size == 0) return false;
  const int32_t* begin = shard.ids.data() + slot.ids_begin;
  ids.insert(ids.end(), begin, begin + slot.ids_size);
  return true;
}

void WordCache::Put(std::string_view word, const std::vector<int32_t>& ids, size_t from) {
  const size_t count = ids.size() - from;
  if (word.empty() || word.size() > kWordBytesMax || count > 4 * kWordBytesMax) return;
  const uint64_t hash = HashOf(word);
  Shard& shard = shards_[hash >> 60];
  MutexLock lock(shard.mutex);
  if (shard.slots.empty() || shard.count >= kShardWordsMax) {
    shard.slots.assign(kSlots, Slot());
    shard.words.clear();
    shard.ids.clear();
    shard.count = 0;
  }
  Slot& slot = shard.slots[shard.SlotOf(word, hash)];
  if (slot.word_size != 0) return;
  slot = {hash, static_cast<uint32_t>(shard.words.size()), static_cast<uint32_t>(shard.ids.size()),
          static_cast<uint16_t>(word.size()), static_cast<uint16_t>(count)};
  shard.words += word;
  shard.ids.insert(shard.ids.end(), ids.begin() + static_cast<std::ptrdiff_t>(from), ids.end());
  ++shard.count;
}

}  // namespace koeval::tokenizer
