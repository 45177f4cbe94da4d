// Python's pattern syntax rewritten for PCRE2.
#include <fmt/core.h>

#include <algorithm>

#include "common/base/utf8.h"
#include "common/evaluation/python_regex.h"

namespace koeval::evaluation {
namespace {

// The members of Python's \s and \w, and what is in neither, as the inside of a class.
constexpr std::string_view kSpace =
    R"(\x{9}-\x{d}\x{1c}-\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
constexpr std::string_view kNoSpace =
    R"(\x{0}-\x{8}\x{e}-\x{1b}\x{21}-\x{84}\x{86}-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{10ffff})";
constexpr std::string_view kWord = R"(\p{L}\p{N}_)";
// Every other category; connector punctuation without the underscore, one by one.
constexpr std::string_view kNoWord =
    R"(\p{C}\p{M}\p{S}\p{Z}\p{Pd}\p{Ps}\p{Pe}\p{Pi}\p{Pf}\p{Po}\x{203f}\x{2040}\x{2054}\x{fe33}\x{fe34}\x{fe4d}-\x{fe4f}\x{ff3f})";
constexpr std::string_view kBoundary =
    R"((?:(?<=[\p{L}\p{N}_])(?![\p{L}\p{N}_])|(?<![\p{L}\p{N}_])(?=[\p{L}\p{N}_])))";
// Before Python 3.14 no place of an empty text is one.
constexpr std::string_view kNoBoundary =
    R"((?:(?!\A\z)(?:(?<=[\p{L}\p{N}_])(?=[\p{L}\p{N}_])|(?<![\p{L}\p{N}_])(?![\p{L}\p{N}_]))))";

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

class Translator {
 public:
  explicit Translator(std::string_view pattern) : in_(pattern) {}

  Result<std::string> Run() {
    while (at_ < in_.size()) RETURN_IF_ERROR(Next());
    return std::move(out_);
  }

 private:
  Status Fail(const std::string& what) const {
    return InvalidArgument(fmt::format("byte {} of the pattern: {}", at_, what));
  }
  bool StartsWith(std::string_view text) const { return in_.substr(at_).starts_with(text); }

  Status Next() {
    const char c = in_[at_];
    if (c == '\\') return Escape(false);
    if (c == '[') return Class();
    if (c == '(') return Group();
    if (c == '{') return Braces();
    out_ += c;
    ++at_;
    return OkStatus();
  }

