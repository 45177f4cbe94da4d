// Names of folders.
#include "common/hub/cache_layout.h"

namespace koeval::hub {
namespace {

std::string Prefix(RepositoryKind kind) {
  return kind == RepositoryKind::kModel ? "models--" : "datasets--";
}

}  // namespace

std::string CacheLayout::FolderName(RepositoryKind kind, const std::string& id) {
  std::string out = Prefix(kind);
  for (char c : id) out += c == '/' ? std::string("--") : std::string(1, c);
  return out;
}

bool CacheLayout::IsFolderName(std::string_view name) {
  return (name.starts_with(Prefix(RepositoryKind::kModel)) ||
          name.starts_with(Prefix(RepositoryKind::kDataset))) &&
         name.find('/') == std::string_view::npos;
}

}  // namespace koeval::hub
