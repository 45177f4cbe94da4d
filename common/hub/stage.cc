// Staging: which files, whole or as holes, and the requests.
#include "common/hub/stage.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <thread>
#include <vector>

#include "common/base/sha256.h"
#include "common/base/size_text.h"
#include "common/hub/model_files.h"

namespace koeval::hub {
namespace {

constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kFirstReadBytes = 128 << 10;  // most headers end before
constexpr uint64_t kHeaderBytesMax = 100'000'000;
enum class Part { kWhole, kHeader, kHole };

// What the checks alone read beside the files of a model.
bool IsWhole(std::string_view path) {
  return IsModelFile(path) || path == "README.md" || path == "adapter_config.json" ||
         path == "preprocessor_config.json" || path == "sentencepiece.bpe.model";
}

struct Item {
  const RepositoryFile* file;
  Part part;
};

Ending EndingOfFile(std::string_view path) {
  if (path == "README.md") return Ending::kModelCardTooShort;
  const bool tokens = path.find("token") != std::string_view::npos ||
                      path.find("vocab") != std::string_view::npos || path == "merges.txt";
  return tokens ? Ending::kBadTokenizer : Ending::kBadCheckpoint;
}

std::vector<Item> ItemsOf(const RepositoryInfo& info, const StageLimits& limits,
                          CheckReport& report) {
  const bool single = std::any_of(info.files.begin(), info.files.end(),
                                  [](const RepositoryFile& f) { return f.path == kSingleWeights; });
  std::vector<Item> items;
  for (const RepositoryFile& file : info.files) {
    const bool plain = file.path.find('/') == std::string::npos && !file.path.starts_with('.');
    if (!plain && !IsNamedTemplate(file.path)) continue;
    Part part = Part::kHole;
    if (IsWhole(file.path)) part = Part::kWhole;
    if (IsWeights(file.path) && (!single || file.path == kSingleWeights)) part = Part::kHeader;
    const int64_t most = part == Part::kWhole ? limits.file_bytes : limits.hole_bytes;
    if (file.size > most) {
      report.Add(EndingOfFile(file.path), true,
                 fmt::format("{} has {}, and at most {} of such a file are read", file.path,
                             SizeText(file.size), SizeText(most)),
                 "Publish a smaller file, or split it.");
      continue;
    }
    items.push_back({&file, part});
  }
  if (static_cast<int64_t>(items.size()) > limits.files) {
    report.Add(Ending::kBadCheckpoint, true,
               fmt::format("the repository has {} files beside its config.json, at most {} are "
                           "looked at",
                           items.size(), limits.files),
               "Publish the model in a repository of its own.");
    items.clear();
  }
  return items;
}

// One file of the folder: `bytes`, then a hole up to `size`.
Status WriteStaged(const std::string& path, std::string_view bytes, int64_t size) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return Unavailable(fmt::format("cannot make {}: {}", path, std::strerror(errno)));
  int error = 0;
  while (!bytes.empty() && error == 0) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n > 0) bytes.remove_prefix(static_cast<size_t>(n));
    if (n < 0 && errno != EINTR) error = errno;
  }
  if (error == 0 && ::ftruncate(fd, static_cast<off_t>(size)) != 0) error = errno;
  ::close(fd);
  if (error == 0) return OkStatus();
  const std::string text = fmt::format("cannot write {}: {}", path, std::strerror(error));
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return full ? ResourceExhausted(text + "; make room there") : Unavailable(text);
}

// Little-endian, as the format has it.
uint64_t AnnouncedLength(std::string_view start) {
  uint64_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) {
    length |= uint64_t{static_cast<unsigned char>(start[i])} << (8 * i);
  }
  return length;
}

// Fetches the items of one repository, several at once.
class Stager {
 public:
  Stager(const Repository& repository, std::string dir, const StageLimits& limits)
      : repository_(repository), dir_(std::move(dir)), limits_(limits) {}

  Status Run(const std::vector<Item>& items) {
    std::vector<Status> ends(items.size());
    std::atomic<size_t> next{0};
    std::atomic<bool> failed{false};
    const auto work = [&] {
      for (size_t i = next++; i < items.size() && !failed; i = next++) {
        ends[i] = Stage(items[i]);
        if (!ends[i].ok()) failed = true;
      }
    };
    std::vector<std::thread> threads;
    const int wanted = std::min<int>(limits_.threads, static_cast<int>(items.size()));
    for (int t = 1; t < wanted; ++t) threads.emplace_back(work);
    work();
    for (std::thread& thread : threads) thread.join();
    for (const Status& end : ends) RETURN_IF_ERROR(end);
    return OkStatus();
  }

 private:
  // Whether `bytes` more may be fetched.
  Status Charge(int64_t bytes, const std::string& path) {
    if (fetched_.fetch_add(bytes) + bytes <= limits_.total_bytes) return OkStatus();
    return OutOfRange(fmt::format("{}: the files that a check reads are larger than {} together",
                                  path, SizeText(limits_.total_bytes)));
  }

