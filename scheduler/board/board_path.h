// Paths of the files in the leaderboard's datasets `requests` and `results`.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/status.h"

namespace koeval::board {

enum class FileKind { kRequests, kResults };
// "requests", "results".
std::string_view FileKindName(FileKind kind);

inline constexpr size_t kPathBytesMax = 512;
inline constexpr size_t kPathFoldersMax = 8;
inline constexpr size_t kFileBytesMax = size_t{8} << 20;

// Whether a file of this path may be taken in or written below a folder: relative, "/" between at
// most kPathFoldersMax names, none of them empty or starting with a dot, valid UTF-8 without
// control characters or backslashes, ending in .json. INVALID_ARGUMENT names the rule.
Status CheckBoardPath(std::string_view path);

// "org/name" of a hub as it is; of a local directory "local/<its name>", without the folders above
// it, which are nobody's business.
std::string PublicModelName(const std::string& model);

// <org>/<model>_eval_request_<False|True>_<precision>_<weight_type>.json. `model` as
// PublicModelName gives it.
std::string RequestPath(const std::string& model, bool is_private, const std::string& precision,
                        const std::string& weight_type);
// <org>/<model>/result_YYYY-MM-DD HH:MM:SS.json, UTC.
std::string ResultPath(const std::string& model, WallTime finished_at);

// The time in a result file's name: result_2024-01-02 03:04:05.json, results_2024-01-02T03-04-05
// .123456.json (":" too), results_20240102_030405.json. Nothing where there is none.
std::optional<WallTime> TimeOfName(std::string_view path);
// "2024-01-02T03:04:05", with or without ".123456", "Z" or a blank for the T. UTC.
std::optional<WallTime> ParseIsoTime(std::string_view text);

}  // namespace koeval::board
