// Substitution over Oniguruma.
#include "common/evaluation/regex_replace.h"

#include <fmt/format.h>
#include <oniguruma.h>

#include <memory>
#include <mutex>

#include "common/base/utf8.h"
#include "common/evaluation/python_literal.h"

namespace koeval::evaluation {
namespace {

constexpr unsigned long kRetriesMax = 1'000'000;
constexpr size_t kPatternMax = 4096;

using Bytes = const OnigUChar*;
Bytes AsBytes(std::string_view text) {
  return reinterpret_cast<Bytes>(text.data());
}

struct FreeRegex {
  void operator()(OnigRegex regex) const { onig_free(regex); }
};
using RegexPtr = std::unique_ptr<OnigRegexType, FreeRegex>;

struct FreeRegion {
  void operator()(OnigRegion* region) const { onig_region_free(region, 1); }
};
using RegionPtr = std::unique_ptr<OnigRegion, FreeRegion>;

Result<RegexPtr> Compile(const std::string& pattern) {
  static std::once_flag once;
  std::call_once(once, [] {
    OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
    onig_initialize(encodings, 1);
  });
  if (pattern.size() > kPatternMax)
    return InvalidArgument("regex_replace: the pattern is too long");
  OnigRegex regex = nullptr;
  const Bytes begin = AsBytes(pattern);
  const int code = onig_new(&regex, begin, begin + pattern.size(), ONIG_OPTION_CAPTURE_GROUP,
                            ONIG_ENCODING_UTF8, ONIG_SYNTAX_PYTHON, nullptr);
  if (code != ONIG_NORMAL) return InvalidArgument("regex_replace: the pattern cannot be read");
  return RegexPtr(regex);
}

// Appends `to` with its references to the groups of one match.
Status AppendReplacement(std::string_view to, std::string_view text, const OnigRegion& region,
                         std::string& out) {
  const auto append_group = [&](size_t group) {
    if (group >= static_cast<size_t>(region.num_regs)) return false;
    if (region.beg[group] < 0) return true;
    const auto from = static_cast<size_t>(region.beg[group]);
    out += text.substr(from, static_cast<size_t>(region.end[group]) - from);
    return true;
  };
  for (size_t at = 0; at < to.size();) {
    const char c = to[at++];
    if (c != '\\') {
      out += c;
      continue;
    }
    bool fine = at < to.size();
    if (fine && to[at] >= '1' && to[at] <= '9') {
      fine = append_group(static_cast<size_t>(to[at++] - '0'));
    } else if (fine && to.substr(at, 2) == "g<" && at + 3 < to.size() && to[at + 3] == '>' &&
               to[at + 2] >= '0' && to[at + 2] <= '9') {
      fine = append_group(static_cast<size_t>(to[at + 2] - '0'));
      at += 4;
    } else if (fine) {
      fine = std::string_view("\\nrtabfv").find(to[at]) != std::string_view::npos &&
             AppendEscape(to, at, out);
    }
    if (!fine) return InvalidArgument("regex_replace: the replacement cannot be read");
  }
  return OkStatus();
}

}  // namespace

Result<std::string> RegexReplace(std::string_view text, const std::string& pattern,
                                 std::string_view to, int64_t count, size_t bytes_max) {
  ASSIGN_OR_RETURN(const RegexPtr regex, Compile(pattern));
  const RegionPtr region(onig_region_new());
  const std::unique_ptr<OnigMatchParam, void (*)(OnigMatchParam*)> limits(onig_new_match_param(),
                                                                          onig_free_match_param);
  if (region == nullptr || limits == nullptr) return ResourceExhausted("out of memory");
  onig_initialize_match_param(limits.get());
  onig_set_retry_limit_in_match_of_match_param(limits.get(), kRetriesMax);
  const Bytes begin = AsBytes(text);
  const Bytes end = begin + text.size();
  std::string out;
  size_t copied = 0;
  size_t at = 0;
  for (int64_t done = 0; (count <= 0 || done < count) && at <= text.size(); ++done) {
    const int found = onig_search_with_param(regex.get(), begin, end, begin + at, end, region.get(),
                                             ONIG_OPTION_NONE, limits.get());
    if (found == ONIG_MISMATCH) break;
    if (found < 0) return InvalidArgument("regex_replace: the match takes too long");
    const auto from = static_cast<size_t>(region->beg[0]);
    const auto stop = static_cast<size_t>(region->end[0]);
    out += text.substr(copied, from - copied);
    RETURN_IF_ERROR(AppendReplacement(to, text, *region, out));
    if (out.size() > bytes_max) return InvalidArgument("regex_replace: the result is too long");
    copied = stop;
    at = stop;
    if (from != stop) continue;
    // The next match after an empty one starts a code point later.
    if (at >= text.size()) break;
    DecodeUtf8(text, at);
  }
  out += text.substr(copied);
  return out;
}

}  // namespace koeval::evaluation
