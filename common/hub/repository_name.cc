// The rules for names, checked by hand: no regular expression decides about paths.
#include "common/hub/repository_name.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/base/utf8.h"

namespace koeval::hub {
namespace {

constexpr size_t kIdBytesMax = 96;
constexpr size_t kRevisionBytesMax = 256;
constexpr size_t kPathBytesMax = 1024;
constexpr size_t kPartBytesMax = 255;  // of a file name on the usual file systems
constexpr size_t kCommitDigits = 40;

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool ConsistsOf(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return IsAlphanumeric(c) || others.find(c) != std::string_view::npos;
  });
}

// For messages: hostile names are shown without what a terminal would obey.
std::string Shown(std::string_view text) {
  constexpr size_t kShown = 100;
  std::string out;
  for (char c : text.substr(0, kShown)) out += c >= ' ' && c <= '~' ? c : '?';
  return text.size() > kShown ? out + "..." : out;
}

// Calls `check` for each part between slashes until one gives false.
template <typename Check>
bool AllParts(std::string_view text, const Check& check) {
  for (size_t at = 0; at <= text.size();) {
    const size_t slash = std::min(text.find('/', at), text.size());
    if (!check(text.substr(at, slash - at))) return false;
    at = slash + 1;
  }
  return true;
}

bool IsIdPart(std::string_view part) {
  if (part.empty() || !ConsistsOf(part, "-_.")) return false;
  const auto is_edge = [](char c) { return c == '-' || c == '.'; };
  return !is_edge(part.front()) && !is_edge(part.back());
}

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

}  // namespace

std::string_view KindName(RepositoryKind kind) {
  return kind == RepositoryKind::kModel ? "model" : "dataset";
}

Status CheckRepositoryId(std::string_view id) {
  const bool sound = id.size() <= kIdBytesMax && std::count(id.begin(), id.end(), '/') <= 1 &&
                     AllParts(id, IsIdPart) && id.find("--") == std::string_view::npos &&
                     id.find("..") == std::string_view::npos && !id.ends_with(".git");
  if (sound) return OkStatus();
  return InvalidArgument(
      fmt::format("\"{}\" is no name of a repository; write ORG/NAME with letters, digits, '-', "
                  "'_' and '.', at most {} characters",
                  Shown(id), kIdBytesMax));
}

Status CheckRevision(std::string_view revision) {
  const auto is_part = [](std::string_view part) {
    return !part.empty() && part.front() != '.' && part.front() != '-';
  };
  const bool sound = revision.size() <= kRevisionBytesMax && ConsistsOf(revision, "._-/+@") &&
                     AllParts(revision, is_part) && revision.find("..") == std::string_view::npos;
  if (sound) return OkStatus();
  return InvalidArgument(fmt::format(
      "\"{}\" is no revision; name a branch, a tag, a commit or refs/pr/N", Shown(revision)));
}

bool IsCommit(std::string_view revision) {
  return revision.size() == kCommitDigits &&
         std::all_of(revision.begin(), revision.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Status CheckFilePath(std::string_view path) {
  const auto is_part = [](std::string_view part) {
    return !part.empty() && part != "." && part != ".." && part.size() <= kPartBytesMax;
  };
  const bool sound = path.size() <= kPathBytesMax && IsValidUtf8(path) && !HasControl(path) &&
                     path.find('\\') == std::string_view::npos && AllParts(path, is_part);
  if (sound) return OkStatus();
  return InvalidArgument(fmt::format(
      "\"{}\" is no path of a file in a repository; it must be relative and stay below the root",
      Shown(path)));
}

}  // namespace koeval::hub
