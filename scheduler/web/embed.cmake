# Writes OUT, a C++ source that holds the files ASSETS ("a.css;b.js") of the folder FROM as bytes.
#   cmake -DOUT=... -DFROM=... -DASSETS=... -P embed.cmake
set(types_css "text/css; charset=utf-8")
set(types_js "text/javascript; charset=utf-8")
set(types_svg "image/svg+xml")
set(types_md "text/markdown; charset=utf-8")
set(types_html "text/html; charset=utf-8")
set(types_json "application/json; charset=utf-8")

set(arrays "")
set(entries "")
set(number 0)
foreach(name IN LISTS ASSETS)
  file(READ "${FROM}/${name}" hex HEX)
  file(SHA256 "${FROM}/${name}" digest)
  string(SUBSTRING "${digest}" 0 16 digest)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "^.*\\." "" suffix "${name}")
  string(APPEND arrays "constexpr unsigned char kBytes${number}[] = {${bytes}0};\n")
  string(APPEND entries
    "    {\"${name}\", \"${types_${suffix}}\", View(kBytes${number}, sizeof kBytes${number} - 1), \"${digest}\"},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE "${OUT}" "// The files of scheduler/web/assets; made by embed.cmake.
#include <array>
#include <span>

#include \"scheduler/web/assets.h\"

namespace koeval::web {
namespace {

${arrays}
std::string_view View(const unsigned char* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

std::span<const Asset> AllAssets() {
  static const std::array<Asset, ${number}> assets = {{
${entries}  }};
  return assets;
}

}  // namespace koeval::web
")
