// process_docs of the Korean tasks that write their prompts in code.
#include <fmt/core.h>

#include <string>

#include "common/evaluation/builtin_rows.h"
#include "common/evaluation/python_text.h"

namespace koeval::evaluation {

Result<std::optional<Json>> KobestHellaswagRow(Json row) {
  ASSIGN_OR_RETURN(const std::string context, JsonString(row, "context", "row"));
  Json choices = Json::array();
  for (int i = 1; i <= 4; ++i) {
    ASSIGN_OR_RETURN(std::string ending, JsonString(row, fmt::format("ending_{}", i), "row"));
    choices.push_back(std::move(ending));
  }
  ASSIGN_OR_RETURN(const int64_t gold, WholeNumber(row, "label"));
  row["query"] = "문장: " + context;
  row["choices"] = std::move(choices);
  row["gold"] = gold;
  return std::optional<Json>(std::move(row));
}

Result<std::optional<Json>> CsatqaRow(Json row) {
  ASSIGN_OR_RETURN(const std::string context, JsonString(row, "context", "row"));
  ASSIGN_OR_RETURN(const std::string question, JsonString(row, "question", "row"));
  std::string options;
  Json choices = Json::array();
  for (int i = 1; i <= 5; ++i) {
    ASSIGN_OR_RETURN(const std::string option, JsonString(row, fmt::format("option#{}", i), "row"));
    options += fmt::format("({}) {}\n", i, option);
    choices.push_back(fmt::format("({})", i));
  }
  ASSIGN_OR_RETURN(const int64_t gold, WholeNumber(row, "gold"));
  row["question"] = fmt::format(
      "다음을 읽고 정답으로 알맞은 것을 고르시요.\n### Context: {}\n### Question: {}\n"
      "### Options:\n{}### Answer: 주어진 문제의 정답은",
      context, question, options);
  row["choices"] = std::move(choices);
  row["gold"] = gold - 1;
  return std::optional<Json>(std::move(row));
}

Result<std::optional<Json>> KoCommongenRow(Json row) {
  ASSIGN_OR_RETURN(const std::string concepts, JsonString(row, "concept_set", "row"));
  ASSIGN_OR_RETURN(const int64_t gold, WholeNumber(row, "gold"));
  std::string query = fmt::format("concept set: {{{}}}\n", PythonReplace(concepts, "#", ", "));
  Json choices = Json::array();
  for (int i = 1; i <= 4; ++i) {
    ASSIGN_OR_RETURN(const std::string text, JsonString(row, std::to_string(i), "row"));
    choices.push_back(fmt::format("{}. {}", i, text));
    query += choices.back().get<std::string>() + "\n";
  }
  row["query"] = query + "정답:";
  row["choices"] = std::move(choices);
  row["answer"] = gold - 1;
  return std::optional<Json>(std::move(row));
}

}  // namespace koeval::evaluation
