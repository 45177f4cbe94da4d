// Seeded strings for differential tests, the same ones as tests/golden/generated_strings.py makes.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"

namespace koeval::tokenizer {

// SplitMix64 (Steele, Lea and Flood, 2014). A choice among n is the next number modulo n.
class SplitMix64 {
 public:
  explicit SplitMix64(uint64_t seed) : state_(seed) {}
  uint64_t Next();
  uint64_t Below(uint64_t n) { return Next() % n; }

 private:
  uint64_t state_;
};

class StringGenerator {
 public:
  // Reads the material, tests/golden/tokenizers/strings.json.
  static Result<StringGenerator> Read(uint64_t seed);

  // String `index` of the seed: words, sentences, hostile pieces, code points, runs and mixtures.
  std::string String(uint64_t index) const;
  // Every code point of a block of 256, once between letters and once before a digit.
  static std::string Sweep(uint64_t block);
  // 1 to 12 ids below `count`.
  std::vector<int32_t> Ids(uint64_t index, uint64_t count) const;

 private:
  using Texts = std::vector<std::string>;
  StringGenerator() = default;
  SplitMix64 Random(uint64_t index) const;
  static const std::string& Pick(SplitMix64& random, const Texts& texts);
  std::string CodePoint(SplitMix64& random) const;
  std::string Run(SplitMix64& random, uint64_t most) const;
  std::string Piece(SplitMix64& random) const;

  uint64_t seed_ = 0;
  Texts sentences_, hostile_, tokens_, separators_, words_;
  std::vector<std::pair<uint32_t, uint32_t>> ranges_;  // of code points, first and last
};

}  // namespace koeval::tokenizer
