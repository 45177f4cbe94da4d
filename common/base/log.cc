// The process-wide logger.
#include "common/base/log.h"

#include <fmt/core.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <memory>

namespace koeval {
namespace {

constexpr size_t kLogTextBytesMax = 2000;

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
  for (const char c : text.substr(0, kLogTextBytesMax)) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  if (text.size() > kLogTextBytesMax) out += "...";
  return out;
}

}  // namespace koeval
