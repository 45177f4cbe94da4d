// Oniguruma behind Status: compilation, search with bounds, and the rule for empty matches.
#include "common/tokenizer/regex.h"

#include <fmt/core.h>
#include <oniguruma.h>

#include "common/tokenizer/unicode_class.h"
#include "common/tokenizer/unicode_late.h"

namespace koeval::tokenizer {
namespace {

constexpr size_t kPatternBytesMax = 64 * 1024;
constexpr unsigned long kRetriesMax = 50'000'000;  // backtracking steps of one search

const OnigUChar* Bytes(std::string_view text) {
  return reinterpret_cast<const OnigUChar*>(text.data());
}

struct ParamDeleter {
  void operator()(OnigMatchParam* param) const { onig_free_match_param(param); }
};
struct RegionDeleter {
  void operator()(OnigRegion* region) const { onig_region_free(region, 1); }
};

}  // namespace

struct Regex::Compiled {
  regex_t* regex = nullptr;
  std::string where;
  ~Compiled() {
    if (regex != nullptr) onig_free(regex);
  }
};

Regex::Regex(std::unique_ptr<Compiled> compiled) : compiled_(std::move(compiled)) {}
Regex::~Regex() = default;

Result<std::unique_ptr<Regex>> Regex::Compile(std::string_view pattern, std::string_view where) {
  ClassTable();  // starts Oniguruma
  if (pattern.size() > kPatternBytesMax) {
    return InvalidArgument(fmt::format("{}: a pattern of {} bytes is over the limit of {}", where,
                                       pattern.size(), kPatternBytesMax));
  }
  auto compiled = std::make_unique<Compiled>();
  compiled->where = where;
  OnigErrorInfo info;
  const int status = onig_new(&compiled->regex, Bytes(pattern), Bytes(pattern) + pattern.size(),
                              ONIG_OPTION_NONE, ONIG_ENCODING_UTF8, ONIG_SYNTAX_RUBY, &info);
  if (status != ONIG_NORMAL) {
    OnigUChar message[ONIG_MAX_ERROR_MESSAGE_LEN];
    const int length = onig_error_code_to_str(message, status, &info);
    compiled->regex = nullptr;
    return InvalidArgument(
        fmt::format("{}: the pattern does not compile: {}", where,
                    std::string_view(reinterpret_cast<char*>(message),
                                     static_cast<size_t>(length < 0 ? 0 : length))));
  }
  return std::unique_ptr<Regex>(new Regex(std::move(compiled)));
}

Status Regex::FindAll(std::string_view text, std::vector<std::pair<size_t, size_t>>& out) const {
  const std::unique_ptr<OnigMatchParam, ParamDeleter> param(onig_new_match_param());
  const std::unique_ptr<OnigRegion, RegionDeleter> region(onig_region_new());
  if (!param || !region) return ResourceExhausted("out of memory for a regular expression");
  onig_initialize_match_param(param.get());
  onig_set_retry_limit_in_search_of_match_param(param.get(), kRetriesMax);
  std::string replaced;
  if (ReplaceLate(text, replaced)) text = replaced;
  const OnigUChar* begin = Bytes(text);
  const OnigUChar* end = begin + text.size();
  size_t from = 0;
  bool has_last = false;
  size_t last_end = 0;
  while (from <= text.size()) {
    onig_region_clear(region.get());
    const int status = onig_search_with_param(compiled_->regex, begin, end, begin + from, end,
                                              region.get(), ONIG_OPTION_NONE, param.get());
    if (status == ONIG_MISMATCH) return OkStatus();
    if (status < 0) {
      OnigUChar message[ONIG_MAX_ERROR_MESSAGE_LEN];
      const int length = onig_error_code_to_str(message, status);
      return ResourceExhausted(
          fmt::format("{}: the pattern fails on a text of {} bytes: {}; simplify the pattern",
                      compiled_->where, text.size(),
                      std::string_view(reinterpret_cast<char*>(message),
                                       static_cast<size_t>(length < 0 ? 0 : length))));
    }
    const auto match_begin = static_cast<size_t>(region->beg[0]);
    const auto match_end = static_cast<size_t>(region->end[0]);
    if (match_begin == match_end && has_last && last_end == match_end) {
      if (from >= text.size()) return OkStatus();
      NextCodePoint(text, from);
      continue;
    }
    out.emplace_back(match_begin, match_end);
    from = match_end;
    last_end = match_end;
    has_last = true;
  }
  return OkStatus();
}

}  // namespace koeval::tokenizer
