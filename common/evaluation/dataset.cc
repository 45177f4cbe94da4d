// Readers of the dataset formats.
#include "common/evaluation/dataset.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>

#include "common/base/file.h"
#include "common/base/utf8.h"
#include "common/evaluation/parquet.h"

namespace koeval::evaluation {
namespace {

Status At(const std::string& where, int64_t line, std::string_view what) {
  return InvalidArgument(fmt::format("{}:{}: {}", where, line, what));
}

// ---- JSON ----

// A key may be text of the row as well as a column's name.
std::string_view WithoutKey(const std::string& message) {
  return message.starts_with("duplicate key") ? "a key is given twice" : std::string_view(message);
}

Status CheckRow(const Json& row, const std::string& where, int64_t line) {
  return row.is_object() ? OkStatus() : At(where, line, "a row must be a JSON object");
}

Result<std::vector<Json>> ParseJsonLines(std::string_view text, const std::string& where) {
  std::vector<Json> rows;
  int64_t number = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    ++number;
    if (PythonStrip(line).empty()) continue;
    auto row = ParseJson(line);
    if (!row.ok()) return At(where, number, WithoutKey(row.status().message()));
    RETURN_IF_ERROR(CheckRow(*row, where, number));
    if (static_cast<int64_t>(rows.size()) >= kDatasetRowsMax) {
      return ResourceExhausted(fmt::format("{} has more than {} rows", where, kDatasetRowsMax));
    }
    rows.push_back(*std::move(row));
  }
  return rows;
}

// A list of rows, or an object that holds one under `field`.
Result<std::vector<Json>> ParseJsonWhole(std::string_view text, const std::string& field,
                                         const std::string& where) {
  auto json = ParseJson(text);
  if (!json.ok())
    return InvalidArgument(where + ": " + std::string(WithoutKey(json.status().message())));
  const Json* list = field.empty() ? &*json : JsonFind(*json, field);
  if (list == nullptr || !list->is_array()) {
    return InvalidArgument(
        field.empty() ? where + ": the top level must be a list of rows, or one row per line"
                      : fmt::format("{}: there is no list under \"{}\"", where, field));
  }
  std::vector<Json> rows(list->begin(), list->end());
  for (size_t i = 0; i < rows.size(); ++i) {
    RETURN_IF_ERROR(CheckRow(rows[i], where, static_cast<int64_t>(i) + 1));
  }
  return rows;
}

Result<std::vector<Json>> ParseJsonDataset(std::string_view text, const std::string& field,
                                           const std::string& where) {
  const std::string_view body = PythonLstrip(text);
  if (body.empty()) return std::vector<Json>();
  if (!field.empty() || body.front() == '[') return ParseJsonWhole(body, field, where);
  return ParseJsonLines(text, where);
}

// ---- CSV and TSV ----

struct Record {
  int64_t line = 0;  // where it starts
  std::vector<std::string> cells;
};

// RFC 4180 with either line ending; without quoting a record is a line.
class RecordReader {
 public:
  RecordReader(std::string_view text, const DatasetOptions& options, const std::string& where)
      : text_(text), options_(options), where_(where) {}

  // The next record that is not empty; nothing at the end.
  Result<std::optional<Record>> Next() {
    while (at_ < text_.size()) {
      Record record;
      record.line = line_;
      RETURN_IF_ERROR(ReadRecord(record));
      const bool blank = record.cells.size() == 1 && record.cells[0].empty();
      if (!blank) return std::optional<Record>(std::move(record));
    }
    return std::optional<Record>();
  }

 private:
  Status ReadRecord(Record& record) {
    while (true) {
      const bool quoted = options_.quoting && at_ < text_.size() && text_[at_] == '"';
      std::string cell;
      if (quoted) {
        RETURN_IF_ERROR(ReadQuoted(cell));
      } else {
        const std::string_view stops = options_.delimiter == '\t' ? "\t\r\n" : ",\r\n";
        size_t end = options_.delimiter == ',' || options_.delimiter == '\t'
                         ? text_.find_first_of(stops, at_)
                         : text_.find_first_of(std::string("\r\n") + options_.delimiter, at_);
        end = std::min(end, text_.size());
        cell = text_.substr(at_, end - at_);
        at_ = end;
      }
      record.cells.push_back(std::move(cell));
      if (at_ < text_.size() && text_[at_] == options_.delimiter) {
        ++at_;
        continue;
      }
      if (at_ < text_.size() && text_[at_] != '\r' && text_[at_] != '\n') {
        return At(where_, line_,
                  "text after a closing quote; set quoting: false if quotes are text");
      }
      EndLine();
      return OkStatus();
    }
  }

  Status ReadQuoted(std::string& cell) {
    const int64_t opened = line_;
    ++at_;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '\n') ++line_;
      if (c != '"') {
        cell += c;
      } else if (at_ < text_.size() && text_[at_] == '"') {
        cell += '"';
        ++at_;
      } else {
        return OkStatus();
      }
    }
    return At(where_, opened, "a quote is never closed; set quoting: false if quotes are text");
  }

  void EndLine() {
    if (at_ < text_.size() && text_[at_] == '\r') ++at_;
    if (at_ < text_.size() && text_[at_] == '\n') ++at_;
    ++line_;
  }

  const std::string_view text_;
  const DatasetOptions& options_;
  const std::string& where_;
  size_t at_ = 0;
  int64_t line_ = 1;
};