  Status Stage(const Item& item) {
    const RepositoryFile& file = *item.file;
    std::string bytes;
    if (item.part == Part::kWhole) {
      RETURN_IF_ERROR(Charge(file.size, file.path));
      ASSIGN_OR_RETURN(bytes,
                       repository_.ReadFile(file.path, static_cast<size_t>(limits_.file_bytes)));
    } else if (item.part == Part::kHeader) {
      ASSIGN_OR_RETURN(bytes, Header(file));
    }
    return WriteStaged(dir_ + "/" + file.path, bytes, file.size);
  }

  // What the first bytes announce, or the first bytes alone where that is impossible: the child
  // then says so.
  Result<std::string> Header(const RepositoryFile& file) {
    const auto size = static_cast<uint64_t>(file.size);
    const uint64_t first = std::min(size, kFirstReadBytes);
    RETURN_IF_ERROR(Charge(static_cast<int64_t>(first), file.path));
    if (first == 0) return std::string();
    ASSIGN_OR_RETURN(std::string bytes, repository_.ReadRange(file.path, 0, first));
    if (bytes.size() < kLengthBytes) return bytes;
    const uint64_t length = AnnouncedLength(bytes);
    if (length > kHeaderBytesMax || length + kLengthBytes > size) return bytes;
    const uint64_t end = length + kLengthBytes;
    if (end <= bytes.size()) return bytes.substr(0, end);
    RETURN_IF_ERROR(Charge(static_cast<int64_t>(end - first), file.path));
    ASSIGN_OR_RETURN(const std::string rest, repository_.ReadRange(file.path, first, end - first));
    return bytes + rest;
  }

  const Repository& repository_;
  const std::string dir_;
  const StageLimits limits_;
  std::atomic<int64_t> fetched_{0};
};

void AddRepositoryFacts(const RepositoryInfo& info, CheckReport& report) {
  int64_t bytes = 0;
  for (const RepositoryFile& file : info.files) bytes += file.size;
  report.facts["commit"] = info.commit;
  report.facts["likes"] = info.likes;
  report.facts["gated"] = info.gated;
  if (!info.last_modified.empty()) report.facts["last_modified"] = info.last_modified;
  report.facts["repository_bytes"] = bytes;
  if (const std::string content = ContentIdentity(info); !content.empty()) {
    report.facts["content"] = content;
  }
}

void CheckAccess(const RepositoryInfo& info, CheckReport& report) {
  if (info.disabled) {
    report.Add(Ending::kModelNotFound, true, info.id + " is disabled by its hub",
               "Ask the hub why, or publish the model anew, then submit again.");
  }
  if (info.is_private) {
    report.Add(Ending::kModelGated, true,
               info.id + " is private: only those whom its owner allows can see it",
               "Make the repository public, then submit again.");
  }
}

}  // namespace

Result<CheckReport> StageRepository(const Repository& repository, const std::string& dir,
                                    const StageLimits& limits) {
  CheckReport report;
  const RepositoryInfo& info = repository.info();
  AddRepositoryFacts(info, report);
  CheckAccess(info, report);
  const std::vector<Item> items = ItemsOf(info, limits, report);
  const bool templates = std::any_of(items.begin(), items.end(), [](const Item& item) {
    return IsNamedTemplate(item.file->path);
  });
  if (templates && ::mkdir((dir + "/" + std::string(kTemplateFolder)).c_str(), 0700) != 0) {
    return Unavailable(fmt::format("cannot make a folder in {}: {}", dir, std::strerror(errno)));
  }
  RETURN_IF_ERROR(Stager(repository, dir, limits).Run(items));
  report.EndStep(
      "repository", 0,
      fmt::format("{} at {}, {} files, {}{}", info.id, info.commit.substr(0, 12), info.files.size(),
                  SizeText(report.facts["repository_bytes"].get<int64_t>()),
                  info.gated ? ", gated" : ""));
  return report;
}

std::string ContentIdentity(const RepositoryInfo& info) {
  std::vector<const RepositoryFile*> files;
  for (const RepositoryFile& file : info.files) {
    const bool decides = (IsWhole(file.path) && file.path != "README.md") || IsWeights(file.path);
    if (!decides) continue;
    if (file.digest.empty()) return "";
    files.push_back(&file);
  }
  if (files.empty()) return "";
  std::sort(files.begin(), files.end(),
            [](const RepositoryFile* a, const RepositoryFile* b) { return a->path < b->path; });
  Sha256 sum;
  for (const RepositoryFile* file : files) {
    sum.AddInt(static_cast<int64_t>(file->path.size()));
    sum.Add(file->path);
    sum.AddInt(file->size);
    sum.AddInt(static_cast<int64_t>(file->digest.size()));
    sum.Add(file->digest);
  }
  return sum.FinishHex();
}

Ending EndingOfOpen(const Status& status) {
  // The hub client names the revision as the thing that is missing.
  if (status.code() == Code::kNotFound && status.message().ends_with("; check the revision")) {
    return Ending::kRevisionNotFound;
  }
  const Ending ending = EndingOf(status);
  const bool none = ending == Ending::kFinished || ending == Ending::kHandedBack;
  return none ? Ending::kInternal : ending;
}

CheckReport OpenFailed(const std::string& id, const std::string& revision, const Status& status) {
  CheckReport report;
  report.Add(EndingOfOpen(status), true, status.message());
  report.EndStep("repository", 0, id + " at " + revision);
  return report;
}

}  // namespace koeval::hub
