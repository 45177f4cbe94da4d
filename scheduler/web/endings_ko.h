// What an ending means and what to do about it, in Korean.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "scheduler/web/language.h"

namespace koeval::web {

struct EndingKo {
  std::string_view meaning;
  std::string_view remedy;  // for the submitter, as EndingInfo::submitter_text
};

// Of an ending by its name; nothing for a name that is none.
std::optional<EndingKo> KoreanEnding(std::string_view name);

// The remedy of a request that ended as `ending`: `stored` itself, or for Korean readers its
// translation, with what `stored` says beyond the ending's own text behind it.
std::string RemedyText(std::string_view ending, std::string_view stored, Language language);

}  // namespace koeval::web
