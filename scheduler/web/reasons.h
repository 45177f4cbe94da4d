// Reasons and remedies of requests in both languages: by the code of an ending, and by the core's
// sentences. What a reason names (files, sizes, numbers) is kept; what nobody has translated
// follows in English, marked as such.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "scheduler/core/sentences.h"
#include "scheduler/web/html.h"
#include "scheduler/web/language.h"

namespace koeval::web {

// What an ending or finding means, and what the submitter can do, one sentence each.
struct EndingText {
  Words meaning;
  Words remedy;
};
// By the name of the ending, which is also the code of a finding; nothing for a name that is none.
std::optional<EndingText> TextOfEnding(std::string_view name);

// The core's sentence with {0}, {1}, ... for its values.
std::string_view KoreanSentence(core::Sentence sentence);

// A reason as it is stored, which may be an ending with its reason behind it, and may say what went
// before. Its English is the text itself.
Markup ReasonText(std::string_view reason, Language language);

// The remedy of a request that ended as `ending`: `stored` itself, or for Korean readers its
// translation, with what `stored` says beyond the ending's own text behind it.
Markup RemedyText(std::string_view ending, std::string_view stored, Language language);

// A code and what it means: "<code>BAD_TOKENIZER</code> The tokenizer cannot be used."
Markup EndingLabel(std::string_view ending, Language language);

}  // namespace koeval::web
