// Over OpenSSL's EVP interface.
#include "common/hub/digest.h"

#include <fmt/core.h>
#include <openssl/evp.h>

#include <array>

#include "common/base/check.h"

namespace koeval::hub {

struct FileDigest::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

FileDigest::FileDigest(bool is_lfs, int64_t size) : state_(std::make_unique<State>()) {
  const EVP_MD* kind = is_lfs ? EVP_sha256() : EVP_sha1();
  KOEVAL_CHECK(EVP_DigestInit_ex(state_->context, kind, nullptr) == 1, "a digest");
  if (is_lfs) return;
  const std::string head = fmt::format("blob {}", size);
  Add({head.c_str(), head.size() + 1});
}

FileDigest::~FileDigest() = default;

void FileDigest::Add(std::string_view bytes) {
  KOEVAL_CHECK(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1, "a digest");
}

std::string FileDigest::FinishHex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  KOEVAL_CHECK(EVP_DigestFinal_ex(state_->context, digest.data(), &length) == 1, "a digest");
  std::string out;
  for (unsigned int i = 0; i < length; ++i) out += fmt::format("{:02x}", digest[i]);
  return out;
}

std::string DigestOf(bool is_lfs, std::string_view bytes) {
  FileDigest digest(is_lfs, static_cast<int64_t>(bytes.size()));
  digest.Add(bytes);
  return digest.FinishHex();
}

Status CheckBytes(const RepositoryFile& file, std::string_view bytes, std::string_view where) {
  if (bytes.size() != static_cast<size_t>(file.size)) {
    return DataLoss(fmt::format("{}: {} has {} bytes, the repository says {}", where, file.path,
                                bytes.size(), file.size));
  }
  const std::string found = DigestOf(file.is_lfs, bytes);
  if (file.digest.empty() || found == file.digest) return OkStatus();
  return DataLoss(fmt::format("{}: {} has digest {}, the repository says {}", where, file.path,
                              found, file.digest));
}

}  // namespace koeval::hub
