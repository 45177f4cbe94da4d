// The lexer: outside of markers text, inside of them the words of expressions.
#include "common/evaluation/template_lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "common/base/utf8.h"
#include "common/evaluation/python_literal.h"
#include "common/evaluation/python_text.h"

namespace koeval::evaluation {
namespace {

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsWord(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         (static_cast<unsigned char>(c) & 0x80) != 0;
}

// The longest first.
constexpr std::array<std::string_view, 27> kOperators = {
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]",
    "(",  ")",  "{",  "}",  ">",  "<",  "=", ".", ":", "|", ",", ";", "!"};

std::string NormaliseLineEnds(std::string_view source, TemplateDialect dialect) {
  std::string out = PythonReplace(PythonReplace(source, "\r\n", "\n"), "\r", "\n");
  if (dialect == TemplateDialect::kChat && out.ends_with('\n')) out.pop_back();
  return out;
}

class Lexer {
 public:
  Lexer(std::string_view source, TemplateDialect dialect)
      : source_(NormaliseLineEnds(source, dialect)),
        text_(source_),
        trims_(dialect == TemplateDialect::kChat) {}

  Result<std::vector<Token>> Run() {
    while (at_ < text_.size()) RETURN_IF_ERROR(Outside());
    Add(Token::Kind::kEnd, "", Here());
    return std::move(tokens_);
  }

 private:
  Place Here() {
    while (placed_ < at_) {
      const char32_t c = DecodeUtf8(text_, placed_);
      if (c == '\n') {
        ++place_.line;
        place_.column = 1;
      } else {
        ++place_.column;
      }
    }
    return place_;
  }

  void Add(Token::Kind kind, std::string text, Place place) {
    tokens_.push_back({kind, std::move(text), place});
  }

  bool Follows(std::string_view what) const { return text_.substr(at_, what.size()) == what; }

  void SkipSpace() { at_ = text_.size() - PythonLstrip(text_.substr(at_)).size(); }

  // trim_blocks: a line end right behind a tag or comment goes with it.
  void TrimLineEnd() {
    if (trims_ && Follows("\n")) ++at_;
  }

  // lstrip_blocks: blanks alone between the line's start and a tag or comment go with it. `plain`
  // starts at `start`.
  std::string_view StripIndent(std::string_view plain, size_t start) const {
    if (!trims_) return plain;
    const size_t line = plain.rfind('\n') + 1;
    const bool at_line_start = line > 0 || start == 0 || text_[start - 1] == '\n';
    return at_line_start && PythonStrip(plain.substr(line)).empty() ? plain.substr(0, line) : plain;
  }

  // Text up to the next marker, and then what the marker opens.
  Status Outside() {
    const Place start = Here();
    size_t open = at_;
    while ((open = text_.find('{', open)) != std::string_view::npos) {
      const char next = open + 1 < text_.size() ? text_[open + 1] : '\0';
      if (next == '{' || next == '%' || next == '#') break;
      ++open;
    }
    std::string_view plain = text_.substr(at_, open == text_.npos ? text_.npos : open - at_);
    if (open == std::string_view::npos) {
      at_ = text_.size();
      Add(Token::Kind::kText, std::string(plain), start);
      return OkStatus();
    }
    const char sign = open + 2 < text_.size() ? text_[open + 2] : '\0';
    const char kind = text_[open + 1];
    if (sign == '-') {
      plain = PythonRstrip(plain);
    } else if (sign != '+' && kind != '{') {
      plain = StripIndent(plain, at_);
    }
    if (!plain.empty()) Add(Token::Kind::kText, std::string(plain), start);
    at_ = open;
    const Place place = Here();
    at_ = open + (sign == '-' || sign == '+' ? 3 : 2);
    if (kind == '#') return Comment(place);
    if (kind == '{') {
      Add(Token::Kind::kOutput, "{{", place);
      return Inside("}}", place);
    }
    if (TakeRawTag("raw")) return Raw(place);
    Add(Token::Kind::kTag, "{%", place);
    return Inside("%}", place);
  }

  Status Comment(Place place) {
    const size_t end = text_.find("#}", at_);
    if (end == std::string_view::npos) return TemplateError(place, "a comment without its end");
    const char sign = end > at_ ? text_[end - 1] : '\0';
    at_ = end + 2;
    if (sign == '-') {
      SkipSpace();
    } else if (sign != '+') {
      TrimLineEnd();
    }
    return OkStatus();
  }

  // Moves past ` name %}` when it follows, and past the white space behind it for `-%}`.
  bool TakeRawTag(std::string_view name) {
    const size_t start = at_;
    SkipSpace();
    if (Follows(name)) {
      at_ += name.size();
      SkipSpace();
      const bool cut = Follows("-%}");
      const bool bare = Follows("%}");
      if (cut || bare || Follows("+%}")) {
        at_ = text_.find("%}", at_) + 2;
        if (cut) SkipSpace();
        if (bare && name == "endraw") TrimLineEnd();
        return true;
      }
    }
    at_ = start;
    return false;
  }

  Status Raw(Place place) {
    const size_t start = at_;
    const Place text_place = Here();
    for (size_t open = at_; (open = text_.find("{%", open)) != std::string_view::npos; ++open) {
      const char sign = open + 2 < text_.size() ? text_[open + 2] : '\0';
      at_ = open + (sign == '-' || sign == '+' ? 3 : 2);
      if (!TakeRawTag("endraw")) continue;
      std::string_view plain = text_.substr(start, open - start);
      if (sign == '-') {
        plain = PythonRstrip(plain);
      } else if (sign != '+') {
        plain = StripIndent(plain, start);
      }
      Add(Token::Kind::kText, std::string(plain), text_place);
      return OkStatus();
    }
    return TemplateError(place, "a raw block without its endraw");
  }

