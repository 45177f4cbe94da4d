// Oniguruma behind Status: compilation, search with bounds, and the rule for empty matches.
#include "common/tokenizer/regex.h"

#include <fmt/core.h>
#include <oniguruma.h>
#include <time.h>

#include <algorithm>
#include <climits>
#include <cstdint>
#include <optional>

#include "common/tokenizer/unicode_class.h"
#include "common/tokenizer/unicode_late.h"

namespace koeval::tokenizer {
namespace {

constexpr size_t kPatternBytesMax = 16 * 1024;
// Backtracking steps. Every search may take the first number of them; one that needs more takes
// them from a budget that the searches over a text share.
constexpr unsigned long kRetriesOfEverySearch = 4'096;
constexpr size_t kRetriesBudget = 1'000'000;
constexpr size_t kRetriesPerByte = 1'000;
// Entries of the matcher's stack: a few for each character that a repetition takes.
constexpr size_t kStackEntries = 100'000;
constexpr size_t kStackEntriesPerByte = 16;
// Steps forward are not counted, only backtracking is: patterns that look far ahead at every
// character end by processor time, which is looked at now and then.
constexpr double kSecondsMax = 20;
constexpr uint32_t kSearchesBetweenClocks = 1'024;

const OnigUChar* Bytes(std::string_view text) {
  return reinterpret_cast<const OnigUChar*>(text.data());
}

double ThreadSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

bool IsOverRetries(int status) {
  return status == ONIGERR_RETRY_LIMIT_IN_SEARCH_OVER ||
         status == ONIGERR_RETRY_LIMIT_IN_MATCH_OVER;
}

// Searches with bounds on time and memory, which grow with the text.
class BoundedSearch {
 public:
  static constexpr int kTooDear = ONIGERR_RETRY_LIMIT_IN_SEARCH_OVER;

  explicit BoundedSearch(std::string_view text)
      : begin_(Bytes(text)),
        end_(begin_ + text.size()),
        budget_(kRetriesBudget + kRetriesPerByte * text.size()),
        param_(onig_new_match_param()),
        region_(onig_region_new()) {
    if (!ok()) return;
    onig_initialize_match_param(param_.get());
    onig_set_match_stack_limit_size_of_match_param(
        param_.get(), static_cast<unsigned int>(std::min<size_t>(
                          kStackEntries + kStackEntriesPerByte * text.size(), INT_MAX)));
  }

  bool ok() const { return param_ && region_; }
  const OnigRegion& region() const { return *region_; }

  // As onig_search does: where the next match begins, ONIG_MISMATCH, or an error, which is kTooDear
  // over the bounds on time.
  int Next(regex_t* regex, size_t from) {
    unsigned long retries = kRetriesOfEverySearch;
    if (++searches_ % kSearchesBetweenClocks == 0 && IsOverTime()) return kTooDear;
    for (;;) {
      onig_set_retry_limit_in_search_of_match_param(param_.get(), retries);
      onig_set_retry_limit_in_match_of_match_param(param_.get(), retries);
      onig_region_clear(region_.get());
      const int status = onig_search_with_param(regex, begin_, end_, begin_ + from, end_,
                                                region_.get(), ONIG_OPTION_NONE, param_.get());
      if (!IsOverRetries(status)) return status;
      if (budget_ == 0 || IsOverTime()) return kTooDear;
      retries = std::min<size_t>(retries * 4, budget_);
      budget_ -= retries;
    }
  }

 private:
  // Whether the searches since the first call took too long.
  bool IsOverTime() {
    const double now = ThreadSeconds();
    if (!first_clock_) first_clock_ = now;
    return now - *first_clock_ > kSecondsMax;
  }

  struct ParamDeleter {
    void operator()(OnigMatchParam* param) const { onig_free_match_param(param); }
  };
  struct RegionDeleter {
    void operator()(OnigRegion* region) const { onig_region_free(region, 1); }
  };

  const OnigUChar* const begin_;
  const OnigUChar* const end_;
  size_t budget_;
  uint32_t searches_ = 0;
  std::optional<double> first_clock_;
  const std::unique_ptr<OnigMatchParam, ParamDeleter> param_;
  const std::unique_ptr<OnigRegion, RegionDeleter> region_;
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
  std::string replaced;
  if (ReplaceLate(text, replaced)) text = replaced;
  BoundedSearch search(text);
  if (!search.ok()) return ResourceExhausted("out of memory for a regular expression");
  size_t from = 0;
  bool has_last = false;
  size_t last_end = 0;
  while (from <= text.size()) {
    const int status = search.Next(compiled_->regex, from);
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
    const auto match_begin = static_cast<size_t>(search.region().beg[0]);
    const auto match_end = static_cast<size_t>(search.region().end[0]);
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
