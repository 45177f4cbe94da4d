// Matching over PCRE2.
#define PCRE2_CODE_UNIT_WIDTH 8
#include "common/evaluation/python_regex.h"

#include <fmt/core.h>
#include <pcre2.h>

#include <array>
#include <utility>

namespace koeval::evaluation {
namespace {

constexpr size_t kPatternBytesMax = 16 << 10;
constexpr uint32_t kStepsMax = 10'000'000;
constexpr uint32_t kHeapKibMax = 256 << 10;
// ALT_CIRCUMFLEX: with (?m) "^" also matches behind the newline that ends a text.
constexpr uint32_t kOptions =
    PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_ALT_CIRCUMFLEX;

std::string ErrorText(int code) {
  std::array<PCRE2_UCHAR, 256> buffer;
  const int length = pcre2_get_error_message(code, buffer.data(), buffer.size());
  if (length < 0) return "unknown error";
  return std::string(reinterpret_cast<const char*>(buffer.data()), static_cast<size_t>(length));
}

PCRE2_SPTR AsUnits(std::string_view text) {
  return reinterpret_cast<PCRE2_SPTR>(text.data());
}

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* value) const {
    Free(value);
  }
};
using CompileContext = std::unique_ptr<pcre2_compile_context, Freer<pcre2_compile_context_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, Freer<pcre2_match_context_free>>;
using MatchData = std::unique_ptr<pcre2_match_data, Freer<pcre2_match_data_free>>;

}  // namespace

struct PythonRegex::Code {
  std::unique_ptr<pcre2_code, Freer<pcre2_code_free>> compiled;
  size_t groups = 0;
};

// Byte ranges of a match and of its groups; npos for a group that took no part.
struct PythonRegex::Match {
  size_t begin = 0;
  size_t end = 0;
  std::vector<std::pair<size_t, size_t>> groups;
};

Result<PythonRegex> PythonRegex::Compile(std::string_view pattern) {
  if (pattern.size() > kPatternBytesMax) {
    return InvalidArgument(fmt::format("the pattern is longer than {} bytes", kPatternBytesMax));
  }
  ASSIGN_OR_RETURN(const std::string translated, TranslatePythonPattern(pattern));
  const CompileContext context(pcre2_compile_context_create(nullptr));
  if (context == nullptr) return ResourceExhausted("out of memory");
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int code = 0;
  PCRE2_SIZE offset = 0;
  auto out = std::make_shared<Code>();
  out->compiled.reset(pcre2_compile(AsUnits(translated), translated.size(), kOptions, &code,
                                    &offset, context.get()));
  if (out->compiled == nullptr) {
    return InvalidArgument(fmt::format("the pattern cannot be read: {}", ErrorText(code)));
  }
  uint32_t groups = 0;
  pcre2_pattern_info(out->compiled.get(), PCRE2_INFO_CAPTURECOUNT, &groups);
  out->groups = groups;
  return PythonRegex(std::move(out));
}

Result<std::vector<PythonRegex::Match>> PythonRegex::Scan(std::string_view text) const {
  const MatchContext context(pcre2_match_context_create(nullptr));
  const MatchData data(pcre2_match_data_create_from_pattern(code_->compiled.get(), nullptr));
  if (context == nullptr || data == nullptr) return ResourceExhausted("out of memory");
  pcre2_set_match_limit(context.get(), kStepsMax);
  pcre2_set_heap_limit(context.get(), kHeapKibMax);
  std::vector<Match> out;
  size_t at = 0;
  // After an empty match Python looks for a match at the same place that is not empty.
  uint32_t options = 0;
  while (at <= text.size()) {
    const int found = pcre2_match(code_->compiled.get(), AsUnits(text), text.size(), at, options,
                                  data.get(), context.get());
    if (found == PCRE2_ERROR_NOMATCH) break;
    if (found < 0) {
      return ResourceExhausted("a match of the pattern takes too long: " + ErrorText(found));
    }
    const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(data.get());
    Match& match = out.emplace_back();
    match.begin = ends[0];
    match.end = ends[1];
    for (size_t group = 1; group <= code_->groups; ++group) {
      match.groups.emplace_back(ends[2 * group], ends[2 * group + 1]);
    }
    options = match.begin == match.end ? PCRE2_NOTEMPTY_ATSTART : 0;
    at = match.end;
  }
  return out;
}

Result<std::vector<std::vector<std::string>>> PythonRegex::FindAll(std::string_view text) const {
  ASSIGN_OR_RETURN(const std::vector<Match> matches, Scan(text));
  std::vector<std::vector<std::string>> out;
  for (const Match& match : matches) {
    std::vector<std::string>& groups = out.emplace_back();
    if (match.groups.empty()) {
      groups.emplace_back(text.substr(match.begin, match.end - match.begin));
    }
    for (const auto& [begin, end] : match.groups) {
      groups.emplace_back(begin == PCRE2_UNSET ? "" : text.substr(begin, end - begin));
    }
  }
  return out;
}

Result<std::string> PythonRegex::Replace(std::string_view text, std::string_view with) const {
  ASSIGN_OR_RETURN(const std::vector<Match> matches, Scan(text));
  std::string out;
  size_t copied = 0;
  for (const Match& match : matches) {
    out += text.substr(copied, match.begin - copied);
    out += with;
    copied = match.end;
  }
  out += text.substr(copied);
  return out;
}

}  // namespace koeval::evaluation
