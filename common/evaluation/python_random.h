// CPython's random.Random, draw for draw.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace koeval::evaluation {

// The generator behind `random.Random(seed)` of CPython 3.2 and later (Lib/random.py,
// Modules/_randommodule.c): MT19937 seeded by init_by_array. A value; copies draw the same.
// Not thread-safe.
class PythonRandom {
 public:
  // random.Random(seed); the sign of `seed` does not matter, as in Python.
  explicit PythonRandom(int64_t seed);

  // getrandbits(32).
  uint32_t NextWord();
  // getrandbits(bits). REQUIRES: 0 <= bits <= 64.
  uint64_t GetRandBits(int bits);
  // random(): a double in [0, 1) of 53 bits.
  double Random();
  // _randbelow(n), which is randrange(n). REQUIRES: n > 0.
  uint64_t RandBelow(uint64_t n);

  // shuffle(items), in place.
  template <typename T>
  void Shuffle(std::vector<T>& items) {
    for (size_t i = items.size(); i-- > 1;) {
      const auto j = static_cast<size_t>(RandBelow(i + 1));
      std::swap(items[i], items[j]);
    }
  }

  // sample(range(population), count): indices in the order in which they were drawn.
  // REQUIRES: count <= population.
  std::vector<size_t> Sample(size_t population, size_t count);
  // choices(range(population), k=count). REQUIRES: population > 0.
  std::vector<size_t> Choices(size_t population, size_t count);

 private:
  static constexpr size_t kWords = 624;

  void SeedWithWord(uint32_t seed);
  void SeedWithKey(const std::vector<uint32_t>& key);
  void Refill();

  std::array<uint32_t, kWords> words_{};
  size_t next_ = kWords;
};

}  // namespace koeval::evaluation
