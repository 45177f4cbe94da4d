// SHA-256, whole or piece by piece.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace koeval {

// 64 lower-case hexadecimal digits.
std::string Sha256Hex(std::string_view bytes);

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Add(std::string_view bytes);
  // Adds `value` as 8 little-endian bytes.
  void AddInt(int64_t value);
  // The digest of all that was added; nothing may be added afterwards.
  std::string FinishHex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace koeval
