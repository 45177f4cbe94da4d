// The folder of registered datasets.
#include "scheduler/service/dataset_store.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "common/base/file.h"
#include "common/base/json.h"
#include "common/base/random.h"
#include "common/base/sha256.h"
#include "common/evaluation/dataset.h"
#include "scheduler/service/limits.h"
#include "scheduler/service/private_folder.h"

namespace koeval::service {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kPrivateFile = 0600;
constexpr size_t kIndexBytesMax = 64 << 20;
constexpr const char* kIndex = "index.json";
constexpr const char* kByDigest = "by-digest";
constexpr const char* kIncoming = "incoming";

bool IsNameChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

bool IsPart(const std::string& part) {
  return !part.empty() && part.size() <= kDatasetNameBytesMax && part.front() != '.' &&
         std::all_of(part.begin(), part.end(), IsNameChar);
}

// One or two parts.
bool ArePartsFine(const std::string& text) {
  const size_t slash = text.find('/');
  if (slash == std::string::npos) return IsPart(text);
  return IsPart(text.substr(0, slash)) && IsPart(text.substr(slash + 1));
}

Json ToJson(const DatasetRecord& record) {
  Json splits = Json::array();
  for (const DatasetSplitFacts& split : record.splits) {
    splits.push_back({{"config", split.config},
                      {"split", split.split},
                      {"rows", split.rows},
                      {"bytes", split.bytes}});
  }
  return {{"name", record.origin.name},  {"digest", record.origin.digest},
          {"public", record.is_public},  {"splits", std::move(splits)},
          {"added_by", record.added_by}, {"added_at_us", record.added_at.micros},
          {"bundles", record.bundles}};
}

constexpr const char* kWhere = "index of datasets";

Result<DatasetSplitFacts> SplitFromJson(const Json& json) {
  DatasetSplitFacts out;
  ASSIGN_OR_RETURN(out.config, JsonString(json, "config", kWhere));
  ASSIGN_OR_RETURN(out.split, JsonString(json, "split", kWhere));
  ASSIGN_OR_RETURN(out.rows, JsonInt(json, "rows", kWhere));
  ASSIGN_OR_RETURN(out.bytes, JsonInt(json, "bytes", kWhere));
  return out;
}

Result<DatasetRecord> RecordFromJson(const Json& json) {
  DatasetRecord out;
  ASSIGN_OR_RETURN(out.origin.name, JsonString(json, "name", kWhere));
  ASSIGN_OR_RETURN(out.origin.digest, JsonString(json, "digest", kWhere));
  ASSIGN_OR_RETURN(out.is_public, JsonBool(json, "public", kWhere));
  ASSIGN_OR_RETURN(out.added_by, JsonString(json, "added_by", kWhere));
  ASSIGN_OR_RETURN(out.added_at.micros, JsonInt(json, "added_at_us", kWhere));
  const Json* splits = JsonFind(json, "splits");
  const Json* bundles = JsonFind(json, "bundles");
  if (splits == nullptr || !splits->is_array() || bundles == nullptr || !bundles->is_array()) {
    return DataLoss(std::string(kWhere) + ": splits and bundles must be lists");
  }
  for (const Json& split : *splits) {
    ASSIGN_OR_RETURN(DatasetSplitFacts read, SplitFromJson(split));
    out.splits.push_back(std::move(read));
  }
  for (const Json& bundle : *bundles) {
    if (!bundle.is_string()) return DataLoss(std::string(kWhere) + ": a bundle is no text");
    out.bundles.push_back(bundle.get<std::string>());
  }
  return out;
}

Result<DatasetRecords> ReadIndex(const std::string& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return DatasetRecords();
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kIndexBytesMax));
  const auto json = ParseJson(text);
  const Json* list = json.ok() ? JsonFind(*json, "datasets") : nullptr;
  if (list == nullptr || !list->is_array()) {
    return DataLoss(path + " cannot be read; restore it from a backup");
  }
  DatasetRecords out;
  for (const Json& item : *list) {
    auto record = RecordFromJson(item);
    if (!record.ok()) {
      return DataLoss(path + ": " + record.status().message() + "; restore it from a backup");
    }
    out.push_back(std::move(*record));
  }
  return out;
}

