// The cache on file systems that are full or cannot be written.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/file.h"
#include "common/hub/cache.h"
#include "common/hub/read_only_cache.h"
#include "tests/common/hub/hub_fixture.h"
#include "tests/common/mount_namespace.h"
#include "tests/common/temp_folder.h"

#define SKIP_WHERE_REFUSED(result)                                                        \
  if ((result).refused) {                                                                 \
    GTEST_SKIP() << "the kernel gives this process no mount namespace with a file system" \
                    " of its own";                                                        \
  }

namespace koeval::hub {
namespace {

namespace fs = std::filesystem;
using enum RepositoryKind;

// "" when `status` has `code` and says each of `words`.
std::string Expect(const std::string& what, const Status& status, Code code,
                   const std::vector<std::string>& words = {}) {
  if (status.code() != code) return what + ": " + status.ToString() + "\n";
  for (const std::string& word : words) {
    if (status.message().find(word) == std::string::npos) {
      return what + ": \"" + status.message() + "\" does not say \"" + word + "\"\n";
    }
  }
  return "";
}

// A hub and a cache of it in `dir`. Its threads belong to the process that has the file system.
class Disk : public HubSetup {
 public:
  explicit Disk(std::string dir) : dir_(std::move(dir)) {}

  Result<Snapshot> Fetch(const std::string& id, const std::string& revision = "main",
                         bool offline = false) {
    ASSIGN_OR_RETURN(const auto cache, HubCache::Open({.dir = dir_, .offline = offline},
                                                      offline ? nullptr : MakeClient()));
    return cache->Fetch(kModel, id, revision, EvaluationFiles, nullptr, cancel_);
  }
  // All paths below the cache with their times of change.
  std::string Listing() const {
    std::vector<std::string> lines;
    for (const auto& entry : fs::recursive_directory_iterator(dir_)) {
      struct stat info {};
      ::lstat(entry.path().c_str(), &info);
      lines.push_back(entry.path().string() + " " + std::to_string(info.st_mtim.tv_sec) + "." +
                      std::to_string(info.st_mtim.tv_nsec));
    }
    std::sort(lines.begin(), lines.end());
    std::string out;
    for (const std::string& line : lines) out += line + "\n";
    return out;
  }

 private:
  const std::string dir_;
};

class CacheDiskTest : public testing::Test {
 protected:
  ChildResult OnDisk(const std::string& size, const std::function<std::string(Disk&)>& body) {
    return OnSmallFileSystem(folder_.path(), size, [&] {
      Disk disk(folder_.path());
      return body(disk);
    });
  }

