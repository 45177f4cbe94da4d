// The eight kinds of strings; every change here needs the same one in generated_strings.py.
#include "tests/common/tokenizer/generated_strings.h"

#include "common/base/file.h"
#include "common/base/json.h"
#include "common/base/utf8.h"
#include "tests/common/tokenizer/vectors.h"

namespace koeval::tokenizer {

uint64_t SplitMix64::Next() {
  state_ += 0x9e3779b97f4a7c15ULL;
  uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

Result<StringGenerator> StringGenerator::Read(uint64_t seed) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(GoldenPath("strings.json")));
  ASSIGN_OR_RETURN(const Json material, ParseJson(bytes));
  StringGenerator out;
  out.seed_ = seed;
  out.sentences_ = material.at("sentences").get<Texts>();
  out.hostile_ = material.at("hostile").get<Texts>();
  out.tokens_ = material.at("tokens").get<Texts>();
  out.separators_ = material.at("separators").get<Texts>();
  out.ranges_ = material.at("ranges").get<std::vector<std::pair<uint32_t, uint32_t>>>();
  for (const std::string& sentence : out.sentences_) {
    size_t begin = 0;
    for (size_t at = sentence.find(' '); at != std::string::npos; at = sentence.find(' ', begin)) {
      out.words_.push_back(sentence.substr(begin, at - begin));
      begin = at + 1;
    }
    out.words_.push_back(sentence.substr(begin));
  }
  return out;
}

SplitMix64 StringGenerator::Random(uint64_t index) const {
  return SplitMix64(seed_ + index * 0xd1342543de82ef95ULL);
}

const std::string& StringGenerator::Pick(SplitMix64& random, const Texts& texts) {
  return texts[random.Below(texts.size())];
}

std::string StringGenerator::String(uint64_t index) const {
  SplitMix64 random = Random(index);
  const uint64_t kind = random.Below(8);
  std::string out;
  const auto repeat = [&](uint64_t most, auto append) {
    for (uint64_t n = 1 + random.Below(most); n > 0; --n) append();
  };
  if (kind <= 1) {
    repeat(12, [&] {
      out += Pick(random, words_);
      out += Pick(random, separators_);
    });
  } else if (kind == 2) {
    repeat(3, [&] {
      out += Pick(random, sentences_);
      out += Pick(random, separators_);
    });
  } else if (kind <= 4) {
    repeat(8, [&] { out += Pick(random, hostile_); });
  } else if (kind == 5) {
    repeat(24, [&] { out += CodePoint(random); });
  } else if (kind == 6) {
    out = Run(random, 200);
  } else {
    repeat(10, [&] { out += Piece(random); });
  }
  return out;
}

std::string StringGenerator::Sweep(uint64_t block) {
  std::string out;
  for (auto c = static_cast<char32_t>(block * 256); c < (block + 1) * 256; ++c) {
    if (c >= 0xd800 && c <= 0xdfff) continue;
    out += 'a';
    AppendUtf8(out, c);
    out += "b ";
    AppendUtf8(out, c);
    out += '1';
  }
  return out;
}

std::vector<int32_t> StringGenerator::Ids(uint64_t index, uint64_t count) const {
  SplitMix64 random = Random(index);
  std::vector<int32_t> out(1 + random.Below(12));
  for (int32_t& id : out) id = static_cast<int32_t>(random.Below(count));
  return out;
}

std::string StringGenerator::CodePoint(SplitMix64& random) const {
  const auto [first, last] = ranges_[random.Below(ranges_.size())];
  std::string out;
  AppendUtf8(out, static_cast<char32_t>(first + random.Below(last - first + 1)));
  return out;
}

std::string StringGenerator::Run(SplitMix64& random, uint64_t most) const {
  const uint64_t kind = random.Below(4);
  const std::string text = kind == 0   ? Pick(random, hostile_)
                           : kind == 1 ? Pick(random, words_)
                                       : CodePoint(random);
  if (CountCodePoints(text) > 4) return text;
  std::string out;
  for (uint64_t n = 1 + random.Below(most); n > 0; --n) out += text;
  return out;
}

std::string StringGenerator::Piece(SplitMix64& random) const {
  switch (random.Below(5)) {
    case 0:
      return Pick(random, words_);
    case 1:
      return Pick(random, hostile_);
    case 2:
      return CodePoint(random);
    case 3:
      return Pick(random, tokens_);
    default:
      return Run(random, 20);
  }
}

}  // namespace koeval::tokenizer
