// Parquet through Arrow: row groups come in batches, columns become JSON value by value.
#include "common/evaluation/parquet.h"

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/util/float16.h>
#include <fmt/core.h>
#include <parquet/arrow/reader.h>
#include <parquet/exception.h>
#include <parquet/metadata.h>

#include <cmath>
#include <filesystem>

#include "common/base/utf8.h"
#include "common/evaluation/dataset.h"

namespace koeval::evaluation {
namespace {

Status FromArrow(const std::string& path, const arrow::Status& status) {
  return InvalidArgument(fmt::format("{}: not a sound Parquet file: {}", path, status.message()));
}

// One column of a batch, value by value.
class Column {
 public:
  // `name` as "answers.text" for a struct's member; UNIMPLEMENTED names it and its type.
  static Status CheckType(const std::string& name, const arrow::DataType& type, int depth = 0) {
    if (depth > kParquetDepthMax) {
      return ResourceExhausted(fmt::format("column {} is deeper than {}", name, kParquetDepthMax));
    }
    switch (type.id()) {
      case arrow::Type::NA:
      case arrow::Type::BOOL:
      case arrow::Type::STRING:
      case arrow::Type::LARGE_STRING:
      case arrow::Type::HALF_FLOAT:
      case arrow::Type::FLOAT:
      case arrow::Type::DOUBLE:
        return OkStatus();
      case arrow::Type::LIST:
      case arrow::Type::LARGE_LIST:
      case arrow::Type::FIXED_SIZE_LIST:
        return CheckType(name, *type.field(0)->type(), depth + 1);
      case arrow::Type::DICTIONARY:
        return CheckType(name, *static_cast<const arrow::DictionaryType&>(type).value_type(),
                         depth + 1);
      case arrow::Type::STRUCT:
        for (const auto& field : type.fields()) {
          RETURN_IF_ERROR(CheckType(name + "." + field->name(), *field->type(), depth + 1));
        }
        return OkStatus();
      default:
        if (arrow::is_integer(type.id())) return OkStatus();
        return Unimplemented(fmt::format(
            "column {} is of type {}, which a row cannot hold; convert the column to text or "
            "numbers, or leave it out",
            name, type.ToString()));
    }
  }

  static Result<Json> Value(const arrow::Array& array, int64_t i) {
    if (array.IsNull(i)) return Json(nullptr);
    switch (array.type_id()) {
      case arrow::Type::BOOL:
        return Json(static_cast<const arrow::BooleanArray&>(array).Value(i));
      case arrow::Type::STRING:
        return Text(static_cast<const arrow::StringArray&>(array).GetView(i));
      case arrow::Type::LARGE_STRING:
        return Text(static_cast<const arrow::LargeStringArray&>(array).GetView(i));
      case arrow::Type::HALF_FLOAT:
        return Number(arrow::util::Float16::FromBits(
                          static_cast<const arrow::HalfFloatArray&>(array).Value(i))
                          .ToDouble());
      case arrow::Type::FLOAT:
        return Number(double{static_cast<const arrow::FloatArray&>(array).Value(i)});
      case arrow::Type::DOUBLE:
        return Number(static_cast<const arrow::DoubleArray&>(array).Value(i));
      case arrow::Type::LIST:
        return List(*static_cast<const arrow::ListArray&>(array).value_slice(i));
      case arrow::Type::LARGE_LIST:
        return List(*static_cast<const arrow::LargeListArray&>(array).value_slice(i));
      case arrow::Type::FIXED_SIZE_LIST:
        return List(*static_cast<const arrow::FixedSizeListArray&>(array).value_slice(i));
      case arrow::Type::STRUCT:
        return Struct(static_cast<const arrow::StructArray&>(array), i);
      case arrow::Type::DICTIONARY: {
        const auto& words = static_cast<const arrow::DictionaryArray&>(array);
        return Value(*words.dictionary(), words.GetValueIndex(i));
      }
      default:
        return Integer(array, i);
    }
  }

 private:
  static Result<Json> Text(std::string_view text) {
    if (!IsValidUtf8(text)) return InvalidArgument("its text is not UTF-8");
    return Json(std::string(text));
  }

  static Result<Json> Number(double value) {
    if (!std::isfinite(value)) return InvalidArgument("it is not a finite number");
    return Json(value);
  }

