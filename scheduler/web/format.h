// Numbers, times and names as the pages write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "scheduler/web/html.h"
#include "scheduler/web/language.h"

namespace koeval::web {

// `share` (0..1) times 100 with two digits; "–" when it is no finite number.
std::string Percent(double share);
// "± 0.43", or "" without one.
std::string PlusMinus(const std::optional<double>& share);
// "7.24B", "580M"; "–" for 0.
std::string ParameterText(int64_t parameters);
// <time> with the day and minute in UTC; "–" for 0.
Markup TimeElement(int64_t micros);
// "2 h 5 min", "2시간 5분".
std::string DurationText(int64_t ms, Language language);
// The template of `words` with each {} replaced by the next value.
std::string FillIn(std::string_view text, std::initializer_list<int64_t> values);
// The first twelve characters of a commit, other revisions whole.
std::string ShortRevision(const std::string& revision);

}  // namespace koeval::web
