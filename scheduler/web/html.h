// HTML that is escaped unless it is a literal of this program.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace koeval::web {

// For text and for attribute values in either kind of quotes. Bytes that are no UTF-8 become
// U+FFFD; control characters that HTML does not allow are left out.
std::string Escape(std::string_view text);
// For one component of a path or a query: all but letters, digits and -._~ as %XX.
std::string UrlComponent(std::string_view text);

// Markup that was made by Html or is a file of this program: not escaped again.
struct Markup {
  std::string text;
};

// A text that the compiler has seen: nothing from outside can become one.
class Literal {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): calls read like markup
  consteval Literal(const char* text) : text_(text) {}
  constexpr std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

// Appends markup piece by piece.
class Html {
 public:
  // Writes `format` with each {} replaced by the next of `values`, escaped unless it is Markup.
  // REQUIRES: as many {} as values.
  template <typename... Values>
  Html& Add(Literal format, const Values&... values) {
    std::string_view rest = format.text();
    (AddOne(&rest, values), ...);
    AppendLast(rest);
    return *this;
  }
  Html& AddText(std::string_view text);

  const std::string& text() const { return out_; }
  Markup Take() { return {std::move(out_)}; }

 private:
  template <typename Value>
  void AddOne(std::string_view* rest, const Value& value) {
    AppendToHole(rest);
    if constexpr (std::same_as<Value, Markup>) {
      out_ += value.text;
    } else if constexpr (std::integral<Value>) {
      out_ += std::to_string(value);
    } else {
      AddText(std::string_view(value));
    }
  }
  void AppendToHole(std::string_view* rest);
  void AppendLast(std::string_view rest);

  std::string out_;
};

}  // namespace koeval::web
