// Numbers, times and names as the pages write them.
#include "scheduler/web/format.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "common/base/clock.h"

namespace koeval::web {
namespace {

constexpr const char* kNothing = "–";
constexpr size_t kCommitChars = 40;
constexpr size_t kShortCommitChars = 12;
constexpr int64_t kSecondMs = 1'000;
constexpr int64_t kMinuteMs = 60 * kSecondMs;
constexpr int64_t kHourMs = 60 * kMinuteMs;
constexpr int64_t kDayMs = 24 * kHourMs;

}  // namespace

std::string Percent(double share) {
  return std::isfinite(share) ? fmt::format("{:.2f}", share * 100) : kNothing;
}

std::string PlusMinus(const std::optional<double>& share) {
  return share && std::isfinite(*share) ? fmt::format("± {:.2f}", *share * 100) : "";
}

std::string ParameterText(int64_t parameters) {
  const auto count = static_cast<double>(parameters);
  if (parameters <= 0) return kNothing;
  if (parameters >= 1'000'000'000) return fmt::format("{:.2f}B", count / 1e9);
  if (parameters >= 1'000'000) return fmt::format("{:.0f}M", count / 1e6);
  return fmt::format("{}", parameters);
}

Markup TimeElement(int64_t micros) {
  if (micros == 0) return {kNothing};
  const std::string utc = FormatUtc({micros});
  const std::string day = utc.substr(0, std::min<size_t>(utc.size(), 10));
  const std::string minute = utc.size() >= 16 ? utc.substr(11, 5) : "";
  Html html;
  html.Add(R"(<time datetime="{}">{} {} UTC</time>)", utc, day, minute);
  return html.Take();
}

std::string DurationText(int64_t ms, Language language) {
  if (language == Language::kEnglish) return FormatDuration(ms);
  if (ms < kMinuteMs) return fmt::format("{}초", std::max<int64_t>(1, ms / kSecondMs));
  if (ms < kHourMs) {
    return fmt::format("{}분 {}초", ms / kMinuteMs, ms % kMinuteMs / kSecondMs);
  }
  if (ms < kDayMs) return fmt::format("{}시간 {}분", ms / kHourMs, ms % kHourMs / kMinuteMs);
  return fmt::format("{}일 {}시간", ms / kDayMs, ms % kDayMs / kHourMs);
}

std::string FillIn(std::string_view text, std::initializer_list<int64_t> values) {
  std::string out(text);
  size_t from = 0;
  for (const int64_t value : values) {
    const size_t hole = out.find("{}", from);
    if (hole == std::string::npos) break;
    const std::string digits = fmt::format("{}", value);
    out.replace(hole, 2, digits);
    from = hole + digits.size();
  }
  return out;
}

std::string ShortRevision(const std::string& revision) {
  const bool hex = std::all_of(revision.begin(), revision.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
  return hex && revision.size() == kCommitChars ? revision.substr(0, kShortCommitChars) : revision;
}

}  // namespace koeval::web