  static Result<Json> Integer(const arrow::Array& array, int64_t i) {
    switch (array.type_id()) {
      case arrow::Type::INT8:
        return Json(static_cast<const arrow::Int8Array&>(array).Value(i));
      case arrow::Type::INT16:
        return Json(static_cast<const arrow::Int16Array&>(array).Value(i));
      case arrow::Type::INT32:
        return Json(static_cast<const arrow::Int32Array&>(array).Value(i));
      case arrow::Type::INT64:
        return Json(static_cast<const arrow::Int64Array&>(array).Value(i));
      case arrow::Type::UINT8:
        return Json(static_cast<const arrow::UInt8Array&>(array).Value(i));
      case arrow::Type::UINT16:
        return Json(static_cast<const arrow::UInt16Array&>(array).Value(i));
      case arrow::Type::UINT32:
        return Json(static_cast<const arrow::UInt32Array&>(array).Value(i));
      case arrow::Type::UINT64:
        return Json(static_cast<const arrow::UInt64Array&>(array).Value(i));
      default:
        return Internal("a column of a type that was refused before");
    }
  }

  static Result<Json> List(const arrow::Array& items) {
    Json out = Json::array();
    for (int64_t i = 0; i < items.length(); ++i) {
      ASSIGN_OR_RETURN(Json item, Value(items, i));
      out.push_back(std::move(item));
    }
    return out;
  }

  static Result<Json> Struct(const arrow::StructArray& array, int64_t i) {
    Json out = Json::object();
    for (int field = 0; field < array.num_fields(); ++field) {
      ASSIGN_OR_RETURN(out[array.struct_type()->field(field)->name()],
                       Value(*array.field(field), i));
    }
    return out;
  }
};

Status CheckBounds(const std::string& path, const parquet::FileMetaData& metadata) {
  if (metadata.num_rows() > kDatasetRowsMax) {
    return ResourceExhausted(fmt::format("{} has more than {} rows", path, kDatasetRowsMax));
  }
  int64_t bytes = 0;
  for (int group = 0; group < metadata.num_row_groups(); ++group) {
    const int64_t more = metadata.RowGroup(group)->total_byte_size();
    if (more < 0 || more > static_cast<int64_t>(kDatasetBytesMax) - bytes) {
      return ResourceExhausted(
          fmt::format("{}: more than {} bytes when unpacked", path, kDatasetBytesMax));
    }
    bytes += more;
  }
  return OkStatus();
}

Status AppendBatch(const std::string& path, const arrow::RecordBatch& batch,
                   std::vector<Json>& rows) {
  for (int64_t i = 0; i < batch.num_rows(); ++i) {
    if (static_cast<int64_t>(rows.size()) >= kDatasetRowsMax) {
      return ResourceExhausted(fmt::format("{} has more than {} rows", path, kDatasetRowsMax));
    }
    Json row = Json::object();
    for (int column = 0; column < batch.num_columns(); ++column) {
      auto value = Column::Value(*batch.column(column), i);
      if (!value.ok()) {
        return InvalidArgument(fmt::format("{}: column {}, row {}: {}", path,
                                           batch.column_name(column), rows.size() + 1,
                                           value.status().message()));
      }
      row[batch.column_name(column)] = *std::move(value);
    }
    rows.push_back(std::move(row));
  }
  return OkStatus();
}

Result<std::vector<Json>> ReadRows(const std::string& path) {
  auto file = arrow::io::ReadableFile::Open(path);
  if (!file.ok()) return FromArrow(path, file.status());
  auto reader = parquet::arrow::OpenFile(*file, arrow::system_memory_pool());
  if (!reader.ok()) return FromArrow(path, reader.status());
  RETURN_IF_ERROR(CheckBounds(path, *(*reader)->parquet_reader()->metadata()));
  auto batches = (*reader)->GetRecordBatchReader();
  if (!batches.ok()) return FromArrow(path, batches.status());
  for (const auto& field : (*batches)->schema()->fields()) {
    const Status status = Column::CheckType(field->name(), *field->type());
    if (!status.ok()) return status.WithContext(path);
  }
  std::vector<Json> rows;
  for (;;) {
    std::shared_ptr<arrow::RecordBatch> batch;
    const arrow::Status status = (*batches)->ReadNext(&batch);
    if (!status.ok()) return FromArrow(path, status);
    if (batch == nullptr) return rows;
    const arrow::Status valid = batch->ValidateFull();
    if (!valid.ok()) return FromArrow(path, valid);
    RETURN_IF_ERROR(AppendBatch(path, *batch, rows));
  }
}

}  // namespace

Result<std::vector<Json>> ReadParquetFile(const std::string& path) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  if (error || !std::filesystem::is_regular_file(path, error)) {
    return NotFound(path + ": there is no such file");
  }
  if (bytes > kDatasetBytesMax) {
    return ResourceExhausted(fmt::format("{} is larger than {} bytes", path, kDatasetBytesMax));
  }
  try {
    return ReadRows(path);
  } catch (const std::exception& thrown) {  // of the Parquet reader, on a damaged file
    return FromArrow(path, arrow::Status::Invalid(thrown.what()));
  }
}

}  // namespace koeval::evaluation
