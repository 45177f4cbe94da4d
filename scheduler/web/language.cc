// Which language a reader gets.
#include "scheduler/web/language.h"

#include <algorithm>
#include <cstdlib>
#include <string>

namespace koeval::web {
namespace {

constexpr size_t kAcceptBytesMax = 1'024;

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The weight of one element, "ko-KR;q=0.8"; 1 unless it says otherwise.
double WeightOf(std::string_view element) {
  const size_t q = element.find("q=");
  if (q == std::string_view::npos) return 1;
  return std::clamp(std::strtod(std::string(element.substr(q + 2)).c_str(), nullptr), 0.0, 1.0);
}

bool IsTag(std::string_view element, std::string_view primary) {
  if (element.size() < primary.size()) return false;
  for (size_t i = 0; i < primary.size(); ++i) {
    if ((element[i] | 0x20) != primary[i]) return false;
  }
  return element.size() == primary.size() || element[primary.size()] == '-' ||
         element[primary.size()] == ';' || element[primary.size()] == ' ';
}

}  // namespace

std::string_view LanguageCode(Language language) {
  return language == Language::kKorean ? "ko" : "en";
}

std::optional<Language> ParseLanguage(std::string_view code) {
  if (code == "ko") return Language::kKorean;
  if (code == "en") return Language::kEnglish;
  return std::nullopt;
}

Language ChooseLanguage(std::string_view chosen, std::string_view remembered,
                        std::string_view accept_language) {
  if (const auto language = ParseLanguage(chosen)) return *language;
  if (const auto language = ParseLanguage(remembered)) return *language;
  double korean = 0;
  double english = 0;
  std::string_view rest = accept_language.substr(0, kAcceptBytesMax);
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view element = Trim(rest.substr(0, comma));
    if (IsTag(element, "ko")) korean = std::max(korean, WeightOf(element));
    if (IsTag(element, "en")) english = std::max(english, WeightOf(element));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return korean > english ? Language::kKorean : Language::kEnglish;
}

}  // namespace koeval::web
