// Every pre-tokenizer of tokenizer.json, one small class each.
#include "common/tokenizer/pre_tokenizer.h"

#include <fmt/core.h>

#include <utility>

#include "common/base/utf8.h"
#include "common/tokenizer/byte_level.h"
#include "common/tokenizer/fast_pattern.h"
#include "common/tokenizer/fields.h"
#include "common/tokenizer/pattern.h"
#include "common/tokenizer/unicode_class.h"
#include "common/tokenizer/unicode_script.h"

namespace koeval::tokenizer {
namespace {

Status SplitWords(Words& words, const Pattern& pattern, SplitBehavior behavior, bool invert) {
  std::vector<Word> out;
  out.reserve(words.words.size());
  std::vector<Part> parts;
  for (const Word& word : words.words) {
    parts.clear();
    RETURN_IF_ERROR(pattern.FindParts(words.Text(word), parts));
    if (invert) {
      for (Part& part : parts) part.is_match = !part.is_match;
    }
    if (behavior != SplitBehavior::kIsolated) parts = ApplyBehavior(parts, behavior);
    for (const Part& part : parts) {
      if (part.begin == part.end) continue;
      out.push_back(
          {word.begin + part.begin, word.begin + part.end, word.at_start && part.begin == 0});
    }
  }
  words.words = std::move(out);
  return OkStatus();
}

// Rewrites every word: `rewrite` appends what replaces it; words that become empty are dropped.
template <typename F>
void RewriteWords(Words& words, F rewrite) {
  Words out;
  out.text.reserve(words.text.size() * 2);
  out.words.reserve(words.words.size());
  for (const Word& word : words.words) {
    const size_t begin = out.text.size();
    rewrite(out.text, words.Text(word), word);
    if (out.text.size() > begin) out.words.push_back({begin, out.text.size(), word.at_start});
  }
  words = std::move(out);
}

class Split final : public PreTokenizer {
 public:
  Split(std::unique_ptr<Pattern> pattern, SplitBehavior behavior, bool invert = false)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}
  Status Apply(Words& words) const override {
    return SplitWords(words, *pattern_, behavior_, invert_);
  }

 private:
  const std::unique_ptr<Pattern> pattern_;
  const SplitBehavior behavior_;
  const bool invert_;
};

class ByteLevel final : public PreTokenizer {
 public:
  ByteLevel(bool add_prefix_space, std::unique_ptr<Pattern> pattern)
      : add_prefix_space_(add_prefix_space), pattern_(std::move(pattern)) {}
  Status Apply(Words& words) const override {
    RETURN_IF_ERROR(ApplyLast(words));
    words.raw_bytes = false;
    RewriteWords(words, [](std::string& out, std::string_view text, const Word&) {
      AppendByteLevel(out, text);
    });
    return OkStatus();
  }
  Status ApplyLast(Words& words) const override {
    if (add_prefix_space_) {
      RewriteWords(words, [](std::string& out, std::string_view text, const Word&) {
        if (!text.starts_with(' ')) out += ' ';
        out += text;
      });
    }
    if (pattern_) {
      RETURN_IF_ERROR(SplitWords(words, *pattern_, SplitBehavior::kIsolated, false));
    }
    words.raw_bytes = true;
    return OkStatus();
  }

 private:
  const bool add_prefix_space_;
  const std::unique_ptr<Pattern> pattern_;  // null: words stay whole
};

class Metaspace final : public PreTokenizer {
 public:
  Metaspace(std::string replacement, PrependScheme scheme, bool split)
      : replacement_(std::move(replacement)),
        scheme_(scheme),
        pattern_(split ? LiteralPattern(replacement_) : nullptr) {}
  Status Apply(Words& words) const override {
    RewriteWords(words, [&](std::string& out, std::string_view text, const Word& word) {
      const bool prepend =
          scheme_ == PrependScheme::kAlways || (scheme_ == PrependScheme::kFirst && word.at_start);
      if (prepend && !text.starts_with(' ') && !text.starts_with(replacement_)) {
        out += replacement_;
      }
      for (char c : text) {
        if (c == ' ') {
          out += replacement_;
        } else {
          out += c;
        }
      }
    });
    if (!pattern_) return OkStatus();
    return SplitWords(words, *pattern_, SplitBehavior::kMergedWithNext, false);
  }