// The files below `folder`, by their names relative to it.
Result<std::map<std::string, fs::path>> FilesOf(const std::string& folder) {
  std::map<std::string, fs::path> files;
  std::error_code error;
  for (auto it = fs::recursive_directory_iterator(folder, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    if (it->is_regular_file()) files.emplace(fs::relative(it->path(), folder).string(), it->path());
  }
  if (error) return Unavailable("cannot list " + folder + ": " + error.message());
  return files;
}

evaluation::DatasetOptions OptionsOf(const fs::path& file) {
  evaluation::DatasetOptions options;
  options.format = evaluation::DatasetFormatOf(file.string()).value_or(options.format);
  if (options.format == evaluation::DatasetFormat::kTsv) {
    options.delimiter = '\t';
    options.quoting = false;
  }
  return options;
}

// Adds what the file `name` holds to its split, which may lie in parts.
void CountRows(const std::string& name, int64_t rows, int64_t bytes, DatasetRecord* record) {
  const std::string config = fs::path(name).parent_path().string();
  const std::string split = evaluation::DatasetSplitOf(name);
  for (DatasetSplitFacts& known : record->splits) {
    if (known.config != config || known.split != split) continue;
    known.rows += rows;
    known.bytes += bytes;
    return;
  }
  record->splits.push_back({config, split, rows, bytes});
}

}  // namespace

Status ValidateDatasetName(const std::string& name) {
  if (ArePartsFine(name)) return OkStatus();
  return InvalidArgument(
      fmt::format("name: must be NAME or ORG/NAME, each 1 to {} of letters, digits and . _ -, not "
                  "starting with a dot",
                  kDatasetNameBytesMax));
}

Status ValidateDatasetFile(const std::string& file) {
  if (evaluation::DatasetFormatOf(file) && ArePartsFine(file)) return OkStatus();
  return InvalidArgument(
      fmt::format("file: must be split.ext or config/split.ext with letters, digits and . _ -, "
                  "ending in {}",
                  evaluation::kDatasetExtensions));
}

DatasetStore::DatasetStore(std::string root, DatasetRecords records)
    : root_(std::move(root)), records_(std::move(records)) {}

std::string DatasetStore::FolderOf(const std::string& digest) const {
  return (fs::path(root_) / kByDigest / digest).string();
}

Result<std::unique_ptr<DatasetStore>> DatasetStore::Open(const std::string& state_dir) {
  const fs::path root = fs::path(state_dir) / "datasets";
  RETURN_IF_ERROR(MakePrivateFolder(root));
  std::error_code error;
  fs::remove_all(root / kIncoming, error);
  RETURN_IF_ERROR(MakePrivateFolder(root / kIncoming));
  RETURN_IF_ERROR(MakePrivateFolder(root / kByDigest));
  RETURN_IF_ERROR(SyncFolderOf(root.string()));
  RETURN_IF_ERROR(SyncFolderOf((root / kByDigest).string()));
  ASSIGN_OR_RETURN(DatasetRecords records, ReadIndex((root / kIndex).string()));
  std::vector<fs::path> unknown;
  for (const auto& entry : fs::directory_iterator(root / kByDigest, error)) {
    const std::string digest = entry.path().filename().string();
    const bool named = std::any_of(records.begin(), records.end(), [&](const DatasetRecord& r) {
      return r.origin.digest == digest;
    });
    if (!named) unknown.push_back(entry.path());
  }
  for (const fs::path& path : unknown) fs::remove_all(path, error);
  return std::unique_ptr<DatasetStore>(new DatasetStore(root.string(), std::move(records)));
}

DatasetRecords DatasetStore::All() const {
  MutexLock lock(mutex_);
  return records_;
}

