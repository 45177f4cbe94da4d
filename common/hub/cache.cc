// Fetching: resolve, hold, make room, download, link.
#include "common/hub/cache.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>
#include <utility>
#include <vector>

#include "common/base/file.h"
#include "common/base/random.h"
#include "common/hub/blob_store.h"
#include "common/hub/cache_room.h"
#include "common/hub/disk_error.h"
#include "common/hub/hub_info.h"
#include "common/hub/model_files.h"
#include "common/hub/read_only_cache.h"

namespace koeval::hub {
namespace {

namespace fs = std::filesystem;

constexpr size_t kRefBytesMax = 1024;

// `link` leads to `target`; what was there before is replaced at once.
Status PutLink(const std::string& link, const std::string& target) {
  std::error_code error;
  if (fs::read_symlink(link, error).string() == target) return OkStatus();
  RETURN_IF_ERROR(MakeFolders(fs::path(link).parent_path().string()));
  const std::string beside = link + "." + RandomHex(8);
  if (::symlink(target.c_str(), beside.c_str()) != 0) return DiskError(errno, "link", beside);
  if (::rename(beside.c_str(), link.c_str()) == 0) return OkStatus();
  const int failed = errno;
  ::unlink(beside.c_str());
  return DiskError(failed, "link", link);
}

// From the snapshot's folder up to the blob: one ".." for each folder of `path`, and two more.
std::string LinkTarget(const std::string& path, const std::string& digest) {
  std::string out = "../../blobs/" + digest;
  for (char c : path) {
    if (c == '/') out = "../" + out;
  }
  return out;
}

// The file behind a link of a snapshot that another tool made; its blob's name is its digest.
bool AddSnapshotFile(const fs::path& link, const std::string& relative, RepositoryInfo& info) {
  std::error_code error;
  const std::string digest = fs::read_symlink(link, error).filename().string();
  struct stat status {};
  const bool sound = !error && CheckFilePath(relative).ok() && ::stat(link.c_str(), &status) == 0 &&
                     S_ISREG(status.st_mode) && (digest.size() == 40 || digest.size() == 64) &&
                     digest.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!sound) return false;
  info.files.push_back(
      {relative, static_cast<int64_t>(status.st_size), digest, digest.size() == 64});
  return true;
}

// What a snapshot's folder itself says.
RepositoryInfo InfoOfSnapshot(const std::string& dir, const std::string& id,
                              const std::string& commit) {
  RepositoryInfo info;
  info.id = id;
  info.commit = commit;
  std::error_code error;
  for (fs::recursive_directory_iterator at(dir, error);
       !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    if (at->is_symlink()) {
      AddSnapshotFile(at->path(), at->path().lexically_relative(dir).string(), info);
    }
  }
  std::sort(info.files.begin(), info.files.end(),
            [](const RepositoryFile& a, const RepositoryFile& b) { return a.path < b.path; });
  return info;
}

// NAME-00001-of-00002.safetensors
bool IsShard(std::string_view path) {
  const size_t of = path.rfind("-of-");
  return of != std::string_view::npos && of > 0 && path[of - 1] >= '0' && path[of - 1] <= '9';
}

// The files of a Fetch, and those of them that are not here; equal files are one blob.
struct Wanted {
  std::vector<const RepositoryFile*> files, missing;
  int64_t missing_bytes = 0;
};

Result<Wanted> FindWanted(const RepositoryInfo& info, const std::vector<std::string>& paths,
                          const BlobStore& blobs, const Cancel& cancel) {
  Wanted wanted;
  const std::set<std::string> chosen(paths.begin(), paths.end());
  std::set<std::string> digests;
  for (const RepositoryFile& file : info.files) {
    if (!chosen.contains(file.path)) continue;
    wanted.files.push_back(&file);
    if (!digests.insert(file.digest).second) continue;
    ASSIGN_OR_RETURN(const bool has, blobs.Has(file, cancel));
    if (has) continue;
    wanted.missing.push_back(&file);
    wanted.missing_bytes += file.size;
  }
  return wanted;
}

// The cache has room for what is missing, and the disk has it set aside.
Status TakeRoom(const CacheLayout& layout, const Wanted& wanted, int64_t bytes_max,
                const BlobStore& blobs, const Cancel& cancel) {
  ASSIGN_OR_RETURN(const auto room,
                   TakeLock(layout.RoomLock(), FileLock::Mode::kExclusive, cancel));
  int64_t need = 0;
  for (const RepositoryFile* file : wanted.missing) need += blobs.Need(*file);
  RETURN_IF_ERROR(MakeRoom(layout, need, bytes_max));
  for (const RepositoryFile* file : wanted.missing) RETURN_IF_ERROR(blobs.Reserve(*file));
  return OkStatus();
}

}  // namespace

HubCache::HubCache(CacheOptions options, std::shared_ptr<const HubClient> client)
    : options_(std::move(options)), layout_(options_.dir), client_(std::move(client)) {}

Result<std::unique_ptr<HubCache>> HubCache::Open(CacheOptions options,
                                                 std::shared_ptr<const HubClient> client) {
  RETURN_IF_ERROR(MakeFolders(options.dir));
  if (!options.offline && client == nullptr) {
    return InvalidArgument("a cache that is not offline needs a hub");
  }
  if (options.offline) client = nullptr;
  return std::unique_ptr<HubCache>(new HubCache(std::move(options), std::move(client)));
}

