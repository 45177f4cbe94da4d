// The forms of a sentence, and the search for them.
#include "tests/integration/leak_search.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "common/base/check.h"
#include "common/base/file.h"
#include "common/base/utf8.h"

namespace koeval::integration {
namespace {

namespace fs = std::filesystem;

constexpr size_t kSentenceBytesMin = 12;
constexpr size_t kFileBytesMax = size_t{1} << 30;

std::u16string ToUtf16(const std::string& text) {
  std::u16string out;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = DecodeUtf8(text, at);
    if (c >= 0x10000) {
      out += static_cast<char16_t>(0xd800 + ((c - 0x10000) >> 10));
      out += static_cast<char16_t>(0xdc00 + ((c - 0x10000) & 0x3ff));
    } else {
      out += static_cast<char16_t>(c);
    }
  }
  return out;
}

std::string Utf16Bytes(const std::string& text, bool big) {
  std::string out;
  for (const char16_t unit : ToUtf16(text)) {
    const char high = static_cast<char>(unit >> 8);
    const char low = static_cast<char>(unit & 0xff);
    out += big ? high : low;
    out += big ? low : high;
  }
  return out;
}

std::string JsonEscaped(const std::string& text, bool upper, bool all) {
  std::string out;
  for (const char16_t unit : ToUtf16(text)) {
    if (unit < 0x80 && !all) {
      out += static_cast<char>(unit);
    } else {
      const auto value = static_cast<unsigned>(unit);
      out += upper ? fmt::format("\\u{:04X}", value) : fmt::format("\\u{:04x}", value);
    }
  }
  return out;
}

// `format` of each byte, or of each that is not a letter or digit.
std::string EachByte(const std::string& text, bool plain_stays,
                     const std::function<std::string(unsigned)>& format) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += plain_stays && byte < 0x80 && std::isalnum(byte) != 0 ? std::string(1, c) : format(byte);
  }
  return out;
}

// The base64 digits that hold only bytes of `text`, when `before` bytes precede it in a group.
std::string Base64Inside(const std::string& text, size_t before) {
  const std::string whole = Base64(std::string(before, '\0') + text);
  const size_t skipped = before == 0 ? 0 : before + 1;  // digits that hold bits of what precedes
  const size_t bits = (before + text.size()) * 8;
  const size_t end = bits / 24 * 4;  // whole groups alone: what follows changes the last one
  return whole.substr(skipped, end - skipped);
}

}  // namespace

std::string Base64(const std::string& bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) {
      group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (size_t k = 0; k < 4; ++k) {
      out += i + k > bytes.size() ? '=' : kDigits[group >> (18 - 6 * k) & 63];
    }
  }
  return out;
}

LeakSearch::LeakSearch(const std::vector<std::string>& sentences) {
  for (const std::string& sentence : sentences) {
    KOEVAL_CHECK(sentence.size() >= kSentenceBytesMin, "a sentence that is too short to look for");
    const auto add = [&](const char* form, std::string bytes) {
      patterns_.push_back({sentence, form, std::move(bytes)});
    };
    add("utf-8", sentence);
    add("utf-16le", Utf16Bytes(sentence, false));
    add("utf-16be", Utf16Bytes(sentence, true));
    for (const bool upper : {false, true}) {
      add("json", JsonEscaped(sentence, upper, false));
      add("json", JsonEscaped(sentence, upper, true));
      const auto hex = [upper](unsigned byte) {
        return upper ? fmt::format("{:02X}", byte) : fmt::format("{:02x}", byte);
      };
      add("hexadecimal", EachByte(sentence, false, hex));
      add("percent", EachByte(sentence, true, [&hex](unsigned byte) { return "%" + hex(byte); }));
    }
    for (size_t before = 0; before < 3; ++before) {
      std::string digits = Base64Inside(sentence, before);
      add("base64", digits);
      std::replace(digits.begin(), digits.end(), '+', '-');
      std::replace(digits.begin(), digits.end(), '/', '_');
      add("base64", std::move(digits));
    }
  }
}

std::vector<Leak> LeakSearch::InBytes(const std::string& bytes, const std::string& where) const {
  std::vector<Leak> out;
  for (const Pattern& pattern : patterns_) {
    if (bytes.find(pattern.bytes) == std::string::npos) continue;
    const bool known = std::any_of(out.begin(), out.end(), [&pattern](const Leak& leak) {
      return leak.sentence == pattern.sentence && leak.form == pattern.form;
    });
    if (!known) out.push_back({where, pattern.sentence, pattern.form});
  }
  return out;
}

std::vector<Leak> LeakSearch::InPath(const std::string& path) const {
  std::vector<Leak> out = InBytes(fs::path(path).filename().string(), "the name of " + path);
  std::error_code error;
  std::vector<std::string> files;
  if (fs::is_directory(path, error)) {
    for (const auto& entry : fs::directory_iterator(path, error)) {
      const std::vector<Leak> inner = InPath(entry.path().string());
      out.insert(out.end(), inner.begin(), inner.end());
    }
    EXPECT_FALSE(error) << path << " cannot be searched: " << error.message();
  } else if (fs::is_regular_file(path, error)) {
    const auto text = ReadFile(path, kFileBytesMax);
    EXPECT_TRUE(text.ok()) << text.status().ToString();
    const std::vector<Leak> inner = text.ok() ? InBytes(*text, path) : std::vector<Leak>();
    out.insert(out.end(), inner.begin(), inner.end());
  }
  return out;
}

}  // namespace koeval::integration
