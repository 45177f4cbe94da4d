// Answers by pattern: regex, multi_choice_regex, format_span.
#include "common/evaluation/filter_answers.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "common/base/utf8.h"
#include "common/evaluation/python_regex.h"
#include "common/evaluation/python_text.h"

namespace koeval::evaluation {
namespace {

constexpr size_t kChoicesMax = 26;  // named by letters

// The selected match with its groups; nothing where there is none.
Result<std::optional<std::vector<std::string>>> SelectMatch(const PythonRegex& regex,
                                                            std::string_view text, int64_t select) {
  ASSIGN_OR_RETURN(auto matches, regex.FindAll(text));
  const auto count = static_cast<int64_t>(matches.size());
  const int64_t index = select < 0 ? select + count : select;
  if (index < 0 || index >= count) return std::optional<std::vector<std::string>>();
  return std::optional(std::move(matches[static_cast<size_t>(index)]));
}

// The first group that is not empty.
std::string FirstOf(const std::vector<std::string>& groups) {
  const auto found = std::find_if(groups.begin(), groups.end(),
                                  [](const std::string& group) { return !group.empty(); });
  return found == groups.end() ? "" : *found;
}

// What patterns look at: an answer, or nothing where an earlier step left no text.
std::string TextOf(const Json& item) {
  return item.is_string() ? item.get<std::string>() : "";
}

class RegexFilter final : public Filter {
 public:
  RegexFilter(PythonRegex regex, RegexFilterOptions options)
      : regex_(std::move(regex)), options_(std::move(options)) {}

  Result<Json> Apply(Json value, const Json&) const override {
    Json out = Json::array();
    for (const Json& item : FilterItems(value)) {
      ASSIGN_OR_RETURN(std::string answer, Answer(TextOf(item)));
      out.push_back(std::move(answer));
    }
    return out;
  }

 private:
  Result<std::string> Answer(const std::string& text) const {
    ASSIGN_OR_RETURN(const auto match, SelectMatch(regex_, text, options_.group_select));
    if (!match) return options_.fallback;
    std::string found = FirstOf(*match);
    // Only among several groups does Python look for one that is not empty.
    if (found.empty() && match->size() > 1) found = options_.fallback;
    return std::string(PythonStrip(found));
  }

  const PythonRegex regex_;
  const RegexFilterOptions options_;
};

std::string WithoutPunctuation(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const char32_t code_point = DecodeUtf8(text, at);
    if (!IsPunctuation(code_point)) AppendUtf8(out, code_point);
  }
  return out;
}

class MultiChoiceRegexFilter final : public Filter {
 public:
  MultiChoiceRegexFilter(PythonRegex regex, std::vector<PythonRegex> ignored,
                         RegexFilterOptions options)
      : regex_(std::move(regex)), ignored_(std::move(ignored)), options_(std::move(options)) {}

  Result<Json> Apply(Json value, const Json& doc) const override {
    ASSIGN_OR_RETURN(const Choices choices, ReadChoices(doc));
    Json out = Json::array();
    for (const Json& item : FilterItems(value)) {
      ASSIGN_OR_RETURN(std::string answer, Answer(TextOf(item), choices));
      out.push_back(answer.empty() ? options_.fallback : answer);
    }
    return out;
  }

 private:
  // The texts and letters of a row's choices, and what each stands for.
  struct Choices {
    std::optional<PythonRegex> texts, letters;
    std::map<std::string, std::string> by_text, by_letter;
  };

  Result<Choices> ReadChoices(const Json& doc) const {
    const Json* list = JsonFind(doc, "choices");
    if (list == nullptr || !list->is_array() || list->empty() || list->size() > kChoicesMax) {
      return InvalidArgument(fmt::format(
          "multi_choice_regex needs a column \"choices\" of 1 to {} texts", kChoicesMax));
    }
    Choices out;
    std::vector<std::string> texts;
    std::string letters;
    char letter = 'A';
    for (const Json& choice : *list) {
      if (!choice.is_string()) return InvalidArgument("column \"choices\": a choice is not text");
      ASSIGN_OR_RETURN(const std::string text,
                       Simplify(PythonStrip(choice.get_ref<const std::string&>())));
      out.by_text[text] = fmt::format("({})", letter);
      out.by_letter[std::string(1, letter)] = fmt::format("({})", letter);
      texts.push_back(EscapePythonPattern(text));
      letters += (letters.empty() ? "" : "|") + std::string(1, letter);
      ++letter;
    }
    // The longest first, so that a choice cannot hide one that begins with it.
    std::stable_sort(texts.begin(), texts.end(), [](const std::string& a, const std::string& b) {
      return CountCodePoints(a) > CountCodePoints(b);
    });
    std::string any;
    for (const std::string& text : texts) any += (any.empty() ? "" : "|") + text;
    ASSIGN_OR_RETURN(out.texts, PythonRegex::Compile(any));
    ASSIGN_OR_RETURN(out.letters, PythonRegex::Compile(R"(:[\s]*()" + letters + ")"));
    return out;
  }

