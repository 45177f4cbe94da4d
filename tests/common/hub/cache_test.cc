// The node's cache: what it keeps, what it catches, what survives a kill, a full disk, an eviction.
#include "common/hub/cache.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "common/base/file.h"
#include "common/hub/cache_room.h"
#include "common/hub/digest.h"
#include "tests/common/hub/hub_fixture.h"
#include "tests/common/temp_folder.h"

namespace koeval::hub {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using enum RepositoryKind;

class CacheTest : public HubFixture {
 protected:
  std::unique_ptr<HubCache> OpenCache(int64_t bytes_max = 0, bool offline = false) {
    return HubCache::Open({.dir = folder_.path(), .bytes_max = bytes_max, .offline = offline},
                          offline ? nullptr : MakeClient())
        .value();
  }
  Result<Snapshot> Fetch(const HubCache& cache, const std::string& id = "org/name",
                         const std::string& revision = "main") {
    return cache.Fetch(kModel, id, revision, EvaluationFiles, nullptr, cancel_);
  }
  std::string Blob(const std::string& digest, const std::string& id = "org--name") {
    return folder_.File("models--" + id + "/blobs/" + digest);
  }
  std::vector<std::string> BlobNames(const std::string& id = "org--name") {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(folder_.File("models--" + id + "/blobs"))) {
      out.push_back(entry.path().filename());
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  static std::string Text(const std::string& path) {
    const auto text = ReadFile(path);
    return text.ok() ? *text : "cannot read: " + text.status().ToString();
  }
  static void FlipByte(const std::string& path, size_t at) {
    std::string bytes = Text(path);
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    std::ofstream(path, std::ios::binary) << bytes;
  }
  // The last use of a repository, in seconds.
  void SetLastUse(const std::string& name, int64_t seconds) {
    const timespec times[2] = {{seconds, 0}, {seconds, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, folder_.File(".locks/koeval/use/" + name).c_str(), times, 0),
              0);
  }

  TempFolder folder_;
  const std::string config_ = "{\"model_type\": \"llama\"}";
  const std::string config_digest_ = DigestOf(false, config_);
  const std::string weights_ = Bytes(300'000);
  const std::string weights_digest_ = DigestOf(true, weights_);
};

TEST_F(CacheTest, LaysFilesOutAsTheHubsLibraryDoes) {
  const std::string commit = AddModel();
  const auto snapshot = Fetch(*OpenCache());
  ASSERT_TRUE(snapshot.ok()) << snapshot.status().ToString();
  EXPECT_EQ(snapshot->info.commit, commit);
  EXPECT_EQ(snapshot->dir, folder_.File("models--org--name/snapshots/" + commit));
  EXPECT_EQ(Text(snapshot->dir + "/config.json"), config_);
  EXPECT_EQ(Text(snapshot->dir + "/model.safetensors"), weights_);
  EXPECT_EQ(fs::read_symlink(snapshot->dir + "/config.json"), "../../blobs/" + config_digest_);
  EXPECT_EQ(Text(folder_.File("models--org--name/refs/main")), commit);
  EXPECT_EQ(BlobNames().size(), 2u);
}

TEST_F(CacheTest, ACommitThatIsHereNeedsNoHub) {
  const std::string commit = AddModel();
  const auto cache = OpenCache();
  ASSERT_TRUE(Fetch(*cache).ok());
  hub_.ForgetRequests();
  ASSERT_TRUE(Fetch(*cache, "org/name", commit).ok());
  EXPECT_THAT(hub_.Requests(), IsEmpty());
}

TEST_F(CacheTest, ABranchIsAskedAndItsOldCommitStays) {
  const std::string first = AddModel();
  const auto cache = OpenCache();
  const auto old = Fetch(*cache).value();
  FakeRepository changed = Model("org/name");
  changed.files["config.json"] = "{}";
  const std::string second = hub_.Add(changed);
  const auto fresh = Fetch(*cache).value();
  EXPECT_EQ(fresh.info.commit, second);
  EXPECT_EQ(Text(fresh.dir + "/config.json"), "{}");
  EXPECT_EQ(Text(old.dir + "/config.json"), config_);
  EXPECT_EQ(hub_.Requests("cdn ").size(), 1u);  // the weights are the same blob
}

TEST_F(CacheTest, OnlyWhatAnEvaluationReadsIsDownloaded) {
  FakeRepository model = Model("org/name");
  model.files["README.md"] = "# text";
  model.files["pytorch_model.bin"] = "pickle";
  model.files["consolidated.safetensors"] = Bytes(1000);
  model.files["onnx/model.safetensors"] = Bytes(1000);
  model.files["tokenizer.json"] = "{}";
  model.files["additional_chat_templates/tool.jinja"] = "x";
  hub_.Add(model);
  const auto snapshot = Fetch(*OpenCache()).value();
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(snapshot.dir)) {
    if (!entry.is_directory()) names.push_back(entry.path().lexically_relative(snapshot.dir));
  }
  std::sort(names.begin(), names.end());
  EXPECT_THAT(names, ElementsAre("additional_chat_templates/tool.jinja", "config.json",
                                 "model.safetensors", "tokenizer.json"));
  EXPECT_EQ(Text(snapshot.dir + "/additional_chat_templates/tool.jinja"), "x");
}

TEST(EvaluationFilesTest, ShardsAreTakenWithoutOtherCopiesOfTheWeights) {
  RepositoryInfo info;
  for (const char* path :
       {"config.json", "consolidated.safetensors", "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors", "model.safetensors.index.json"}) {
    info.files.push_back({path, 1, "", false});
  }
  EXPECT_THAT(EvaluationFiles(info),
              ElementsAre("config.json", "model.safetensors.index.json",
                          "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"));
}

TEST_F(CacheTest, ABrokenDownloadGoesOnWhereItBroke) {
  AddModel();
  hub_.Misbehave(FakeHub::Truncate("cdn ", 100'000));
  ASSERT_TRUE(Fetch(*OpenCache()).ok());
  const auto requests = hub_.Requests("cdn ");
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[1].headers.at("range"), "bytes=100000-");
  EXPECT_EQ(requests[1].headers.at("if-range"), "\"" + weights_digest_ + "\"");
  EXPECT_EQ(Text(Blob(weights_digest_)), weights_);
}

TEST_F(CacheTest, ADownloadThatAnEarlierProcessBegunGoesOn) {
  AddModel();
  fs::create_directories(folder_.File("models--org--name/blobs"));
  std::ofstream(Blob(weights_digest_) + ".incomplete", std::ios::binary)
      << weights_.substr(0, 200'000);
  ASSERT_TRUE(Fetch(*OpenCache()).ok());
  ASSERT_EQ(hub_.Requests("cdn ").size(), 1u);
  EXPECT_EQ(hub_.Requests("cdn ")[0].headers.at("range"), "bytes=200000-");
  EXPECT_EQ(Text(Blob(weights_digest_)), weights_);
}

TEST_F(CacheTest, AnEarlierDownloadThatIsDamagedStartsAnew) {
  AddModel();
  fs::create_directories(folder_.File("models--org--name/blobs"));
  std::ofstream(Blob(weights_digest_) + ".incomplete", std::ios::binary)
      << std::string(200'000, 'x');
  ASSERT_TRUE(Fetch(*OpenCache()).ok());
  EXPECT_EQ(hub_.Requests("cdn ").size(), 2u);
  EXPECT_EQ(Text(Blob(weights_digest_)), weights_);
}

TEST_F(CacheTest, DamageOnTheWayNeverGetsAName) {
  AddModel();
  hub_.Misbehave(FakeHub::Flip("cdn ", 12'345, -1));
  const auto snapshot = Fetch(*OpenCache());
  EXPECT_EQ(snapshot.status().code(), Code::kDataLoss) << snapshot.status().ToString();
  EXPECT_THAT(BlobNames(), ElementsAre(config_digest_));
}

TEST_F(CacheTest, EveryFlippedByteIsCaughtAndRepaired) {
  FakeRepository model = Model("org/name");
  model.files["model.safetensors"] = Bytes(16);
  hub_.Add(model);
  const auto cache = OpenCache();
  ASSERT_TRUE(Fetch(*cache).ok());
  for (const std::string& digest : {config_digest_, DigestOf(true, Bytes(16))}) {
    const std::string whole = Text(Blob(digest));
    for (size_t at = 0; at < whole.size(); ++at) {
      FlipByte(Blob(digest), at);
      ASSERT_TRUE(Fetch(*cache).ok());
      ASSERT_EQ(Text(Blob(digest)), whole) << "byte " << at;
    }
  }
}

TEST_F(CacheTest, WhatTheHubsLibraryLeftIsUsedAsItIs) {
  const std::string commit = AddModel();
  const std::string repo = folder_.File("models--org--name");
  fs::create_directories(repo + "/blobs");
  fs::create_directories(repo + "/refs");
  fs::create_directories(repo + "/snapshots/" + commit);
  std::ofstream(repo + "/refs/main") << commit;
  std::ofstream(Blob(config_digest_), std::ios::binary) << config_;
  std::ofstream(Blob(weights_digest_), std::ios::binary) << weights_;
  fs::create_symlink("../../blobs/" + config_digest_,
                     repo + "/snapshots/" + commit + "/config.json");
  fs::create_symlink("../../blobs/" + weights_digest_,
                     repo + "/snapshots/" + commit + "/model.safetensors");
  const auto offline = Fetch(*OpenCache(0, /*offline=*/true));
  ASSERT_TRUE(offline.ok()) << offline.status().ToString();
  EXPECT_EQ(offline->info.commit, commit);
  EXPECT_EQ(Text(offline->dir + "/model.safetensors"), weights_);
  EXPECT_THAT(hub_.Requests(), IsEmpty());
  ASSERT_TRUE(Fetch(*OpenCache()).ok());
  EXPECT_THAT(hub_.Requests("/resolve/"), IsEmpty());
}

TEST_F(CacheTest, OfflineWhatIsMissingIsNamed) {
  const std::string commit = AddModel();
  const auto cache = OpenCache(0, /*offline=*/true);
  const Status nothing = Fetch(*cache).status();
  EXPECT_EQ(nothing.code(), Code::kFailedPrecondition);
  EXPECT_THAT(nothing.message(), HasSubstr("org/name at main is not in the cache"));
  ASSERT_TRUE(Fetch(*OpenCache()).ok());
  ASSERT_TRUE(Fetch(*cache).ok());
  ASSERT_TRUE(Fetch(*cache, "org/name", commit).ok());
  fs::remove(Blob(weights_digest_));
  const Status file = Fetch(*cache).status();
  EXPECT_EQ(file.code(), Code::kFailedPrecondition);
  EXPECT_THAT(file.message(), HasSubstr("model.safetensors is not in the cache"));
}

TEST_F(CacheTest, ADownloadIsCancelled) {
  AddModel();
  hub_.Misbehave(FakeHub::HoldAt("cdn ", 1000));
  std::thread canceller([this] {
    hub_.AwaitHeld();
    cancel_.Ask();
  });
  EXPECT_EQ(Fetch(*OpenCache()).status().code(), Code::kCancelled);
  canceller.join();
}

TEST_F(CacheTest, ProgressCountsToTheWhole) {
  AddModel();
  CacheProgress last;
  std::vector<std::string> files;
  const auto snapshot = OpenCache()->Fetch(
      kModel, "org/name", "main", EvaluationFiles,
      [&](const CacheProgress& progress) {
        if (files.empty() || files.back() != progress.file) files.push_back(progress.file);
        last = progress;
      },
      cancel_);
  ASSERT_TRUE(snapshot.ok());
  EXPECT_THAT(files, ElementsAre("config.json", "model.safetensors"));
  EXPECT_EQ(last.total_bytes, 300'023);
}

TEST_F(CacheTest, AFullDiskIsAStatusAndLeavesNothing) {
  AddModel();
  const auto cache = OpenCache();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{100'000, before.rlim_max};
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const Status status = Fetch(*cache).status();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, handler);
  EXPECT_EQ(status.code(), Code::kResourceExhausted) << status.ToString();
  EXPECT_FALSE(fs::exists(Blob(weights_digest_)));
  EXPECT_FALSE(fs::exists(Blob(weights_digest_) + ".incomplete"));
  EXPECT_TRUE(Fetch(*cache).ok());  // and with room it goes on
}

TEST_F(CacheTest, RoomIsMadeByWhatIsUnusedLongest) {
  for (const char* id : {"org/a", "org/b", "org/c", "org/d"}) AddModel(id);
  const auto cache = OpenCache(1'000'000);  // three of them fit
  for (const char* id : {"org/a", "org/b", "org/c"}) ASSERT_TRUE(Fetch(*cache, id).ok());
  SetLastUse("models--org--a", 3000);
  SetLastUse("models--org--b", 1000);
  SetLastUse("models--org--c", 2000);
  ASSERT_TRUE(Fetch(*cache, "org/d").ok());
  EXPECT_TRUE(fs::exists(folder_.File("models--org--a")));
  EXPECT_FALSE(fs::exists(folder_.File("models--org--b")));
  EXPECT_TRUE(fs::exists(folder_.File("models--org--c")));
  EXPECT_LE(UsedBytes(cache->layout()), 1'000'000);
}

TEST_F(CacheTest, WhatIsInUseIsNeverRemoved) {
  for (const char* id : {"org/a", "org/b", "org/c"}) AddModel(id);
  const auto cache = OpenCache(700'000);  // two of them fit
  const auto a = Fetch(*cache, "org/a").value();
  auto b = Fetch(*cache, "org/b");
  ASSERT_TRUE(b.ok());
  const Status full = Fetch(*cache, "org/c").status();
  EXPECT_EQ(full.code(), Code::kResourceExhausted);
  EXPECT_THAT(full.message(), HasSubstr("raise its bound"));
  EXPECT_EQ(Text(a.dir + "/model.safetensors"), weights_);
  EXPECT_EQ(Text(b->dir + "/model.safetensors"), weights_);
  b = NotFound("given back");
  ASSERT_TRUE(Fetch(*cache, "org/c").ok());
  EXPECT_TRUE(fs::exists(a.dir));
  EXPECT_FALSE(fs::exists(folder_.File("models--org--b")));
}

// A process of koeval-test-fetch; killed if it still runs at the end.
class FetchProcess {
 public:
  FetchProcess(const std::string& endpoint, const std::string& cache, const std::string& id) {
    const std::string path = std::string(std::getenv("KOEVAL_BIN_DIR")) + "/koeval-test-fetch";
    pid_ = ::fork();
    if (pid_ == 0) {
      ::execl(path.c_str(), path.c_str(), endpoint.c_str(), cache.c_str(), id.c_str(), nullptr);
      ::_exit(127);
    }
  }
  ~FetchProcess() {
    if (pid_ > 0) Kill();
  }
  void Kill() {
    ::kill(pid_, SIGKILL);
    (void)Wait();
  }
  int Wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_ = -1;
};

TEST_F(CacheTest, AKillInTheMiddleOfADownloadCostsTheOtherProcessNothing) {
  AddModel();
  hub_.Misbehave(FakeHub::HoldAt("cdn ", 150'000));
  FetchProcess first(hub_.endpoint(), folder_.path(), "org/name");
  hub_.AwaitHeld();
  FetchProcess second(hub_.endpoint(), folder_.path(), "org/name");
  first.Kill();
  const int status = second.Wait();
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(Text(Blob(weights_digest_)), weights_);
  EXPECT_EQ(BlobNames().size(), 2u);
  const auto snapshot = Fetch(*OpenCache(0, /*offline=*/true));
  EXPECT_TRUE(snapshot.ok()) << snapshot.status().ToString();
}

TEST_F(CacheTest, TwoProcessesDownloadAModelOnce) {
  AddModel();
  FetchProcess first(hub_.endpoint(), folder_.path(), "org/name");
  FetchProcess second(hub_.endpoint(), folder_.path(), "org/name");
  EXPECT_EQ(first.Wait(), 0);
  EXPECT_EQ(second.Wait(), 0);
  EXPECT_EQ(hub_.Requests("cdn ").size(), 1u);
}

}  // namespace
}  // namespace koeval::hub
