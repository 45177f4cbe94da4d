// The two languages of the pages, and which one a reader gets.
#pragma once

#include <optional>
#include <string_view>

namespace koeval::web {

enum class Language { kKorean, kEnglish };

// "ko" or "en".
std::string_view LanguageCode(Language language);
std::optional<Language> ParseLanguage(std::string_view code);

// The language of `chosen` (?lang=), else of `remembered` (the cookie), else the one that
// `accept_language` (RFC 9110 12.5.4) weighs higher, English when it weighs them equal or names
// neither.
Language ChooseLanguage(std::string_view chosen, std::string_view remembered,
                        std::string_view accept_language);

// A text in both.
struct Words {
  const char* english;
  const char* korean;
  constexpr const char* In(Language language) const {
    return language == Language::kKorean ? korean : english;
  }
};

}  // namespace koeval::web
