// A recursive-descent parser of Python literals.
#include "common/evaluation/python_literal.h"

#include <fmt/format.h>

#include <charconv>

#include "common/base/utf8.h"

namespace koeval::evaluation {
namespace {

constexpr int kDepthMax = 100;

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsWord(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         (static_cast<unsigned char>(c) & 0x80) != 0;
}

// Value of `digits` hexadecimal digits at `at`; false when there are fewer.
bool ReadHex(std::string_view text, size_t& at, size_t digits, uint32_t& value) {
  if (at + digits > text.size()) return false;
  const char* end = text.data() + at + digits;
  const auto [stop, error] = std::from_chars(text.data() + at, end, value, 16);
  if (error != std::errc() || stop != end) return false;
  at += digits;
  return true;
}

bool AppendCodePoint(std::string& out, uint32_t value) {
  if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return false;
  AppendUtf8(out, static_cast<char32_t>(value));
  return true;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Value> Parse() {
    ASSIGN_OR_RETURN(Value value, Tuple());
    SkipBlanks(true);
    if (at_ != text_.size()) return Error("more text after the literal");
    return value;
  }

 private:
  Status Error(std::string_view what) const {
    return InvalidArgument(fmt::format("no Python literal: {} at byte {}", what, at_));
  }

  void SkipBlanks(bool newlines) {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == ' ' || c == '\t' || c == '\f' || (newlines && (c == '\n' || c == '\r'))) {
        ++at_;
      } else {
        return;
      }
    }
  }

