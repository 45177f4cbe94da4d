// SHA-256 over OpenSSL's EVP interface.
#include "common/base/sha256.h"

#include <openssl/evp.h>

#include <array>

#include "common/base/check.h"

namespace koeval {

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  bool finished = false;  // OpenSSL itself would go on
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  KOEVAL_CHECK(EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1, "no SHA-256");
}

Sha256::~Sha256() = default;

void Sha256::Add(std::string_view bytes) {
  KOEVAL_CHECK(!state_->finished, "nothing is added to a finished SHA-256");
  KOEVAL_CHECK(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1, "SHA-256");
}

void Sha256::AddInt(int64_t value) {
  std::array<char, 8> bytes{};
  auto rest = static_cast<uint64_t>(value);
  for (char& byte : bytes) {
    byte = static_cast<char>(rest & 0xff);
    rest >>= 8;
  }
  Add({bytes.data(), bytes.size()});
}

std::string Sha256::FinishHex() {
  KOEVAL_CHECK(!state_->finished, "a SHA-256 is finished once");
  state_->finished = true;
  std::array<unsigned char, 32> digest{};
  unsigned int length = 0;
  KOEVAL_CHECK(EVP_DigestFinal_ex(state_->context, digest.data(), &length) == 1, "SHA-256");
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (unsigned char byte : digest) {
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

std::string Sha256Hex(std::string_view bytes) {
  Sha256 hash;
  hash.Add(bytes);
  return hash.FinishHex();
}

}  // namespace koeval
