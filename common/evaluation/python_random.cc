// MT19937 with CPython's seeding, and the draws that random.py builds on it.
#include "common/evaluation/python_random.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <unordered_set>

#include "common/base/check.h"

namespace koeval::evaluation {
namespace {

constexpr uint32_t kUpperMask = 0x80000000U;
constexpr uint32_t kLowerMask = 0x7fffffffU;
constexpr uint32_t kTwist = 0x9908b0dfU;
constexpr size_t kShift = 397;

// Up to this population random.py keeps a list of the pool; above it, a set of what was drawn.
size_t PoolMax(size_t count) {
  size_t size = 21;
  if (count > 5) {
    const double power = std::ceil(std::log(static_cast<double>(count * 3)) / std::log(4.0));
    size += size_t{1} << (2 * static_cast<size_t>(power));
  }
  return size;
}

}  // namespace

PythonRandom::PythonRandom(int64_t seed) {
  uint64_t rest = seed < 0 ? 0 - static_cast<uint64_t>(seed) : static_cast<uint64_t>(seed);
  std::vector<uint32_t> key;
  do {
    key.push_back(static_cast<uint32_t>(rest));
    rest >>= 32;
  } while (rest != 0);
  SeedWithKey(key);
}

void PythonRandom::SeedWithWord(uint32_t seed) {
  words_[0] = seed;
  for (uint32_t i = 1; i < kWords; ++i) {
    words_[i] = 1812433253U * (words_[i - 1] ^ (words_[i - 1] >> 30)) + i;
  }
  next_ = kWords;
}

void PythonRandom::SeedWithKey(const std::vector<uint32_t>& key) {
  SeedWithWord(19650218U);
  size_t i = 1;
  size_t j = 0;
  const auto step = [&](uint32_t factor) {
    return words_[i] ^ ((words_[i - 1] ^ (words_[i - 1] >> 30)) * factor);
  };
  const auto advance = [&] {
    if (++i >= kWords) {
      words_[0] = words_[kWords - 1];
      i = 1;
    }
  };
  for (size_t k = std::max(kWords, key.size()); k > 0; --k) {
    words_[i] = step(1664525U) + key[j] + static_cast<uint32_t>(j);
    advance();
    if (++j >= key.size()) j = 0;
  }
  for (size_t k = kWords - 1; k > 0; --k) {
    words_[i] = step(1566083941U) - static_cast<uint32_t>(i);
    advance();
  }
  words_[0] = kUpperMask;
}

void PythonRandom::Refill() {
  for (size_t i = 0; i < kWords; ++i) {
    const uint32_t y = (words_[i] & kUpperMask) | (words_[(i + 1) % kWords] & kLowerMask);
    words_[i] = words_[(i + kShift) % kWords] ^ (y >> 1) ^ ((y & 1U) != 0 ? kTwist : 0U);
  }
  next_ = 0;
}

uint32_t PythonRandom::NextWord() {
  if (next_ >= kWords) Refill();
  uint32_t y = words_[next_++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680U;
  y ^= (y << 15) & 0xefc60000U;
  return y ^ (y >> 18);
}

uint64_t PythonRandom::GetRandBits(int bits) {
  KOEVAL_CHECK(bits >= 0 && bits <= 64, "getrandbits takes 0 to 64 bits here");
  if (bits == 0) return 0;
  if (bits <= 32) return NextWord() >> (32 - bits);
  const uint64_t low = NextWord();
  return (uint64_t{NextWord() >> (64 - bits)} << 32) | low;
}

double PythonRandom::Random() {
  const uint32_t a = NextWord() >> 5;
  const uint32_t b = NextWord() >> 6;
  return (a * 67108864.0 + b) / 9007199254740992.0;
}

uint64_t PythonRandom::RandBelow(uint64_t n) {
  KOEVAL_CHECK(n > 0, "randbelow needs a positive bound");
  const int bits = static_cast<int>(std::bit_width(n));
  uint64_t drawn = GetRandBits(bits);
  while (drawn >= n) drawn = GetRandBits(bits);
  return drawn;
}

std::vector<size_t> PythonRandom::Sample(size_t population, size_t count) {
  KOEVAL_CHECK(count <= population, "a sample cannot be larger than its population");
  std::vector<size_t> out;
  out.reserve(count);
  if (population <= PoolMax(count)) {
    std::vector<size_t> pool(population);
    std::iota(pool.begin(), pool.end(), size_t{0});
    for (size_t i = 0; i < count; ++i) {
      const auto j = static_cast<size_t>(RandBelow(population - i));
      out.push_back(pool[j]);
      pool[j] = pool[population - i - 1];
    }
    return out;
  }
  std::unordered_set<size_t> seen;
  while (out.size() < count) {
    const auto j = static_cast<size_t>(RandBelow(population));
    if (seen.insert(j).second) out.push_back(j);
  }
  return out;
}

std::vector<size_t> PythonRandom::Choices(size_t population, size_t count) {
  KOEVAL_CHECK(population > 0, "choices needs a population");
  std::vector<size_t> out;
  out.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    out.push_back(static_cast<size_t>(std::floor(Random() * static_cast<double>(population))));
  }
  return out;
}

}  // namespace koeval::evaluation
