// UTF-8 and the parts of Python's str that the harness relies on, by code point.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace koeval {

// Decodes the code point at `at` and moves `at` past it. An invalid byte gives U+FFFD and moves one
// byte. REQUIRES: at < text.size().
char32_t DecodeUtf8(std::string_view text, size_t& at);
// U+FFFD for a surrogate and for what is above U+10FFFF.
void AppendUtf8(std::string& out, char32_t code_point);
// Well-formed: no overlong forms, no surrogates, nothing above U+10FFFF.
bool IsValidUtf8(std::string_view text);
// The longest beginning of `text` that ends with a whole code point and has at most `bytes_max`
// bytes: for texts that messages show in part. REQUIRES: valid UTF-8.
std::string_view Utf8Prefix(std::string_view text, size_t bytes_max);
// Number of code points, which is Python's len(str). REQUIRES: valid UTF-8.
size_t CountCodePoints(std::string_view text);
std::u32string ToUtf32(std::string_view text);
std::string ToUtf8(std::u32string_view text);

// Python's str.isspace() for one code point: the white space that str.strip() removes.
bool IsPythonSpace(char32_t code_point);
// Python's str.rstrip(), str.lstrip() and str.strip() without arguments.
std::string_view PythonRstrip(std::string_view text);
std::string_view PythonLstrip(std::string_view text);
std::string_view PythonStrip(std::string_view text);

}  // namespace koeval
