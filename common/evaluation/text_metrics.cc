// exact_match, and label pairs of texts.
#include "common/evaluation/text_metrics.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/evaluation/doc_field.h"
#include "common/evaluation/python_text.h"

namespace koeval::evaluation {
namespace {

constexpr std::string_view kPunctuation =
    R"(!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~)";  // string.punctuation
constexpr std::string_view kDigits = "0123456789";

void Drop(std::string& text, std::string_view characters) {
  std::erase_if(text, [&](char c) { return characters.find(c) != std::string_view::npos; });
}

}  // namespace

Result<TextComparison> TextComparison::Make(const Json& options) {
  TextComparison out;
  for (const auto& [key, value] : options.items()) {
    bool* flag = key == "ignore_case"          ? &out.ignore_case_
                 : key == "ignore_punctuation" ? &out.ignore_punctuation_
                 : key == "ignore_numbers"     ? &out.ignore_numbers_
                                               : nullptr;
    if (flag != nullptr) {
      if (!value.is_boolean()) {
        return InvalidArgument(fmt::format("exact_match: {} must be true or false", key));
      }
      *flag = value.get<bool>();
    } else if (key == "regexes_to_ignore") {
      if (value.is_null()) continue;
      if (!value.is_array()) {
        return InvalidArgument("exact_match: regexes_to_ignore must be a list of patterns");
      }
      for (const Json& pattern : value) {
        if (!pattern.is_string()) {
          return InvalidArgument("exact_match: regexes_to_ignore must be a list of patterns");
        }
        auto regex = PythonRegex::Compile(pattern.get_ref<const std::string&>());
        if (!regex.ok()) return regex.status().WithContext("exact_match: regexes_to_ignore");
        out.ignored_.push_back(*std::move(regex));
      }
    } else if (key != "weight_by_size") {
      return InvalidArgument(fmt::format(
          "exact_match does not know \"{}\"; known are ignore_case, ignore_punctuation, "
          "ignore_numbers, regexes_to_ignore",
          key));
    }
  }
  return out;
}

Result<std::string> TextComparison::Simplify(std::string text) const {
  for (const PythonRegex& regex : ignored_) {
    ASSIGN_OR_RETURN(text, regex.Replace(text, ""));
  }
  if (ignore_case_) text = PythonLower(text);
  if (ignore_punctuation_) Drop(text, kPunctuation);
  if (ignore_numbers_) Drop(text, kDigits);
  return text;
}

Result<bool> TextComparison::Equal(const std::string& predicted, const std::string& wanted) const {
  ASSIGN_OR_RETURN(const std::string left, Simplify(predicted));
  ASSIGN_OR_RETURN(const std::string right, Simplify(wanted));
  return left == right;
}

Result<TextScorer> TextScorer::Make(const PreparedTask& task) {
  TextScorer out(task);
  for (const MetricConfig& metric : task.config.metrics) {
    if (metric.metric != "exact_match") continue;
    ASSIGN_OR_RETURN(TextComparison comparison, TextComparison::Make(metric.options));
    out.comparisons_.push_back(std::move(comparison));
  }
  return out;
}

// One right answer: a text, or a value that a mapping gave. A list of answers counts by its share.
Result<double> TextScorer::ExactMatch(const TextComparison& comparison, const Json& predicted,
                                      const Json& wanted) const {
  if (predicted.is_array()) {
    double sum = 0;
    for (const Json& one : predicted) {
      ASSIGN_OR_RETURN(const double equal, ExactMatch(comparison, one, wanted));
      sum += equal;
    }
    return predicted.empty() ? 0 : sum / static_cast<double>(predicted.size());
  }
  if (predicted.is_null()) return 0;
  ASSIGN_OR_RETURN(const bool equal, comparison.Equal(PythonText(predicted), PythonText(wanted)));
  return equal ? 1 : 0;
}

Result<std::vector<DocumentMetric>> TextScorer::Score(const Document& document,
                                                      const Json& predicted) const {
  const bool several = task_->multiple_targets && document.answer.is_array();
  const Json wanted = several ? document.answer : Json::array({document.answer});
  std::vector<DocumentMetric> out;
  size_t comparison = 0;
  for (const MetricConfig& metric : task_->config.metrics) {
    DocumentMetric scored;
    scored.metric = metric.metric;
    if (metric.metric == "exact_match") {
      const TextComparison& equal = comparisons_[comparison++];
      for (const Json& answer : wanted) {
        ASSIGN_OR_RETURN(const double value, ExactMatch(equal, predicted, answer));
        scored.value = std::max(scored.value, task_->multiple_targets && value > 0 ? 1.0 : value);
      }
      scored.logged = scored.value;
    } else {
      if (several || !predicted.is_string()) {
        return InvalidArgument(
            fmt::format("task {}, document {}: metric {} needs one answer of text",
                        task_->config.task, document.doc_id, metric.metric));
      }
      scored.logged = Json::array({PythonText(document.answer), predicted});
    }
    out.push_back(std::move(scored));
  }
  return out;
}

}  // namespace koeval::evaluation