  // The words of one marker, up to `end` outside of all brackets.
  Status Inside(std::string_view end, Place place) {
    std::string open_brackets;
    for (;;) {
      SkipSpace();
      if (at_ >= text_.size()) {
        return TemplateError(place, fmt::format("'{}' is missing", end));
      }
      if (open_brackets.empty()) {
        const bool cut = text_[at_] == '-' && text_.substr(at_ + 1, 2) == end;
        const bool keep = text_[at_] == '+' && end == "%}" && text_.substr(at_ + 1, 2) == end;
        if (cut || keep || Follows(end)) {
          Add(Token::Kind::kClose, std::string(end), Here());
          at_ += end.size() + (cut || keep ? 1 : 0);
          if (cut) {
            SkipSpace();
          } else if (!keep && end == "%}") {
            TrimLineEnd();
          }
          return OkStatus();
        }
      }
      RETURN_IF_ERROR(Word(open_brackets));
    }
  }

  Status Word(std::string& open_brackets) {
    const char c = text_[at_];
    if (c == '\'' || c == '"') return String(c);
    if (IsDigit(c)) return Number();
    if (IsWord(c)) {
      const Place place = Here();
      const size_t start = at_;
      while (at_ < text_.size() && IsWord(text_[at_])) ++at_;
      Add(Token::Kind::kName, std::string(text_.substr(start, at_ - start)), place);
      return OkStatus();
    }
    const auto found = std::find_if(kOperators.begin(), kOperators.end(),
                                    [&](std::string_view known) { return Follows(known); });
    if (found == kOperators.end() || *found == "!" || *found == ";") {
      return TemplateError(Here(), "a character that belongs to no expression");
    }
    if (c == '(' || c == '[' || c == '{') {
      open_brackets += c == '(' ? ')' : c == '[' ? ']' : '}';
    } else if (c == ')' || c == ']' || c == '}') {
      if (open_brackets.empty() || open_brackets.back() != c) {
        return TemplateError(Here(), fmt::format("'{}' closes nothing", c));
      }
      open_brackets.pop_back();
    }
    const Place place = Here();
    at_ += found->size();
    Add(Token::Kind::kOperator, std::string(*found), place);
    return OkStatus();
  }

  Status String(char quote) {
    const Place place = Here();
    std::string value;
    for (++at_; at_ < text_.size();) {
      const char c = text_[at_++];
      if (c == quote) {
        Add(Token::Kind::kString, std::move(value), place);
        return OkStatus();
      }
      if (c != '\\') {
        value += c;
      } else if (!AppendEscape(text_, at_, value)) {
        return TemplateError(Here(), "a bad escape sequence in a text");
      }
    }
    return TemplateError(place, "a text without its closing quote");
  }

  void Digits(std::string& digits) {
    while (at_ < text_.size() && (IsDigit(text_[at_]) || text_[at_] == '_')) {
      if (text_[at_] != '_') digits += text_[at_];
      ++at_;
    }
  }

  Status Number() {
    const Place place = Here();
    const bool after_dot = !tokens_.empty() && tokens_.back().kind == Token::Kind::kOperator &&
                           tokens_.back().text == ".";
    std::string digits;
    if (text_[at_] == '0' && at_ + 1 < text_.size() && std::isalpha(text_[at_ + 1]) != 0 &&
        text_[at_ + 1] != 'e' && text_[at_ + 1] != 'E') {
      while (at_ < text_.size() && IsWord(text_[at_])) {
        if (text_[at_] != '_') digits += text_[at_];
        ++at_;
      }
      Add(Token::Kind::kInteger, std::move(digits), place);
      return OkStatus();
    }
    Digits(digits);
    bool real = false;
    if (!after_dot && at_ + 1 < text_.size() && text_[at_] == '.' && IsDigit(text_[at_ + 1])) {
      real = true;
      digits += text_[at_++];
      Digits(digits);
    }
    if (!after_dot && at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      const size_t sign =
          at_ + 1 < text_.size() && (text_[at_ + 1] == '+' || text_[at_ + 1] == '-');
      if (at_ + 1 + sign < text_.size() && IsDigit(text_[at_ + 1 + sign])) {
        real = true;
        digits += text_.substr(at_, 1 + sign);
        at_ += 1 + sign;
        Digits(digits);
      }
    }
    Add(real ? Token::Kind::kFloat : Token::Kind::kInteger, std::move(digits), place);
    return OkStatus();
  }

  const std::string source_;
  const std::string_view text_;
  const bool trims_;  // trim_blocks and lstrip_blocks
  size_t at_ = 0;
  size_t placed_ = 0;  // up to here place_ counts
  Place place_;
  std::vector<Token> tokens_;
};

}  // namespace

std::string PlaceText(const Place& place) {
  return fmt::format("line {}, column {}", place.line, place.column);
}

Status TemplateError(const Place& place, std::string_view message, Code code) {
  return {code, fmt::format("template {}: {}", PlaceText(place), message)};
}

Result<std::vector<Token>> LexTemplate(std::string_view source, TemplateDialect dialect) {
  return Lexer(source, dialect).Run();
}

}  // namespace koeval::evaluation