Result<RepositoryInfo> HubCache::ResolveOffline(RepositoryKind kind, const std::string& id,
                                                const std::string& revision) const {
  const std::string name = CacheLayout::FolderName(kind, id);
  const Status missing = FailedPrecondition(
      fmt::format("{} {} at {} is not in the cache {}, and the hub may not be asked (offline)",
                  KindName(kind), id, revision, options_.dir));
  std::string commit = revision;
  if (!IsCommit(revision)) {
    auto ref = ReadFile(layout_.Ref(name, revision), kRefBytesMax);
    if (!ref.ok()) return missing;
    while (ref->ends_with('\n')) ref->pop_back();
    commit = *ref;
  }
  if (!IsCommit(commit)) return missing;
  const auto stored = ReadFile(layout_.Info(name, commit), kInfoBytesMax);
  if (stored.ok()) return ParseHubInfo(*stored, id);
  RepositoryInfo info = InfoOfSnapshot(layout_.Snapshot(name, commit), id, commit);
  return info.files.empty() ? Result<RepositoryInfo>(missing) : Result<RepositoryInfo>(info);
}

Result<RepositoryInfo> HubCache::Resolve(RepositoryKind kind, const std::string& id,
                                         const std::string& revision, const Cancel& cancel) const {
  if (client_ == nullptr) return ResolveOffline(kind, id, revision);
  const std::string name = CacheLayout::FolderName(kind, id);
  if (IsCommit(revision)) {
    const auto stored = ReadFile(layout_.Info(name, revision), kInfoBytesMax);
    if (stored.ok()) {
      auto info = ParseHubInfo(*stored, id);
      if (info.ok() && info->commit == revision) return info;
    }
  }
  return client_->Info(kind, id, revision, cancel);
}

Result<Snapshot> HubCache::Fetch(RepositoryKind kind, const std::string& id,
                                 const std::string& revision, const Choose& choose,
                                 const OnProgress& on_progress, const Cancel& cancel) const {
  RETURN_IF_ERROR(CheckRepositoryId(id));
  RETURN_IF_ERROR(CheckRevision(revision));
  const std::string name = CacheLayout::FolderName(kind, id);
  if (!IsWritable(layout_, name)) return FetchReadOnly(kind, id, revision, choose, cancel);
  Snapshot out;
  ASSIGN_OR_RETURN(out.use, TakeLock(layout_.Use(name), FileLock::Mode::kShared, cancel));
  out.use->Touch();
  ASSIGN_OR_RETURN(out.info, Resolve(kind, id, revision, cancel));
  out.dir = layout_.Snapshot(name, out.info.commit);

  const BlobStore blobs(layout_, client_.get(), {kind, id, out.info.commit});
  ASSIGN_OR_RETURN(const Wanted wanted, FindWanted(out.info, choose(out.info), blobs, cancel));
  Status status;
  if (!wanted.missing.empty() && client_ != nullptr) {
    status = TakeRoom(layout_, wanted, options_.bytes_max, blobs, cancel);
  }
  if (status.ok())
    status = DownloadAll(wanted.missing, options_.downloads, blobs, on_progress, cancel);
  if (status.code() == Code::kResourceExhausted) {  // a full disk is left no fuller than before
    for (const RepositoryFile* file : wanted.missing) blobs.Drop(*file);
  }
  RETURN_IF_ERROR(status);
  for (const RepositoryFile* file : wanted.files) {
    RETURN_IF_ERROR(PutLink(out.dir + "/" + file->path, LinkTarget(file->path, file->digest)));
  }
  if (client_ != nullptr) RETURN_IF_ERROR(Remember(name, revision, out.info));
  return out;
}

Result<Snapshot> HubCache::FetchReadOnly(RepositoryKind kind, const std::string& id,
                                         const std::string& revision, const Choose& choose,
                                         const Cancel& cancel) const {
  const std::string name = CacheLayout::FolderName(kind, id);
  Snapshot out;
  ASSIGN_OR_RETURN(out.use, TakeUseIfThere(layout_, name, cancel));
  ASSIGN_OR_RETURN(out.info, Resolve(kind, id, revision, cancel));
  out.dir = layout_.Snapshot(name, out.info.commit);
  RETURN_IF_ERROR(
      CheckSnapshot(layout_, name, out.dir, out.info, choose(out.info), verified_, cancel));
  return out;
}

// What the hub said, for the next time and for when it may not be asked.
Status HubCache::Remember(const std::string& name, const std::string& revision,
                          const RepositoryInfo& info) const {
  const std::string path = layout_.Info(name, info.commit);
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {  // what belongs to a commit does not change
    RETURN_IF_ERROR(MakeFolders(layout_.Infos(name)));
    RETURN_IF_ERROR(OfCache(WriteFileAtomically(path, HubInfoText(info))));
  }
  if (IsCommit(revision)) return OkStatus();
  const std::string ref = layout_.Ref(name, revision);
  RETURN_IF_ERROR(MakeFolders(fs::path(ref).parent_path().string()));
  return OfCache(WriteFileAtomically(ref, info.commit));
}

std::vector<std::string> EvaluationFiles(const RepositoryInfo& info) {
  std::vector<std::string> out, shards, others;
  bool whole = false;
  for (const RepositoryFile& file : info.files) {
    // Not read, but named where it is the only tokenizer.
    if (IsModelFile(file.path) || file.path == "tekken.json") out.push_back(file.path);
    if (!IsWeights(file.path)) continue;
    whole = whole || file.path == kSingleWeights;
    (IsShard(file.path) ? shards : others).push_back(file.path);
  }
  const std::vector<std::string> single = {std::string(kSingleWeights)};
  const auto& weights = whole ? single : shards.empty() ? others : shards;
  out.insert(out.end(), weights.begin(), weights.end());
  return out;
}

}  // namespace koeval::hub
