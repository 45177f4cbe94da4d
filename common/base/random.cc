// Randomness of getrandom(2).
#include "common/base/random.h"

#include <sys/random.h>

#include <vector>

#include "common/base/check.h"

namespace koeval {

std::string RandomHex(size_t bytes) {
  std::vector<unsigned char> raw(bytes);
  KOEVAL_CHECK(getrandom(raw.data(), raw.size(), 0) == static_cast<ssize_t>(raw.size()),
               "getrandom");
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (unsigned char byte : raw) {
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

uint64_t RandomSeed() {
  uint64_t seed = 0;
  KOEVAL_CHECK(getrandom(&seed, sizeof seed, 0) == sizeof seed, "getrandom");
  return seed;
}

}  // namespace koeval
