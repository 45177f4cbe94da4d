// Rows of the table, and their Markdown.
#include "common/evaluation/result_table.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "common/base/utf8.h"
#include "common/evaluation/python_value.h"

namespace koeval::evaluation {
namespace {

constexpr size_t kColumns = 9;
constexpr int kDepthMax = 32;
struct Cell {
  std::string text;
  bool number = false;  // it was no text, and stands to the right in any column
};
using Row = std::array<Cell, kColumns>;

// Names in the order of the table, with how deep each lies.
class Hierarchy {
 public:
  Hierarchy(const Json& members, const Json& entries) : members_(members), entries_(entries) {
    std::set<std::string> inner, tops;
    for (const auto& [group, names] : members.items()) {
      tops.insert(group);
      for (const Json& name : names) inner.insert(name.get<std::string>());
    }
    for (const std::string& group : tops) {
      if (!inner.contains(group)) Visit(group, 0);
    }
    std::set<std::string> rest;
    for (const auto& [name, entry] : entries.items()) rest.insert(name);
    for (const std::string& name : rest) {
      if (!depths_.contains(name)) order_.emplace_back(name, 0);
    }
  }

  const std::vector<std::pair<std::string, int>>& order() const { return order_; }

 private:
  void Visit(const std::string& name, int depth) {
    depths_[name] = depth;
    if (entries_.contains(name)) order_.emplace_back(name, depth);
    const auto members = members_.find(name);
    if (members == members_.end() || depth == kDepthMax) return;
    std::set<std::string> sorted;
    for (const Json& member : *members) sorted.insert(member.get<std::string>());
    for (const std::string& member : sorted) Visit(member, depth + 1);
  }

