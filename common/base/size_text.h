// Amounts of memory for people.
#pragma once

#include <cstdint>
#include <string>

namespace koeval {

// "78.0 GiB", up to TiB; whole bytes below 1024. Any thread.
std::string SizeText(int64_t bytes);

}  // namespace koeval