  bool Accept(char c) {
    SkipBlanks(true);
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  // One value, or a tuple without parentheses.
  Result<Value> Tuple() {
    ASSIGN_OR_RETURN(Value first, One());
    if (!Accept(',')) return first;
    ValueList items{first};
    for (;;) {
      SkipBlanks(true);
      if (at_ == text_.size()) return Value::Tuple(std::move(items));
      ASSIGN_OR_RETURN(Value item, One());
      items.push_back(std::move(item));
      if (!Accept(',')) return Value::Tuple(std::move(items));
    }
  }

  Result<Value> One() {
    SkipBlanks(true);
    if (at_ == text_.size()) return Error("the text ends");
    if (depth_ >= kDepthMax) return Error("nested too deep");
    ++depth_;
    Result<Value> value = Dispatch();
    --depth_;
    return value;
  }

  Result<Value> Dispatch() {
    const char c = text_[at_];
    if (c == '[') return Items(']');
    if (c == '(') return Items(')');
    if (c == '{') return Dict();
    if (c == '+' || c == '-') {
      ++at_;
      SkipBlanks(true);
      if (at_ == text_.size() || !(IsDigit(text_[at_]) || text_[at_] == '.')) {
        return Error("a sign without a number");
      }
      return Number(c == '-');
    }
    if (IsDigit(c) || c == '.') return Number(false);
    if (StartsText()) return Texts();
    return Name();
  }

  // A list, a tuple, or one value in parentheses.
  Result<Value> Items(char close) {
    ++at_;
    ValueList items;
    bool comma = false;
    while (!Accept(close)) {
      if (!items.empty() && !comma) return Error("a comma is missing");
      ASSIGN_OR_RETURN(Value item, One());
      items.push_back(std::move(item));
      comma = Accept(',');
    }
    if (close == ']') return Value::List(std::move(items));
    if (items.size() == 1 && !comma) return items[0];
    return Value::Tuple(std::move(items));
  }

  Result<Value> Dict() {
    ++at_;
    ValueDict items;
    bool comma = true;
    while (!Accept('}')) {
      if (!comma) return Error("a comma is missing");
      ASSIGN_OR_RETURN(Value key, One());
      if (!key.is_text() && !key.is_number() && !key.is_none()) return Error("no key of a dict");
      if (!Accept(':')) return Error("a colon is missing");
      ASSIGN_OR_RETURN(Value value, One());
      std::erase_if(items, [&](const auto& item) { return item.first.Equals(key); });
      items.emplace_back(std::move(key), std::move(value));
      comma = Accept(',');
    }
    return Value::Dict(std::move(items));
  }

  // Length of a prefix such as r or u when a quote follows, else 0 with *quoted false.
  bool StartsText() const {
    const size_t quote = text_.find_first_of("'\"", at_);
    if (quote == std::string_view::npos || quote - at_ > 1) return false;
    return quote == at_ || std::string_view("rRuU").find(text_[at_]) != std::string_view::npos;
  }

  Result<Value> Texts() {
    std::string out;
    do {
      const bool raw = text_[at_] == 'r' || text_[at_] == 'R';
      if (text_[at_] != '\'' && text_[at_] != '"') ++at_;
      RETURN_IF_ERROR(Text(raw, out));
      SkipBlanks(true);
    } while (at_ < text_.size() && StartsText());
    return Value(std::move(out));
  }

  Status Text(bool raw, std::string& out) {
    const char quote = text_[at_];
    const bool triple = text_.substr(at_, 3) == std::string(3, quote);
    const std::string end(triple ? 3 : 1, quote);
    at_ += end.size();
    while (text_.substr(at_, end.size()) != end) {
      if (at_ >= text_.size()) return Error("a text without an end");
      const char c = text_[at_++];
      if (c == '\n' && !triple) return Error("a line end inside a text");
      if (c != '\\') {
        out += c;
      } else if (raw) {
        out += c;
        if (at_ < text_.size()) out += text_[at_++];
      } else if (!AppendEscape(text_, at_, out)) {
        return Error("a bad escape sequence");
      }
    }
    at_ += end.size();
    return OkStatus();
  }

  Result<Value> Number(bool negative) {
    const size_t start = at_;
    while (at_ < text_.size() &&
           (IsWord(text_[at_]) || text_[at_] == '.' ||
            ((text_[at_] == '+' || text_[at_] == '-') &&
             (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E') && at_ > start))) {
      ++at_;
    }
    std::string digits(negative ? "-" : "");
    for (const char c : text_.substr(start, at_ - start)) {
      if (c != '_') digits += c;
    }
    const std::string_view body = std::string_view(digits).substr(negative ? 1 : 0);
    const char* end = digits.data() + digits.size();
    if (body.find_first_not_of("0123456789") == std::string_view::npos) {
      if (body.size() > 1 && body[0] == '0' && body.find_first_not_of('0') != body.npos) {
        return Error("a number with leading zeros");
      }
      int64_t whole = 0;
      const auto [stop, error] = std::from_chars(digits.data(), end, whole);
      if (error != std::errc() || stop != end) return Error("a number over 64 bits");
      return Value(whole);
    }
    double real = 0;
    const auto [stop, error] = std::from_chars(digits.data(), end, real);
    if (error != std::errc() || stop != end) return Error("no number");
    return Value(real);
  }

  Result<Value> Name() {
    const size_t start = at_;
    while (at_ < text_.size() && IsWord(text_[at_])) ++at_;
    const std::string_view name = text_.substr(start, at_ - start);
    if (name == "True") return Value(true);
    if (name == "False") return Value(false);
    if (name == "None") return Value();
    at_ = start;
    return Error("an expression that is no literal");
  }

  const std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

bool AppendEscape(std::string_view text, size_t& at, std::string& out) {
  if (at >= text.size()) return false;
  const char c = text[at++];
  constexpr std::string_view kNames = "\\'\"abfnrtv";
  constexpr std::string_view kMeanings = "\\'\"\a\b\f\n\r\t\v";
  if (const size_t found = kNames.find(c); found != std::string_view::npos) {
    out += kMeanings[found];
    return true;
  }
  uint32_t value = 0;
  switch (c) {
    case '\n':
      return true;
    case 'x':
      return ReadHex(text, at, 2, value) && AppendCodePoint(out, value);
    case 'u':
      return ReadHex(text, at, 4, value) && AppendCodePoint(out, value);
    case 'U':
      return ReadHex(text, at, 8, value) && AppendCodePoint(out, value);
    case 'N':
      return false;
    default:
      break;
  }
  if (c < '0' || c > '7') {
    out += '\\';
    out += c;
    return true;
  }
  value = static_cast<uint32_t>(c - '0');
  for (int i = 0; i < 2 && at < text.size() && text[at] >= '0' && text[at] <= '7'; ++i) {
    value = value * 8 + static_cast<uint32_t>(text[at++] - '0');
  }
  return AppendCodePoint(out, value);
}

Result<Value> LiteralEval(std::string_view text) {
  // Python's own rule: blanks and tabs in front do not count.
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  return Parser(text).Parse();
}

}  // namespace koeval::evaluation