  TempFolder folder_;
};

TEST_F(CacheDiskTest, AFullFileSystemIsAClearEndingAndWithRoomItGoesOn) {
  const ChildResult result = OnDisk("512k", [&](Disk& disk) {
    disk.AddModel("org/first");
    disk.AddModel("org/second");
    std::string wrong = Expect("the first model fits", disk.Fetch("org/first").status(), Code::kOk);
    wrong +=
        Expect("the second does not", disk.Fetch("org/second").status(), Code::kResourceExhausted,
               {"No space left on device", "make room for the model cache", folder_.path()});
    for (const auto& entry : fs::directory_iterator(folder_.File("models--org--second/blobs"))) {
      if (entry.path().extension() == ".incomplete") wrong += "a piece was left\n";
    }
    wrong += Expect("the first is whole",
                    disk.Fetch("org/first", "main", /*offline=*/true).status(), Code::kOk);
    fs::remove_all(folder_.File("models--org--first"));
    wrong += Expect("with room it goes on", disk.Fetch("org/second").status(), Code::kOk);
    return wrong;
  });
  SKIP_WHERE_REFUSED(result);
  EXPECT_EQ(result.text, "");
}

TEST_F(CacheDiskTest, AFileThatAnotherProgramWritesMeanwhileLeavesNoHalfBlob) {
  const ChildResult result = OnDisk("512k", [&](Disk& disk) {
    disk.AddModel("org/name");
    const std::string filler = folder_.File("filler");
    std::ofstream(filler, std::ios::binary) << std::string(400'000, 'x');
    std::string wrong =
        Expect("no room", disk.Fetch("org/name").status(), Code::kResourceExhausted, {"make room"});
    fs::remove(filler);
    const auto snapshot = disk.Fetch("org/name");
    wrong += Expect("with room", snapshot.status(), Code::kOk);
    if (snapshot.ok() &&
        ReadFile(snapshot->dir + "/model.safetensors").value() != disk.Bytes(300'000)) {
      wrong += "other bytes\n";
    }
    return wrong;
  });
  SKIP_WHERE_REFUSED(result);
  EXPECT_EQ(result.text, "");
}

TEST_F(CacheDiskTest, ACacheThatCannotBeWrittenIsReadAsItIs) {
  const ChildResult result = OnDisk("4m", [&](Disk& disk) {
    const std::string commit = disk.AddModel("org/name");
    disk.AddModel("org/other");
    std::string wrong = Expect("filled", disk.Fetch("org/name").status(), Code::kOk);
    // As the hub's own library leaves it: without what this project adds.
    fs::remove_all(folder_.File(".locks"));
    const std::string before = disk.Listing();
    if (!MakeReadOnly(folder_.path())) return std::string("cannot remount");
    for (const bool offline : {false, true}) {
      for (const std::string& revision : {std::string("main"), commit}) {
        const auto snapshot = disk.Fetch("org/name", revision, offline);
        wrong += Expect(revision, snapshot.status(), Code::kOk);
        if (snapshot.ok() &&
            ReadFile(snapshot->dir + "/model.safetensors").value() != disk.Bytes(300'000)) {
          wrong += "other bytes\n";
        }
      }
    }
    wrong += Expect("another model", disk.Fetch("org/other").status(), Code::kFailedPrecondition,
                    {"org/other: config.json is not in the model cache " + folder_.path(),
                     "cannot be written", "name a cache that can be written"});
    if (disk.Listing() != before) wrong += "something was touched\n";
    return wrong;
  });
  SKIP_WHERE_REFUSED(result);
  EXPECT_EQ(result.text, "");
}

TEST_F(CacheDiskTest, DamageInACacheThatCannotBeWrittenIsNamed) {
  const ChildResult result = OnDisk("4m", [&](Disk& disk) {
    disk.AddModel("org/name");
    disk.AddModel("org/short");
    std::string wrong;
    for (const char* id : {"name", "short"}) {
      const auto snapshot = disk.Fetch(std::string("org/") + id);
      wrong += Expect("filled", snapshot.status(), Code::kOk);
      const std::string path = fs::canonical(snapshot->dir + "/model.safetensors");
      std::string bytes = ReadFile(path).value();
      bytes[1000] = static_cast<char>(bytes[1000] ^ 1);
      if (id == std::string("short")) bytes.resize(1000);
      std::ofstream(path, std::ios::binary) << bytes;
    }
    if (!MakeReadOnly(folder_.path())) return std::string("cannot remount");
    wrong += Expect("flipped", disk.Fetch("org/name").status(), Code::kFailedPrecondition,
                    {"model.safetensors is damaged in the model cache"});
    wrong += Expect("short", disk.Fetch("org/short").status(), Code::kFailedPrecondition,
                    {"model.safetensors is not whole in the model cache"});
    return wrong;
  });
  SKIP_WHERE_REFUSED(result);
  EXPECT_EQ(result.text, "");
}

TEST_F(CacheDiskTest, BytesOfACacheThatCannotBeWrittenAreReadOnceByAProcess) {
  const ChildResult result = OnDisk("4m", [&](Disk& disk) {
    disk.AddModel("org/name");
    std::string wrong = Expect("filled", disk.Fetch("org/name").status(), Code::kOk);
    fs::remove_all(folder_.File(".locks"));
    if (!MakeReadOnly(folder_.path())) return std::string("cannot remount");
    VerifiedFiles verified;
    const CacheLayout layout(folder_.path());
    const auto first = disk.Fetch("org/name");
    const std::string path = first->dir + "/model.safetensors";
    struct stat info {};
    ::stat(path.c_str(), &info);
    const auto check = [&](RepositoryInfo of) {
      return CheckSnapshot(layout, "models--org--name", first->dir, of, {"model.safetensors"},
                           verified, disk.cancel_);
    };
    wrong += Expect("read", check(first->info), Code::kOk);
    if (!verified.Has(path, StateOf(info))) wrong += "it is not remembered\n";
    RepositoryInfo other = first->info;
    for (RepositoryFile& file : other.files) file.digest = std::string(file.digest.size(), '0');
    wrong += Expect("not read again", check(other), Code::kOk);
    return wrong;
  });
  SKIP_WHERE_REFUSED(result);
  EXPECT_EQ(result.text, "");
}

}  // namespace
}  // namespace koeval::hub
