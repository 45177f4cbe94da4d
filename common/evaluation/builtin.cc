// process_docs of HellaSwag-type tasks.
#include "common/evaluation/builtin.h"

#include <fmt/core.h>

#include "common/base/utf8.h"
#include "common/evaluation/python_text.h"

namespace koeval::evaluation {
namespace {

constexpr std::string_view kHellaswag = "hellaswag";

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

// The harness's cleaning of WikiHow artefacts.
std::string Clean(std::string_view text) {
  const std::string stripped(PythonStrip(text));
  return PythonReplace(WithoutBrackets(PythonReplace(stripped, " [title]", ". ")), "  ", " ");
}

Result<Json> HellaswagRow(Json row) {
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
  const Json* gold = JsonFind(row, "label");
  if (gold == nullptr) return InvalidArgument("row: field \"label\" is missing");
  std::string digits = gold->is_string() ? gold->get<std::string>() : gold->dump();
  if (digits.empty() || digits.size() > 9 ||
      digits.find_first_not_of("0123456789") != std::string::npos) {
    return InvalidArgument("row: field \"label\" must be a whole number");
  }
  row["query"] = Clean(label + ": " + ctx_a + " " + PythonCapitalize(ctx_b));
  row["choices"] = std::move(choices);
  row["gold"] = std::stoll(digits);
  return row;
}

}  // namespace

bool IsDocsBuiltin(std::string_view name) {
  return name == kHellaswag;
}

std::string DocsBuiltins() {
  return std::string(kHellaswag);
}

Result<std::vector<Json>> RunDocsBuiltin(std::string_view name, std::vector<Json> rows) {
  KOEVAL_CHECK(IsDocsBuiltin(name), "an unknown built-in");
  for (size_t i = 0; i < rows.size(); ++i) {
    auto row = HellaswagRow(std::move(rows[i]));
    if (!row.ok()) return row.status().WithContext(fmt::format("{}, row {}", name, i));
    rows[i] = *std::move(row);
  }
  return rows;
}

}  // namespace koeval::evaluation
