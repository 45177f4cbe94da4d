// process_docs of CLIcK: its categories, which only the ids of the rows tell apart.
#include <fmt/core.h>

#include <charconv>
#include <string>
#include <vector>

#include "common/evaluation/builtin_rows.h"
#include "common/evaluation/python_text.h"

namespace koeval::evaluation {
namespace {

// An id such as "CSAT_korean_22_5" and its parts.
class ClickId {
 public:
  explicit ClickId(std::string text) : text_(std::move(text)), lower_(PythonLower(text_)) {
    for (size_t at = 0; at != std::string::npos;) {
      const size_t end = text_.find('_', at);
      parts_.push_back(text_.substr(at, end == std::string::npos ? end : end - at));
      at = end == std::string::npos ? end : end + 1;
    }
  }

  bool Has(std::string_view part) const { return text_.find(part) != std::string::npos; }
  bool HasInAnyCase(std::string_view part) const { return lower_.find(part) != std::string::npos; }
  bool PartIs(size_t index, std::string_view value) const {
    return index < parts_.size() && parts_[index] == value;
  }
  Result<int64_t> Number(size_t index) const {
    int64_t number = 0;
    if (index < parts_.size()) {
      const std::string& part = parts_[index];
      const auto read = std::from_chars(part.data(), part.data() + part.size(), number);
      if (read.ec == std::errc() && read.ptr == part.data() + part.size()) return number;
    }
    return InvalidArgument(
        fmt::format("row: field \"id\" has no number as part {} between underscores", index + 1));
  }
  Result<int64_t> LastNumber() const { return Number(parts_.size() - 1); }

 private:
  const std::string text_;
  const std::string lower_;
  std::vector<std::string> parts_;
};

using Keeps = Result<bool> (*)(const ClickId& id, const std::string& question);

template <Keeps keeps>
Result<std::optional<Json>> Keep(Json row) {
  ASSIGN_OR_RETURN(std::string id, JsonString(row, "id", "row"));
  ASSIGN_OR_RETURN(const std::string question, JsonString(row, "question", "row"));
  ASSIGN_OR_RETURN(const bool kept, keeps(ClickId(std::move(id)), question));
  return kept ? std::optional<Json>(std::move(row)) : std::nullopt;
}

bool IsAboutSpeech(const std::string& question) {
  return question.find("대화") != std::string::npos || question.find("발화") != std::string::npos ||
         question.find("질의") != std::string::npos;
}

Result<bool> IsHistory(const ClickId& id, const std::string&) {
  return id.Has("KHB") || id.HasInAnyCase("history");
}

Result<bool> IsLaw(const ClickId& id, const std::string&) {
  return id.HasInAnyCase("law") || id.Has("PSAT");
}

Result<bool> IsText(const ClickId& id, const std::string&) {
  if (id.Has("CSAT_korean_22")) return true;
  if (id.Has("CSAT_korean_23")) {
    ASSIGN_OR_RETURN(const int64_t number, id.LastNumber());
    if (number < 35) return true;
  }
  if (!id.Has("TK")) return false;
  ASSIGN_OR_RETURN(const int64_t number, id.LastNumber());
  return number > 4;
}

Result<bool> IsGrammar(const ClickId& id, const std::string& question) {
  if (id.Has("CSAT_korean")) {
    ASSIGN_OR_RETURN(const int64_t year, id.Number(2));
    if (year < 21) {
      ASSIGN_OR_RETURN(const int64_t number, id.Number(3));
      if (number > 10) return true;
    }
  }
  if (id.Has("Kedu_1") && (!id.PartIs(1, "16") || !IsAboutSpeech(question))) return true;
  if (!id.Has("TK")) return false;
  ASSIGN_OR_RETURN(const int64_t number, id.LastNumber());
  return number < 5;
}

Result<bool> IsFunction(const ClickId& id, const std::string& question) {
  if (id.Has("CSAT_korean")) {
    ASSIGN_OR_RETURN(const int64_t last, id.LastNumber());
    if (last > 34) return true;
    ASSIGN_OR_RETURN(const int64_t year, id.Number(2));
    if (year < 21) {
      ASSIGN_OR_RETURN(const int64_t number, id.Number(3));
      if (number < 11) return true;
    }
  }
  return (id.Has("Kedu_16") && IsAboutSpeech(question)) || id.Has("PSE_korean");
}

// The categories that one word in the id tells.
Result<bool> IsEconomy(const ClickId& id, const std::string&) {
  return id.HasInAnyCase("economy");
}
Result<bool> IsGeography(const ClickId& id, const std::string&) {
  return id.HasInAnyCase("geography");
}
Result<bool> IsKpop(const ClickId& id, const std::string&) {
  return id.HasInAnyCase("popular");
}
Result<bool> IsPolitics(const ClickId& id, const std::string&) {
  return id.HasInAnyCase("politics");
}
Result<bool> IsSociety(const ClickId& id, const std::string&) {
  return id.HasInAnyCase("society");
}
Result<bool> IsTradition(const ClickId& id, const std::string&) {
  return id.HasInAnyCase("tradition");
}

}  // namespace

const std::array<RowBuiltin, 11> kClickBuiltins = {{{"click_economy", Keep<IsEconomy>},
                                                    {"click_function", Keep<IsFunction>},
                                                    {"click_geography", Keep<IsGeography>},
                                                    {"click_grammar", Keep<IsGrammar>},
                                                    {"click_history", Keep<IsHistory>},
                                                    {"click_kpop", Keep<IsKpop>},
                                                    {"click_law", Keep<IsLaw>},
                                                    {"click_politics", Keep<IsPolitics>},
                                                    {"click_society", Keep<IsSociety>},
                                                    {"click_text", Keep<IsText>},
                                                    {"click_tradition", Keep<IsTradition>}}};

}  // namespace koeval::evaluation