 private:
  const std::string replacement_;
  const PrependScheme scheme_;
  const std::unique_ptr<Pattern> pattern_;  // null: words stay whole
};

class Chain final : public PreTokenizer {
 public:
  explicit Chain(std::vector<std::unique_ptr<PreTokenizer>> members)
      : members_(std::move(members)) {}
  Status Apply(Words& words) const override {
    for (const auto& member : members_) RETURN_IF_ERROR(member->Apply(words));
    return OkStatus();
  }
  Status ApplyLast(Words& words) const override {
    for (size_t i = 0; i < members_.size(); ++i) {
      const bool last = i + 1 == members_.size();
      RETURN_IF_ERROR(last ? members_[i]->ApplyLast(words) : members_[i]->Apply(words));
    }
    return OkStatus();
  }

 private:
  const std::vector<std::unique_ptr<PreTokenizer>> members_;
};

using Owned = std::unique_ptr<PreTokenizer>;

Owned MakeSplit(std::unique_ptr<Pattern> pattern, SplitBehavior behavior, bool invert = false) {
  return std::make_unique<Split>(std::move(pattern), behavior, invert);
}

// White space removed, then every punctuation character alone.
Owned MakeBert() {
  std::vector<Owned> members;
  members.push_back(MakeSplit(ClassPattern(kSpace), SplitBehavior::kRemoved));
  members.push_back(MakeSplit(ClassPattern(kPunctuation), SplitBehavior::kIsolated));
  return std::make_unique<Chain>(std::move(members));
}

// Runs of word characters and runs of the rest that is no white space.
class WordRuns final : public Pattern {
 public:
  Status FindParts(std::string_view text, std::vector<Part>& out) const override {
    const auto& table = ClassTable();
    for (size_t at = 0; at < text.size();) {
      const size_t begin = at;
      const uint8_t kind = Kind(table[NextCodePoint(text, at)]);
      while (at < text.size()) {
        size_t next = at;
        if (Kind(table[NextCodePoint(text, next)]) != kind) break;
        at = next;
      }
      out.push_back({begin, at, kind != kSpace});
    }
    return OkStatus();
  }

 private:
  static uint8_t Kind(uint8_t bits) {
    if ((bits & kWord) != 0) return kWord;
    return (bits & kSpace) != 0 ? kSpace : 0;
  }
};

// Every so many code points, and the rest.
class FixedLength final : public Pattern {
 public:
  explicit FixedLength(size_t length) : length_(length) {}
  Status FindParts(std::string_view text, std::vector<Part>& out) const override {
    for (size_t at = 0; at < text.size();) {
      const size_t begin = at;
      for (size_t i = 0; i < length_ && at < text.size(); ++i) NextCodePoint(text, at);
      out.push_back({begin, at, true});
    }
    return OkStatus();
  }

 private:
  const size_t length_;
};

// Runs of one script; code points that go with any script continue the run, and are lost in front
// of the first one, as in the reference.
class ScriptRuns final : public Pattern {
 public:
  Status FindParts(std::string_view text, std::vector<Part>& out) const override {
    const auto& table = ScriptTable();
    uint8_t previous = kAnyScript;
    size_t begin = 0;
    for (size_t at = 0; at < text.size();) {
      const size_t start = at;
      const uint8_t script = table[NextCodePoint(text, at)];
      if (script == kAnyScript || script == previous) continue;
      if (previous != kAnyScript) out.push_back({begin, start, false});
      if (previous == kAnyScript && start > 0) out.push_back({0, start, true});
      begin = start;
      previous = script;
    }
    const bool lost = previous == kAnyScript;
    out.push_back({begin, text.size(), lost});
    return OkStatus();
  }
};

constexpr int64_t kFixedLengthMax = 1 << 20;

Result<Owned> ReadFixedLength(const Json& component, const std::string& where) {
  ASSIGN_OR_RETURN(const int64_t length, BoundedInt(component, "length", kFixedLengthMax, where));
  if (length == 0) return InvalidArgument(where + ": field \"length\" must be above 0");
  return MakeSplit(std::make_unique<FixedLength>(static_cast<size_t>(length)),
                   SplitBehavior::kIsolated);
}

Result<Owned> ReadByteLevel(const Json& component, const std::string& where) {
  ASSIGN_OR_RETURN(const bool add_prefix_space, JsonBool(component, "add_prefix_space", where));
  ASSIGN_OR_RETURN(const bool use_regex, OptionalBool(component, "use_regex", true, where));
  std::unique_ptr<Pattern> pattern;
  if (use_regex) {
    ASSIGN_OR_RETURN(pattern, RegexPattern(kGpt2Pattern, where));
  }
  return Owned(std::make_unique<ByteLevel>(add_prefix_space, std::move(pattern)));
}

Result<Owned> ReadMetaspace(const Json& component, const std::string& where) {
  ASSIGN_OR_RETURN(const char32_t replacement, OneCharacter(component, "replacement", where));
  ASSIGN_OR_RETURN(const PrependScheme scheme, ReadPrependScheme(component, where));
  ASSIGN_OR_RETURN(const bool split, OptionalBool(component, "split", true, where));
  std::string text;
  AppendUtf8(text, replacement);
  return Owned(std::make_unique<Metaspace>(std::move(text), scheme, split));
}

Result<Owned> ReadSplit(const Json& component, const std::string& where) {
  ASSIGN_OR_RETURN(auto pattern, ReadPattern(component, where));
  ASSIGN_OR_RETURN(const SplitBehavior behavior, ReadBehavior(component, where));
  ASSIGN_OR_RETURN(const bool invert, JsonBool(component, "invert", where));
  return MakeSplit(std::move(pattern), behavior, invert);
}

Result<Owned> ReadChain(const Json& component, const std::string& where) {
  ASSIGN_OR_RETURN(const Json* list, ComponentList(component, "pretokenizers", where));
  std::vector<Owned> members;
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string place = fmt::format("{}.pretokenizers[{}]", where, i);
    ASSIGN_OR_RETURN(auto member, ReadPreTokenizer((*list)[i], place));
    if (member) members.push_back(std::move(member));
  }
  return Owned(std::make_unique<Chain>(std::move(members)));
}

}  // namespace

