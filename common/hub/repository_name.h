// What names of repositories, revisions and files may be: they become parts of URLs and of paths.
#pragma once

#include <string>
#include <string_view>

#include "common/base/status.h"

namespace koeval::hub {

enum class RepositoryKind { kModel, kDataset };

// "model" or "dataset".
std::string_view KindName(RepositoryKind kind);

// INVALID_ARGUMENT unless `id` is NAME or ORG/NAME as the Hugging Face Hub allows them: at most 96
// bytes; letters, digits, '-', '_' and '.'; no part begins or ends with '-' or '.'; no "--", no
// "..", no ".git" at the end.
Status CheckRepositoryId(std::string_view id);
// INVALID_ARGUMENT unless `revision` can be a branch, a tag, a commit or refs/pr/N: at most 256
// bytes; letters, digits and "._-/+@"; no "..", no empty part, no part that begins with '.' or '-'.
Status CheckRevision(std::string_view revision);
// 40 lower-case hexadecimal digits: a revision that never means something else.
bool IsCommit(std::string_view revision);
// INVALID_ARGUMENT unless `path` leads to a file below the root: relative, at most 1024 bytes of
// UTF-8 with '/' between parts; no empty part, no "." or "..", no backslash, no control characters.
Status CheckFilePath(std::string_view path);

}  // namespace koeval::hub
