// Logging over spdlog: one line per event to stderr, which journald collects.
//
// Levels by who must act: error = the daemon stops or data is at risk; warning = an operator should
// look; info = rare, a state changed; debug = for people who change the code.
// Never logged: tokens, document texts, prompts.
#pragma once

#include <spdlog/spdlog.h>

#include <string>
#include <string_view>

#include "common/base/status.h"

namespace koeval {

// Sets up the process-wide logger on stderr. `level` is debug, info, warning or error;
// INVALID_ARGUMENT for anything else. Call once, before threads start.
Status InitLog(std::string_view program, std::string_view level);

// `text` made safe for one log line: control characters, line ends, direction marks and bytes that
// are no UTF-8 are written as \xNN; cut at about 2,000 bytes, between characters.
std::string LogSafe(std::string_view text);

}  // namespace koeval
