// process_docs of HellaSwag-type tasks.
#include <algorithm>
#include <string>

#include "common/base/utf8.h"
#include "common/evaluation/builtin_rows.h"
#include "common/evaluation/python_text.h"

namespace koeval::evaluation {
namespace {

// Leaves out "[...]" within one line, each up to its first closing bracket.
std::string WithoutBrackets(std::string_view text) {
  std::string out;
  size_t at = 0;
  while (at < text.size()) {
    const size_t open = text.find('[', at);
    if (open == std::string_view::npos) break;
    const size_t close = text.find_first_of("]\n", open);
    if (close == std::string_view::npos) break;
    out += text.substr(at, (text[close] == ']' ? open : close) - at);
    at = text[close] == ']' ? close + 1 : close;
  }
  return out + std::string(text.substr(std::min(at, text.size())));
}

std::string Clean(std::string_view text) {
  const std::string stripped(PythonStrip(text));
  return PythonReplace(WithoutBrackets(PythonReplace(stripped, " [title]", ". ")), "  ", " ");
}

}  // namespace

Result<std::optional<Json>> HellaswagRow(Json row) {
  ASSIGN_OR_RETURN(const std::string ctx_a, JsonString(row, "ctx_a", "row"));
  ASSIGN_OR_RETURN(const std::string ctx_b, JsonString(row, "ctx_b", "row"));
  ASSIGN_OR_RETURN(const std::string label, JsonString(row, "activity_label", "row"));
  const Json* endings = JsonFind(row, "endings");
  if (endings == nullptr || !endings->is_array()) {
    return InvalidArgument("row: field \"endings\" must be a list");
  }
  Json choices = Json::array();
  for (const Json& ending : *endings) {
    if (!ending.is_string()) return InvalidArgument("row: an ending must be text");
    choices.push_back(Clean(ending.get<std::string>()));
  }
  ASSIGN_OR_RETURN(const int64_t gold, WholeNumber(row, "label"));
  row["query"] = Clean(label + ": " + ctx_a + " " + PythonCapitalize(ctx_b));
  row["choices"] = std::move(choices);
  row["gold"] = gold;
  return std::optional<Json>(std::move(row));
}

}  // namespace koeval::evaluation