  const Json& members_;
  const Json& entries_;
  std::map<std::string, int> depths_;
  std::vector<std::pair<std::string, int>> order_;
};

std::string Text(const Json& value) {
  return Value::FromJson(value).Str();
}

std::string Fixed(const Json& value) {
  return value.is_number_float() ? fmt::format("{:.4f}", value.get<double>()) : Text(value);
}

std::string Direction(const Json& results, const std::string& name, const std::string& metric) {
  const Json* tables = JsonFind(results, "higher_is_better");
  const Json* table = tables == nullptr ? nullptr : JsonFind(*tables, name);
  const Json* higher = table == nullptr ? nullptr : JsonFind(*table, metric);
  if (higher == nullptr) return "";
  return higher->get<bool>() ? "↑" : "↓";
}

// A member of a table of `results`, or `fallback`.
Cell LookUp(const Json& results, const char* table, const std::string& name, const char* fallback) {
  const Json* values = JsonFind(results, table);
  const Json* value = values == nullptr ? nullptr : JsonFind(*values, name);
  if (value == nullptr) return {fallback};
  return {Text(*value), value->is_number()};
}

void AddRows(const Json& results, const std::string& name, int depth, const Json& entry,
             std::vector<Row>& rows) {
  std::string shown = entry.contains("alias") ? Text(entry["alias"]) : name;
  if (depth > 0) shown = std::string(static_cast<size_t>(depth), ' ') + "- " + shown;
  Cell version = LookUp(results, "versions", name, "    N/A");
  const std::string shots = LookUp(results, "n-shot", name, " ").text;
  std::map<std::string, const Json*> sorted;
  for (const auto& [key, value] : entry.items()) sorted[key] = &value;
  for (const auto& [key, value] : sorted) {
    const size_t comma = key.find(',');
    if (comma == std::string::npos) continue;
    const std::string metric = key.substr(0, comma);
    const std::string filter = key.substr(comma + 1);
    if (metric.ends_with("_stderr")) continue;
    Row row = {{{shown},
                version,
                {filter},
                {shots},
                {metric},
                {Direction(results, name, metric)},
                {Fixed(*value)},
                {""},
                {""}}};
    const auto error = sorted.find(metric + "_stderr," + filter);
    if (error != sorted.end()) {
      row[7].text = "±";
      row[8].text = error->second->is_string() ? "   N/A" : Fixed(*error->second);
    }
    rows.push_back(std::move(row));
    shown.clear();
    version = {""};
  }
}

size_t Width(std::string_view text) {
  size_t width = 0;
  for (size_t at = 0; at < text.size();) {
    width += static_cast<size_t>(
        std::max(utf8proc_charwidth(static_cast<utf8proc_int32_t>(DecodeUtf8(text, at))), 0));
  }
  return width;
}

bool IsBlank(const std::string& text) {
  return text.find_first_not_of(' ') == std::string::npos;
}

// The number that a cell says; nothing for other text.
std::optional<double> Number(const std::string& text) {
  size_t used = 0;
  if (text.empty() || text.find_first_not_of("0123456789.+-") != std::string::npos) {
    return text == "nan" ? std::optional<double>(std::nan("")) : std::nullopt;
  }
  try {
    const double value = std::stod(text, &used);
    return used == text.size() ? std::optional<double>(value) : std::nullopt;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

// Digits behind the point, without closing zeros.
size_t Decimals(const std::string& text) {
  const size_t point = text.find('.');
  if (point == std::string::npos) return 0;
  const size_t last = text.find_last_not_of('0');
  return last - point;
}

// "1.0" and "2.50" of a number among texts: "1", "2.5".
std::string Shortest(const std::string& text) {
  const size_t point = text.find('.');
  if (point == std::string::npos) return text;
  const size_t last = text.find_last_not_of('0');
  return text.substr(0, last == point ? point : last + 1);
}

// A column of numbers is written evenly and set to the right.
bool FormatColumn(std::vector<Row>& rows, size_t column) {
  size_t decimals = 0;
  bool floats = false, numbers = false, texts = false;
  for (const Row& row : rows) {
    const std::string& cell = row[column].text;
    if (IsBlank(cell)) continue;
    (Number(cell) ? numbers : texts) = true;
    decimals = std::max(decimals, Decimals(cell));
    floats |= cell.find('.') != std::string::npos;
  }
  for (Row& row : rows) {
    Cell& cell = row[column];
    const auto number = Number(cell.text);
    if (!number) continue;
    if (texts) {
      if (cell.number) cell.text = Shortest(cell.text);
    } else if (floats) {
      cell.text = std::isnan(*number) ? "NaN" : fmt::format("{:.{}f}", *number, decimals);
    }
  }
  return numbers && !texts;
}

std::string Line(const Row& row, const std::array<size_t, kColumns>& widths,
                 const std::array<bool, kColumns>& right, bool header) {
  std::string out = "|";
  for (size_t i = 0; i < kColumns; ++i) {
    const size_t pad = widths[i] - std::min(widths[i], Width(row[i].text));
    const size_t before = header ? pad / 2 : right[i] || row[i].number ? pad : 0;
    std::string cell;
    for (const char c : row[i].text) cell += c == '|' ? "\\|" : std::string(1, c);
    out += std::string(before, ' ') + cell + std::string(pad - before, ' ') + "|";
  }
  return out + "\n";
}

std::string Markdown(const Row& header, std::vector<Row> rows) {
  std::array<size_t, kColumns> widths{};
  std::array<bool, kColumns> right{};
  for (size_t i = 0; i < kColumns; ++i) {
    right[i] = FormatColumn(rows, i);
    widths[i] = std::max<size_t>(Width(header[i].text), 3);
    for (const Row& row : rows) widths[i] = std::max(widths[i], Width(row[i].text));
  }
  std::string out = Line(header, widths, right, true) + "|";
  for (size_t i = 0; i < kColumns; ++i) {
    out += std::string(widths[i] - (right[i] ? 1 : 0), '-') + (right[i] ? ":|" : "|");
  }
  out += "\n";
  for (const Row& row : rows) out += Line(row, widths, right, false);
  return out;
}

}  // namespace

std::string ResultsTable(const Json& results, TableKind kind) {
  const bool groups = kind == TableKind::kGroups;
  const Json& entries = results[groups ? "groups" : "results"];
  const Json* given = JsonFind(results, "group_subtasks");
  const Json members = given == nullptr ? Json::object() : *given;
  std::vector<Row> rows;
  const Hierarchy hierarchy(members, entries);
  for (const auto& [name, depth] : hierarchy.order()) {
    AddRows(results, name, depth, entries[name], rows);
  }
  const Row header = {{{groups ? "Groups" : "Tasks"},
                       {"Version"},
                       {"Filter"},
                       {"n-shot"},
                       {"Metric"},
                       {""},
                       {"Value"},
                       {""},
                       {"Stderr"}}};
  return Markdown(header, std::move(rows));
}

}  // namespace koeval::evaluation