  Result<std::string> Simplify(std::string_view text) const {
    std::string out(text);
    for (const PythonRegex& regex : ignored_) {
      ASSIGN_OR_RETURN(out, regex.Replace(out, ""));
    }
    if (options_.ignore_case) out = PythonLower(out);
    return options_.ignore_punctuation ? WithoutPunctuation(out) : out;
  }

  // The selected match of `regex`, translated where `names` knows it; "" where there is none.
  Result<std::string> Find(const PythonRegex& regex, std::string_view text,
                           const std::map<std::string, std::string>& names) const {
    ASSIGN_OR_RETURN(const auto match, SelectMatch(regex, text, options_.group_select));
    if (!match) return std::string();
    const std::string found(PythonStrip(FirstOf(*match)));
    const auto name = names.find(found);
    return name == names.end() || found.empty() ? found : name->second;
  }

  Result<std::string> Answer(const std::string& text, const Choices& choices) const {
    ASSIGN_OR_RETURN(std::string found, Find(regex_, text, {}));
    if (!found.empty()) return found;
    ASSIGN_OR_RETURN(const std::string simple, Simplify(text));
    ASSIGN_OR_RETURN(found, Find(*choices.texts, simple, choices.by_text));
    if (!found.empty()) return found;
    return Find(*choices.letters, text, choices.by_letter);
  }

  const PythonRegex regex_;
  const std::vector<PythonRegex> ignored_;
  const RegexFilterOptions options_;
};

// What format_span calls an entity of each kind, in the order in which it replaces them.
constexpr std::array<std::pair<std::string_view, std::string_view>, 15> kSpanKinds = {
    {{"person", "PER"},
     {"location", "LOC"},
     {"organization", "ORG"},
     {"counties", "LOC"},
     {"places", "LOC"},
     {"people", "PER"},
     {"persons", "PER"},
     {"company", "ORG"},
     {"country", "LOC"},
     {"continent", "LOC"},
     {"time", "DATE"},
     {"date", "DATE"},
     {"per", "PER"},
     {"loc", "LOC"},
     {"org", "ORG"}}};

Result<std::string> WithSpanKinds(std::string text) {
  for (const auto& [word, kind] : kSpanKinds) {
    ASSIGN_OR_RETURN(const PythonRegex regex,
                     PythonRegex::Compile(fmt::format(R"(\b{}\s*:)", word)));
    ASSIGN_OR_RETURN(text, regex.Replace(text, std::string(kind) + ":"));
  }
  return text;
}

}  // namespace

Result<std::shared_ptr<const Filter>> MakeRegexFilter(const RegexFilterOptions& options) {
  auto regex = PythonRegex::Compile(options.pattern);
  if (!regex.ok()) return regex.status().WithContext("regex_pattern");
  return std::shared_ptr<const Filter>(std::make_shared<RegexFilter>(*std::move(regex), options));
}

Result<std::shared_ptr<const Filter>> MakeMultiChoiceRegexFilter(
    const RegexFilterOptions& options) {
  auto regex = PythonRegex::Compile(options.pattern);
  if (!regex.ok()) return regex.status().WithContext("regex_pattern");
  std::vector<PythonRegex> ignored;
  for (const std::string& pattern : options.regexes_to_ignore) {
    auto one = PythonRegex::Compile(pattern);
    if (!one.ok()) return one.status().WithContext("regexes_to_ignore");
    ignored.push_back(*std::move(one));
  }
  return std::shared_ptr<const Filter>(
      std::make_shared<MultiChoiceRegexFilter>(*std::move(regex), std::move(ignored), options));
}

Result<std::string> FormatSpan(std::string_view text) {
  ASSIGN_OR_RETURN(std::string marked, WithSpanKinds(PythonLower(text)));
  marked = PythonReplace(marked, "$$", "$");
  marked = StripChars(marked, "$", false, true);
  marked = PythonReplace(marked, "\n", "$");
  ASSIGN_OR_RETURN(const PythonRegex regex,
                   PythonRegex::Compile(R"(\b(PER|LOC|ORG|DATE):\s*([^$]+))"));
  ASSIGN_OR_RETURN(const auto matches, regex.FindAll(PythonStrip(marked)));
  std::string out;
  for (const auto& match : matches) {
    for (const std::string& part : SplitAt(match[1], ",", -1, false)) {
      const std::string entity(PythonStrip(part));
      if (PythonLower(entity) == "none") continue;
      out += (out.empty() ? "" : " $ ") + PythonLower(match[0]) + ": " + entity;
    }
  }
  return out;
}

}  // namespace koeval::evaluation