  // After "(?": only what Python knows.
  Status Group() {
    if (StartsWith("(*")) return Fail("there is nothing to repeat; write \\* for an asterisk");
    if (!StartsWith("(?")) {
      out_ += '(';
      ++at_;
      return OkStatus();
    }
    for (const std::string_view known :
         {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?P<", "(?P=", "(?>", "(?("}) {
      if (!StartsWith(known)) continue;
      out_ += known;
      at_ += known.size();
      return OkStatus();
    }
    if (StartsWith("(?#")) {
      const size_t end = in_.find(')', at_);
      if (end == std::string_view::npos) return Fail("the comment has no end");
      at_ = end + 1;
      return OkStatus();
    }
    return Flags();
  }

  Status Flags() {
    const size_t end = in_.find_first_of(":)", at_);
    const std::string_view flags =
        in_.substr(at_ + 2, end == std::string_view::npos ? end : end - at_ - 2);
    if (end == std::string_view::npos || flags.empty() ||
        flags.find_first_not_of("imsu-aLx") != std::string_view::npos) {
      return Fail("this kind of group is not one of Python's");
    }
    if (flags.find_first_of("aLx") != std::string_view::npos) {
      return Fail("the flags a, L and x are not supported; write the pattern without them");
    }
    if (in_[end] == ')' && at_ != 0) {
      return Fail("flags for the whole pattern must stand at its start");
    }
    std::string kept(flags);
    std::erase(kept, 'u');  // the default for text
    if (!kept.empty() || in_[end] == ':') out_ += "(?" + kept + in_[end];
    at_ = end + 1;
    return OkStatus();
  }

  // "{,n}" counts from 0 in Python.
  Status Braces() {
    size_t end = at_ + 1;
    while (end < in_.size() && IsDigit(in_[end])) ++end;
    const bool no_minimum = end == at_ + 1;
    out_ += '{';
    ++at_;
    if (!no_minimum || end >= in_.size() || in_[end] != ',') return OkStatus();
    size_t close = end + 1;
    while (close < in_.size() && IsDigit(in_[close])) ++close;
    if (close < in_.size() && in_[close] == '}') out_ += '0';
    return OkStatus();
  }

  Status Hex(size_t digits) {
    const std::string_view text = in_.substr(at_, digits);
    if (text.size() != digits || !std::all_of(text.begin(), text.end(), [](char c) {
          return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        })) {
      return Fail(fmt::format("an escape needs {} hexadecimal digits", digits));
    }
    const unsigned long value = std::stoul(std::string(text), nullptr, 16);
    if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) {
      return Fail("this is no character");
    }
    out_ += fmt::format("\\x{{{:x}}}", value);
    at_ += digits;
    return OkStatus();
  }

  Status Digits(bool in_class) {
    const char first = in_[at_];
    size_t end = at_;
    while (end < in_.size() && end < at_ + 3 && in_[end] >= '0' && in_[end] <= '7') ++end;
    if (first == '0' || end - at_ == 3) {
      const unsigned long value = std::stoul(std::string(in_.substr(at_, end - at_)), nullptr, 8);
      if (value > 0377) return Fail("an octal escape ends at 377");
      out_ += fmt::format("\\x{{{:x}}}", value);
      at_ = end;
      return OkStatus();
    }
    if (in_class) return Fail("a class cannot refer to a group");
    if (at_ + 1 < in_.size() && IsDigit(in_[at_ + 1])) {
      return Fail("references above \\9 are not supported; name the group");
    }
    // Braces keep the digit apart from a digit that follows.
    out_ += fmt::format("\\g{{{}}}", first);
    ++at_;
    return OkStatus();
  }

  // `at_` is at the backslash.
  Status Escape(bool in_class) {
    if (++at_ >= in_.size()) return Fail("a lone backslash ends it");
    const char c = in_[at_];
    if (IsDigit(c)) return Digits(in_class);
    if (!IsLetter(c)) return EscapedSign();
    ++at_;
    const auto put = [&](std::string_view inside, bool negated) {
      out_ += in_class ? std::string(inside) : fmt::format("[{}{}]", negated ? "^" : "", inside);
      return OkStatus();
    };
    switch (c) {
      case 's':
        return put(kSpace, false);
      case 'S':
        return in_class ? put(kNoSpace, false) : put(kSpace, true);
      case 'w':
        return put(kWord, false);
      case 'W':
        return in_class ? put(kNoWord, false) : put(kWord, true);
      case 'd':
        return put(R"(\p{Nd})", false);
      case 'D':
        return in_class ? put(R"(\P{Nd})", false) : put(R"(\p{Nd})", true);
      case 'a':
        out_ += R"(\x{7})";
        return OkStatus();
      case 'f':
        out_ += R"(\x{c})";
        return OkStatus();
      case 'n':
        out_ += R"(\x{a})";
        return OkStatus();
      case 'r':
        out_ += R"(\x{d})";
        return OkStatus();
      case 't':
        out_ += R"(\x{9})";
        return OkStatus();
      case 'v':
        out_ += R"(\x{b})";
        return OkStatus();
      case 'x':
        return Hex(2);
      case 'u':
        return Hex(4);
      case 'U':
        return Hex(8);
      case 'b':
        out_ += in_class ? R"(\x{8})" : kBoundary;
        return OkStatus();
      default:
        break;
    }
    if (!in_class && (c == 'A' || c == 'Z' || c == 'B')) {
      out_ += c == 'B' ? kNoBoundary : c == 'A' ? R"(\A)" : R"(\z)";
      return OkStatus();
    }
    return Fail(fmt::format("\\{} is no escape that is known here", c));
  }

  // A sign stands for itself; a character beyond ASCII needs no backslash.
  Status EscapedSign() {
    const auto byte = static_cast<unsigned char>(in_[at_]);
    if (byte < 0x80) {
      out_ += '\\';
      out_ += in_[at_++];
      return OkStatus();
    }
    AppendUtf8(out_, DecodeUtf8(in_, at_));
    return OkStatus();
  }

  // `at_` is at the opening bracket.
  Status Class() {
    out_ += '[';
    ++at_;
    if (at_ < in_.size() && in_[at_] == '^') {
      out_ += '^';
      ++at_;
    }
    for (bool first = true;; first = false) {
      if (at_ >= in_.size()) return Fail("a class has no closing bracket");
      const char c = in_[at_];
      if (c == ']' && !first) break;
      if (c == '\\') {
        const char kind = at_ + 1 < in_.size() ? in_[at_ + 1] : ' ';
        const bool many = std::string_view("sSwWdD").find(kind) != std::string_view::npos;
        const bool ends_range = out_.ends_with('-') && !range_ended_;
        RETURN_IF_ERROR(Escape(true));
        if (many && (ends_range || StartsRange())) return Fail("a range needs single characters");
        range_ended_ = true;
      } else if (c == '[' || c == ']') {
        out_ += '\\';
        out_ += c;
        ++at_;
      } else {
        AddPlain(c, first);
      }
    }
    out_ += ']';
    ++at_;
    range_ended_ = true;
    return OkStatus();
  }

  // A "-" at the start or the end of a class is itself.
  void AddPlain(char c, bool first) {
    const bool last = at_ + 1 < in_.size() && in_[at_ + 1] == ']';
    if (c == '-' && (first || last)) {
      out_ += "\\-";
      range_ended_ = true;
    } else {
      out_ += c;
      range_ended_ = c != '-';
    }
    ++at_;
  }

  // Whether "-x" follows, so that what was just added is the start of a range.
  bool StartsRange() const {
    return at_ + 1 < in_.size() && in_[at_] == '-' && in_[at_ + 1] != ']';
  }

  std::string_view in_;
  size_t at_ = 0;
  std::string out_;
  bool range_ended_ = true;  // within a class: the last "-" stands for itself
};

}  // namespace

std::string EscapePythonPattern(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool sign = static_cast<unsigned char>(c) < 0x80 && !IsLetter(c) && !IsDigit(c);
    if (sign && c != '_') out += '\\';
    out += c;
  }
  return out;
}

Result<std::string> TranslatePythonPattern(std::string_view pattern) {
  return Translator(pattern).Run();
}

}  // namespace koeval::evaluation
