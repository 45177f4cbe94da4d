// The files of this folder that a browser fetches, compiled in.
#pragma once

#include <string>
#include <string_view>

namespace koeval::web {

struct Asset {
  std::string_view name;          // "style.css"
  std::string_view content_type;  // "text/css; charset=utf-8"
  std::string_view bytes;
  std::string_view digest;  // the first 16 digits of their SHA-256
};

// By its name; aborts for a name that is not compiled in.
const Asset& FindAsset(std::string_view name);
// "/assets/style.DIGEST.css": changes with the bytes, so that it may be cached for ever.
std::string AssetUrl(std::string_view name);
// The asset of such a URL; nullptr for another digest or an unknown name.
const Asset* AssetOfUrl(std::string_view path);

}  // namespace koeval::web
