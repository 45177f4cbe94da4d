// The built-ins of process_docs by name.
#include "common/evaluation/builtin.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "common/base/check.h"
#include "common/evaluation/builtin_rows.h"

namespace koeval::evaluation {
namespace {

const std::vector<RowBuiltin>& All() {
  static const std::vector<RowBuiltin> all = [] {
    std::vector<RowBuiltin> out = {{"csatqa", CsatqaRow},
                                   {"hellaswag", HellaswagRow},
                                   {"ko_commongen", KoCommongenRow},
                                   {"kobest_hellaswag", KobestHellaswagRow}};
    out.insert(out.end(), kClickBuiltins.begin(), kClickBuiltins.end());
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return out;
  }();
  return all;
}

const RowBuiltin* Find(std::string_view name) {
  const auto found = std::find_if(All().begin(), All().end(),
                                  [&](const RowBuiltin& builtin) { return builtin.name == name; });
  return found == All().end() ? nullptr : &*found;
}

}  // namespace

Result<int64_t> WholeNumber(const Json& row, std::string_view key) {
  const Json* value = JsonFind(row, key);
  if (value != nullptr && value->is_number_integer()) return value->get<int64_t>();
  if (value != nullptr && value->is_string()) {
    const auto& text = value->get_ref<const std::string&>();
    int64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec == std::errc() && read.ptr == text.data() + text.size()) return number;
  }
  return InvalidArgument(fmt::format("row: field \"{}\" must be a whole number", key));
}

bool IsDocsBuiltin(std::string_view name) {
  return Find(name) != nullptr;
}

std::string DocsBuiltins() {
  std::string out;
  for (const RowBuiltin& builtin : All()) {
    if (!out.empty()) out += ", ";
    out += builtin.name;
  }
  return out;
}

Result<std::vector<Json>> RunDocsBuiltin(std::string_view name, std::vector<Json> rows) {
  const RowBuiltin* builtin = Find(name);
  KOEVAL_CHECK(builtin != nullptr, "an unknown built-in");
  std::vector<Json> out;
  out.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    auto row = builtin->run(std::move(rows[i]));
    if (!row.ok()) return row.status().WithContext(fmt::format("{}, row {}", name, i));
    if (*row) out.push_back(**std::move(row));
  }
  return out;
}

}  // namespace koeval::evaluation