bool DatasetStore::IsPublic(const std::string& digest) const {
  MutexLock lock(mutex_);
  bool known = false;
  for (const DatasetRecord& record : records_) {
    if (record.origin.digest != digest) continue;
    if (!record.is_public) return false;
    known = true;
  }
  return known;
}

Result<std::string> DatasetStore::MakeIncoming() {
  const fs::path folder = fs::path(root_) / kIncoming / RandomHex(16);
  RETURN_IF_ERROR(MakePrivateFolder(folder));
  return folder.string();
}

void DatasetStore::Discard(const std::string& incoming) {
  std::error_code ignored;
  if (!incoming.empty()) fs::remove_all(incoming, ignored);
}

Result<DatasetRecord> DatasetStore::Inspect(const std::string& incoming) {
  DatasetRecord record;
  Sha256 digest;
  ASSIGN_OR_RETURN(const auto files, FilesOf(incoming));
  if (files.empty()) return InvalidArgument("the dataset has no file");
  for (const auto& [name, path] : files) {
    ASSIGN_OR_RETURN(const std::string text, ReadFile(path.string(), evaluation::kDatasetBytesMax));
    const evaluation::DatasetOptions options = OptionsOf(path);
    const auto rows = options.format == evaluation::DatasetFormat::kParquet
                          ? evaluation::ReadDatasetFile(path.string(), options)
                          : evaluation::ParseDataset(text, options, name);
    if (!rows.ok()) return rows.status();
    if (rows->empty()) return InvalidArgument(name + ": has no row");
    digest.Add(name + "\n" + Sha256Hex(text) + "\n");
    CountRows(name, static_cast<int64_t>(rows->size()), static_cast<int64_t>(text.size()), &record);
  }
  record.origin.digest = digest.FinishHex();
  return record;
}

Status DatasetStore::Keep(const std::string& incoming, const std::string& digest) {
  const std::string folder = FolderOf(digest);
  std::error_code error;
  if (fs::is_directory(folder, error)) {
    Discard(incoming);
    return OkStatus();
  }
  // The files were synced as they were written; now the folders that name them.
  ASSIGN_OR_RETURN(const auto files, FilesOf(incoming));
  for (const auto& [name, path] : files) RETURN_IF_ERROR(SyncFolderOf(path.string()));
  for (const auto& [name, path] : files) {
    if (path.parent_path() != fs::path(incoming)) {
      RETURN_IF_ERROR(SyncFolderOf(path.parent_path().string()));
    }
  }
  fs::rename(incoming, folder, error);
  if (error) return Unavailable("cannot keep " + folder + ": " + error.message());
  return SyncFolderOf(folder);
}

void DatasetStore::Drop(const std::string& digest) {
  std::error_code ignored;
  fs::remove_all(FolderOf(digest), ignored);
}

Status DatasetStore::Save(DatasetRecords records) {
  Json list = Json::array();
  for (const DatasetRecord& record : records) list.push_back(ToJson(record));
  const Json index = {{"format", 1}, {"datasets", std::move(list)}};
  RETURN_IF_ERROR(
      WriteFileAtomically((fs::path(root_) / kIndex).string(), CompactJson(index), kPrivateFile));
  MutexLock lock(mutex_);
  records_ = std::move(records);
  return OkStatus();
}

std::function<std::optional<evaluation::RegisteredDataset>(const std::string&)>
DatasetStore::Lookup(const DatasetRecords& records) const {
  std::map<std::string, evaluation::RegisteredDataset> by_name;
  for (const DatasetRecord& record : records) {
    by_name.insert_or_assign(
        record.origin.name,
        evaluation::RegisteredDataset{record.origin, FolderOf(record.origin.digest)});
  }
  return [by_name = std::move(by_name)](
             const std::string& name) -> std::optional<evaluation::RegisteredDataset> {
    const auto found = by_name.find(name);
    if (found == by_name.end()) return std::nullopt;
    return found->second;
  };
}

}  // namespace koeval::service