Result<PrependScheme> ReadPrependScheme(const Json& component, std::string_view where) {
  ASSIGN_OR_RETURN(const std::string name,
                   OptionalString(component, "prepend_scheme", "always", where));
  PrependScheme scheme = PrependScheme::kAlways;
  if (name == "first") {
    scheme = PrependScheme::kFirst;
  } else if (name == "never") {
    scheme = PrependScheme::kNever;
  } else if (name != "always") {
    return InvalidArgument(
        fmt::format("{}: field \"prepend_scheme\" is \"{}\", which is none of always, first, never",
                    where, name));
  }
  ASSIGN_OR_RETURN(const bool add_prefix_space,
                   OptionalBool(component, "add_prefix_space", true, where));
  if (!add_prefix_space) {
    if (JsonFind(component, "prepend_scheme") != nullptr && scheme != PrependScheme::kNever) {
      return InvalidArgument(fmt::format(
          "{}: add_prefix_space is false but prepend_scheme is \"{}\"; drop one of them", where,
          name));
    }
    scheme = PrependScheme::kNever;
  }
  return scheme;
}

Result<std::unique_ptr<PreTokenizer>> ReadPreTokenizer(const Json& component,
                                                       const std::string& where) {
  if (component.is_null()) return Owned();
  ASSIGN_OR_RETURN(const std::string type, JsonString(component, "type", where));
  if (type == "ByteLevel") return ReadByteLevel(component, where);
  if (type == "Metaspace") return ReadMetaspace(component, where);
  if (type == "Split") return ReadSplit(component, where);
  if (type == "Sequence") return ReadChain(component, where);
  if (type == "BertPreTokenizer") return MakeBert();
  if (type == "Whitespace") {
    return MakeSplit(std::make_unique<WordRuns>(), SplitBehavior::kRemoved, true);
  }
  if (type == "WhitespaceSplit") return MakeSplit(ClassPattern(kSpace), SplitBehavior::kRemoved);
  if (type == "Digits") {
    ASSIGN_OR_RETURN(const bool individual, JsonBool(component, "individual_digits", where));
    return MakeSplit(NumberPattern(),
                     individual ? SplitBehavior::kIsolated : SplitBehavior::kContiguous);
  }
  if (type == "Punctuation") {
    SplitBehavior behavior = SplitBehavior::kIsolated;
    if (JsonFind(component, "behavior") != nullptr) {
      ASSIGN_OR_RETURN(behavior, ReadBehavior(component, where));
    }
    return MakeSplit(ClassPattern(kPunctuation), behavior);
  }
  if (type == "CharDelimiterSplit") {
    ASSIGN_OR_RETURN(const char32_t delimiter, OneCharacter(component, "delimiter", where));
    std::string text;
    AppendUtf8(text, delimiter);
    return MakeSplit(LiteralPattern(std::move(text)), SplitBehavior::kRemoved);
  }
  if (type == "UnicodeScripts") {
    return MakeSplit(std::make_unique<ScriptRuns>(), SplitBehavior::kRemoved);
  }
  if (type == "FixedLength") return ReadFixedLength(component, where);
  return UnsupportedComponent("pre-tokenizer", type, where);
}

}  // namespace koeval::tokenizer
