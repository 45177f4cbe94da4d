// The process-wide logger.
#include "common/base/log.h"

#include <fmt/core.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <memory>

#include "common/base/utf8.h"

namespace koeval {
namespace {

constexpr size_t kLogTextBytesMax = 2000;

// Ends a line, steers a terminal, or changes the order in which text is shown.
bool IsUnsafe(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 ||
         (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

}  // namespace

Status InitLog(std::string_view program, std::string_view level) {
  struct Level {
    std::string_view name;
    spdlog::level::level_enum value;
  };
  static constexpr std::array<Level, 4> kLevels = {{{"debug", spdlog::level::debug},
                                                    {"info", spdlog::level::info},
                                                    {"warning", spdlog::level::warn},
                                                    {"error", spdlog::level::err}}};
  for (const Level& known : kLevels) {
    if (known.name != level) continue;
    auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    auto logger = std::make_shared<spdlog::logger>(std::string(program), std::move(sink));
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %n %l %v", spdlog::pattern_time_type::utc);
    logger->set_level(known.value);
    logger->flush_on(spdlog::level::debug);
    spdlog::set_default_logger(std::move(logger));
    return OkStatus();
  }
  return InvalidArgument(
      fmt::format("log level \"{}\" is unknown; use debug, info, warning or error", level));
}

std::string LogSafe(std::string_view text) {
  std::string out;
  size_t at = 0;
  while (at < text.size() && at < kLogTextBytesMax) {
    const size_t start = at;
    const char32_t c = DecodeUtf8(text, at);
    const std::string_view bytes = text.substr(start, at - start);
    const bool well_formed = bytes.size() > 1 || c < 0x80;
    if (well_formed && !IsUnsafe(c)) {
      out += bytes;
      continue;
    }
    for (const char byte : bytes) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
    }
  }
  if (at < text.size()) out += "...";
  return out;
}

}  // namespace koeval
