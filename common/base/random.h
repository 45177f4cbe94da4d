// Fresh randomness of the operating system, for ids and jitter; injected where behaviour depends on
// it.
#pragma once

#include <cstdint>
#include <string>

namespace koeval {

// `bytes` random bytes as lower-case hexadecimal.
std::string RandomHex(size_t bytes);
uint64_t RandomSeed();

}  // namespace koeval