enum class ColumnType { kInt, kFloat, kText };

std::optional<int64_t> AsInt(std::string_view cell) {
  int64_t value = 0;
  if (cell.starts_with('+')) cell.remove_prefix(1);
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error != std::errc() || end != cell.data() + cell.size()) return std::nullopt;
  return value;
}

std::optional<double> AsFloat(std::string_view cell) {
  // from_chars would also take "inf" and "nan", which are words in a text column.
  if (cell.find_first_not_of("0123456789+-.eE") != std::string_view::npos) return std::nullopt;
  if (cell.starts_with('+')) cell.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error != std::errc() || end != cell.data() + cell.size()) return std::nullopt;
  return value;
}

// A column is numeric when every cell of it is a number; one with empty cells and whole numbers
// becomes decimal, as a data frame's does.
ColumnType TypeOf(const std::vector<Record>& records, size_t column) {
  bool all_int = true, any_empty = false, any_value = false;
  for (const Record& record : records) {
    const std::string& cell = record.cells[column];
    if (cell.empty()) {
      any_empty = true;
      continue;
    }
    any_value = true;
    all_int = all_int && AsInt(cell).has_value();
    if (!all_int && !AsFloat(cell)) return ColumnType::kText;
  }
  if (!any_value) return ColumnType::kText;
  return all_int && !any_empty ? ColumnType::kInt : ColumnType::kFloat;
}

Json CellValue(const std::string& cell, ColumnType type) {
  if (cell.empty()) return nullptr;
  if (type == ColumnType::kInt) return *AsInt(cell);
  if (type == ColumnType::kFloat) return *AsFloat(cell);
  return cell;
}

Result<std::vector<Json>> ParseTable(std::string_view text, const DatasetOptions& options,
                                     const std::string& where) {
  RecordReader reader(text, options, where);
  std::vector<std::string> names = options.column_names;
  std::vector<Record> records;
  int64_t skip = options.skip_rows;
  while (true) {
    ASSIGN_OR_RETURN(auto record, reader.Next());
    if (!record) break;
    if (skip > 0) {
      --skip;
      continue;
    }
    if (names.empty()) {
      names = std::move(record->cells);
      continue;
    }
    if (record->cells.size() != names.size()) {
      return At(where, record->line,
                fmt::format("the row has {} cells, but there are {} columns", record->cells.size(),
                            names.size()));
    }
    if (static_cast<int64_t>(records.size()) >= kDatasetRowsMax) {
      return ResourceExhausted(fmt::format("{} has more than {} rows", where, kDatasetRowsMax));
    }
    records.push_back(*std::move(record));
  }
  std::vector<ColumnType> types;
  for (size_t c = 0; c < names.size(); ++c) {
    types.push_back(options.all_text ? ColumnType::kText : TypeOf(records, c));
  }
  std::vector<Json> rows;
  rows.reserve(records.size());
  for (const Record& record : records) {
    Json row = Json::object();
    for (size_t c = 0; c < names.size(); ++c) row[names[c]] = CellValue(record.cells[c], types[c]);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

std::optional<DatasetFormat> DatasetFormatOf(const std::string& path) {
  const std::string extension = std::filesystem::path(path).extension().string();
  if (extension == ".jsonl" || extension == ".json") return DatasetFormat::kJson;
  if (extension == ".csv") return DatasetFormat::kCsv;
  if (extension == ".tsv") return DatasetFormat::kTsv;
  if (extension == ".parquet") return DatasetFormat::kParquet;
  return std::nullopt;
}

std::string DatasetSplitOf(const std::string& path) {
  static constexpr std::string_view kPart = "-00000-of-00000";
  std::string stem = std::filesystem::path(path).stem().string();
  if (stem.size() <= kPart.size()) return stem;
  const std::string_view end = std::string_view(stem).substr(stem.size() - kPart.size());
  const bool is_part = std::equal(end.begin(), end.end(), kPart.begin(), [](char c, char wanted) {
    return wanted == '0' ? c >= '0' && c <= '9' : c == wanted;
  });
  if (is_part) stem.resize(stem.size() - kPart.size());
  return stem;
}

Result<std::vector<Json>> ParseDataset(const std::string& text, const DatasetOptions& options,
                                       const std::string& where) {
  if (options.format == DatasetFormat::kParquet) {
    return InvalidArgument(where + ": Parquet is no text");
  }
  std::string_view body = text;
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (body.starts_with(kByteOrderMark)) body.remove_prefix(kByteOrderMark.size());
  if (!IsValidUtf8(body)) return InvalidArgument(where + " is not UTF-8; convert it and try again");
  if (options.format == DatasetFormat::kJson) {
    return ParseJsonDataset(body, options.field, where);
  }
  return ParseTable(body, options, where);
}

Result<std::vector<Json>> ReadDatasetFile(const std::string& path, const DatasetOptions& options) {
  if (options.format == DatasetFormat::kParquet) return ReadParquetFile(path);
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kDatasetBytesMax));
  return ParseDataset(text, options, path);
}

}  // namespace koeval::evaluation
