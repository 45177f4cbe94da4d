// Literal, regular-expression, class and hand-written patterns, and the five split behaviours.
#include "common/tokenizer/pattern.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "common/tokenizer/fast_pattern.h"
#include "common/tokenizer/regex.h"
#include "common/tokenizer/unicode_class.h"
#include "common/tokenizer/unicode_reference.h"

namespace koeval::tokenizer {
namespace {

// Adds the match [begin, end) and the gap in front of it.
void AddMatch(std::vector<Part>& out, size_t& previous, size_t begin, size_t end) {
  if (previous != begin) out.push_back({previous, begin, false});
  out.push_back({begin, end, true});
  previous = end;
}

void AddRest(std::vector<Part>& out, size_t previous, size_t size) {
  if (previous != size) out.push_back({previous, size, false});
}

class Literal final : public Pattern {
 public:
  explicit Literal(std::string literal) : literal_(std::move(literal)) {}
  Status FindParts(std::string_view text, std::vector<Part>& out) const override {
    size_t previous = 0;
    for (size_t at = text.find(literal_); at != std::string_view::npos;
         at = text.find(literal_, previous)) {
      AddMatch(out, previous, at, at + literal_.size());
    }
    AddRest(out, previous, text.size());
    return OkStatus();
  }

 private:
  const std::string literal_;
};

class Slow final : public Pattern {
 public:
  explicit Slow(std::unique_ptr<Regex> regex) : regex_(std::move(regex)) {}
  Status FindParts(std::string_view text, std::vector<Part>& out) const override {
    std::vector<std::pair<size_t, size_t>> matches;
    RETURN_IF_ERROR(regex_->FindAll(text, matches));
    size_t previous = 0;
    for (const auto& [begin, end] : matches) AddMatch(out, previous, begin, end);
    AddRest(out, previous, text.size());
    return OkStatus();
  }

 private:
  const std::unique_ptr<Regex> regex_;
};

class Fast final : public Pattern {
 public:
  explicit Fast(MatchEnd match_end) : match_end_(match_end) {}
  Status FindParts(std::string_view text, std::vector<Part>& out) const override {
    for (size_t at = 0; at < text.size();) {
      const size_t end = match_end_(text, at);
      out.push_back({at, end, true});
      at = end;
    }
    return OkStatus();
  }

 private:
  const MatchEnd match_end_;
};

// Every code point that `takes` says yes to.
template <typename F>
class EachOf final : public Pattern {
 public:
  explicit EachOf(F takes) : takes_(std::move(takes)) {}
  Status FindParts(std::string_view text, std::vector<Part>& out) const override {
    size_t previous = 0;
    for (size_t at = 0; at < text.size();) {
      const size_t begin = at;
      if (takes_(NextCodePoint(text, at))) AddMatch(out, previous, begin, at);
    }
    AddRest(out, previous, text.size());
    return OkStatus();
  }

 private:
  const F takes_;
};

template <typename F>
std::unique_ptr<Pattern> MakeEachOf(F takes) {
  return std::make_unique<EachOf<F>>(std::move(takes));
}

}  // namespace

std::unique_ptr<Pattern> LiteralPattern(std::string literal) {
  return std::make_unique<Literal>(std::move(literal));
}

Result<std::unique_ptr<Pattern>> RegexPattern(std::string_view regex, std::string_view where) {
  if (const MatchEnd match_end = FindFastPattern(regex); match_end != nullptr) {
    return std::unique_ptr<Pattern>(std::make_unique<Fast>(match_end));
  }
  ASSIGN_OR_RETURN(auto compiled, Regex::Compile(regex, where));
  return std::unique_ptr<Pattern>(std::make_unique<Slow>(std::move(compiled)));
}

std::unique_ptr<Pattern> ClassPattern(uint8_t bits) {
  return MakeEachOf([&table = ClassTable(), bits](char32_t c) { return (table[c] & bits) != 0; });
}

std::unique_ptr<Pattern> NumberPattern() {
  return MakeEachOf(
      [&table = ClassTable()](char32_t c) { return (table[c] & kNumber) != 0 || IsLateNumber(c); });
}

Result<std::unique_ptr<Pattern>> ReadPattern(const Json& component, std::string_view where) {
  const Json* pattern = JsonFind(component, "pattern");
  if (pattern != nullptr && pattern->is_object() && pattern->size() == 1) {
    const std::string place = fmt::format("{}.pattern", where);
    if (JsonFind(*pattern, "String") != nullptr) {
      ASSIGN_OR_RETURN(std::string literal, JsonString(*pattern, "String", place));
      if (literal.empty()) return RegexPattern("", place);
      return LiteralPattern(std::move(literal));
    }
    if (JsonFind(*pattern, "Regex") != nullptr) {
      ASSIGN_OR_RETURN(const std::string regex, JsonString(*pattern, "Regex", place));
      return RegexPattern(regex, place);
    }
  }
  return InvalidArgument(fmt::format(
      "{}: field \"pattern\" must be an object with one member, String or Regex", where));
}

Result<SplitBehavior> ReadBehavior(const Json& component, std::string_view where) {
  ASSIGN_OR_RETURN(const std::string name, JsonString(component, "behavior", where));
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  return InvalidArgument(
      fmt::format("{}: field \"behavior\" is \"{}\", which is none of Removed, "
                  "Isolated, MergedWithPrevious, MergedWithNext, Contiguous",
                  where, name));
}

std::vector<Part> ApplyBehavior(const std::vector<Part>& parts, SplitBehavior behavior) {
  std::vector<Part> out;
  bool previous_match = false;
  const auto merge_or_add = [&](const Part& part, bool merge) {
    if (merge && !out.empty()) {
      out.back().begin = std::min(out.back().begin, part.begin);
      out.back().end = std::max(out.back().end, part.end);
    } else {
      out.push_back(part);
    }
    previous_match = part.is_match;
  };
  switch (behavior) {
    case SplitBehavior::kIsolated:
      return parts;
    case SplitBehavior::kRemoved:
      std::copy_if(parts.begin(), parts.end(), std::back_inserter(out),
                   [](const Part& part) { return !part.is_match; });
      return out;
    case SplitBehavior::kContiguous:
      for (const Part& part : parts) merge_or_add(part, part.is_match == previous_match);
      return out;
    case SplitBehavior::kMergedWithPrevious:
      for (const Part& part : parts) merge_or_add(part, part.is_match && !previous_match);
      return out;
    case SplitBehavior::kMergedWithNext:
      for (auto it = parts.rbegin(); it != parts.rend(); ++it) {
        merge_or_add(*it, it->is_match && !previous_match);
      }
      std::reverse(out.begin(), out.end());
      return out;
  }
  return out;
}

}  // namespace koeval::tokenizer
