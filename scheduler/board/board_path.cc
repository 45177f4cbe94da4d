// Paths of requests and results.
#include "scheduler/board/board_path.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "common/base/utf8.h"

namespace koeval::board {
namespace {

constexpr int64_t kMicros = 1'000'000;
constexpr int64_t kDaySeconds = 86'400;

// Days from 1970-01-01 to a date of the Gregorian calendar.
int64_t DaysSinceEpoch(int64_t year, int64_t month, int64_t day) {
  const int64_t y = month <= 2 ? year - 1 : year;
  const int64_t era = (y >= 0 ? y : y - 399) / 400;
  const int64_t year_of_era = y - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

// Reads numbers of fixed width from the front of a text.
class Digits {
 public:
  explicit Digits(std::string_view text) : rest_(text) {}
  // Exactly `width` digits, or fails.
  int64_t Take(size_t width) {
    if (rest_.size() < width) return Fail();
    int64_t value = 0;
    for (const char c : rest_.substr(0, width)) {
      if (c < '0' || c > '9') return Fail();
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(width);
    return value;
  }
  // One character of `allowed`, or fails.
  void Skip(std::string_view allowed) {
    if (rest_.empty() || allowed.find(rest_.front()) == std::string_view::npos) {
      Fail();
    } else {
      rest_.remove_prefix(1);
    }
  }
  // Microseconds behind a dot, where there is one.
  int64_t Fraction() {
    if (rest_.empty() || rest_.front() != '.') return 0;
    rest_.remove_prefix(1);
    int64_t value = 0;
    int64_t scale = kMicros / 10;
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
      value += (rest_.front() - '0') * scale;
      scale /= 10;
      rest_.remove_prefix(1);
    }
    return value;
  }
  bool ok() const { return ok_; }
  std::string_view rest() const { return rest_; }

 private:
  int64_t Fail() {
    ok_ = false;
    return 0;
  }
  std::string_view rest_;
  bool ok_ = true;
};

struct Moment {
  std::array<int64_t, 3> date{};
  std::array<int64_t, 3> time{};
  int64_t micros = 0;
};

std::optional<WallTime> ToWall(const Moment& m) {
  const bool valid = m.date[0] >= 1970 && m.date[1] >= 1 && m.date[1] <= 12 && m.date[2] >= 1 &&
                     m.date[2] <= 31 && m.time[0] <= 23 && m.time[1] <= 59 && m.time[2] <= 60;
  if (!valid) return std::nullopt;
  const int64_t seconds = DaysSinceEpoch(m.date[0], m.date[1], m.date[2]) * kDaySeconds +
                          m.time[0] * 3600 + m.time[1] * 60 + m.time[2];
  return WallTime{seconds * kMicros + m.micros};
}

// "2024-01-02T03:04:05[.123456]" with any of `between` between the parts of the time.
std::optional<WallTime> ParseDashed(std::string_view text, std::string_view between,
                                    std::string_view* rest) {
  Digits digits(text);
  Moment m;
  m.date[0] = digits.Take(4);
  digits.Skip("-");
  m.date[1] = digits.Take(2);
  digits.Skip("-");
  m.date[2] = digits.Take(2);
  digits.Skip("T ");
  m.time[0] = digits.Take(2);
  digits.Skip(between);
  m.time[1] = digits.Take(2);
  digits.Skip(between);
  m.time[2] = digits.Take(2);
  m.micros = digits.Fraction();
  *rest = digits.rest();
  return digits.ok() ? ToWall(m) : std::nullopt;
}

// "20240102_030405".
std::optional<WallTime> ParseCompact(std::string_view text) {
  Digits digits(text);
  Moment m;
  m.date = {digits.Take(4), digits.Take(2), digits.Take(2)};
  digits.Skip("_");
  m.time = {digits.Take(2), digits.Take(2), digits.Take(2)};
  return digits.ok() ? ToWall(m) : std::nullopt;
}

}  // namespace

std::string_view FileKindName(FileKind kind) {
  return kind == FileKind::kRequests ? "requests" : "results";
}

Status CheckBoardPath(std::string_view path) {
  constexpr std::string_view kEnd = ".json";
  if (path.size() > kPathBytesMax) {
    return InvalidArgument(
        fmt::format("the path is longer than {} bytes; shorten it", kPathBytesMax));
  }
  const bool control = std::any_of(path.begin(), path.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\';
  });
  if (control || !IsValidUtf8(path)) {
    return InvalidArgument(
        "the path holds control characters, backslashes or invalid UTF-8; rename the file");
  }
  if (!path.ends_with(kEnd))
    return InvalidArgument("the path does not end in .json; rename the file");
  size_t names = 0;
  for (size_t start = 0; start <= path.size();) {
    const size_t end = std::min(path.find('/', start), path.size());
    const std::string_view name = path.substr(start, end - start);
    if (name.empty() || name.front() == '.') {
      return InvalidArgument(
          "the path must be relative, without empty names and names that start with a dot");
    }
    if (++names > kPathFoldersMax) {
      return InvalidArgument(fmt::format("the path has more than {} parts", kPathFoldersMax));
    }
    start = end + 1;
  }
  return OkStatus();
}

std::string PublicModelName(const std::string& model) {
  if (model.empty() || model.front() != '/') return model;
  const size_t end = model.find_last_not_of('/');
  if (end == std::string::npos) return "local/root";
  const size_t start = model.find_last_of('/', end);
  std::string name = model.substr(start + 1, end - start);
  for (char& c : name) {
    if (c == '\\') c = '_';
  }
  if (name.front() == '.') name.insert(0, "_");
  return "local/" + name;
}

std::string RequestPath(const std::string& model, bool is_private, const std::string& precision,
                        const std::string& weight_type) {
  return fmt::format("{}_eval_request_{}_{}_{}.json", model, is_private ? "True" : "False",
                     precision, weight_type);
}

std::string ResultPath(const std::string& model, WallTime finished_at) {
  std::string stamp = FormatUtc(finished_at);
  std::replace(stamp.begin(), stamp.end(), 'T', ' ');
  stamp.pop_back();  // the Z
  return fmt::format("{}/result_{}.json", model, stamp);
}

std::optional<WallTime> ParseIsoTime(std::string_view text) {
  std::string_view rest;
  const auto time = ParseDashed(text, ":", &rest);
  return rest.empty() || rest == "Z" || rest == "+00:00" ? time : std::nullopt;
}

std::optional<WallTime> TimeOfName(std::string_view path) {
  const size_t slash = path.rfind('/');
  std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  for (const std::string_view start : {"results_", "result_"}) {
    if (!name.starts_with(start)) continue;
    name.remove_prefix(start.size());
    std::string_view rest;
    if (const auto time = ParseDashed(name, "-:", &rest)) return time;
    return ParseCompact(name);
  }
  return std::nullopt;
}

}  // namespace koeval::board
