// Several files of one model at a time.
#include "common/hub/downloads.h"

#include <fmt/core.h>
#include <gmock/gmock.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "common/hub/cache.h"
#include "tests/common/hub/hub_fixture.h"
#include "tests/common/temp_folder.h"

namespace koeval::hub {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using enum RepositoryKind;

constexpr int kShards = 4;
constexpr size_t kShardBytes = 100'000;

// Lets go of those who wait once `wanted` of them do; false for one that waited in vain.
class Barrier {
 public:
  explicit Barrier(int wanted) : wanted_(wanted) {}
  bool Arrive() {
    constexpr int kTries = 100;
    MutexLock lock(mutex_);
    ++arrived_;
    changed_.NotifyAll();
    for (int i = 0; i < kTries && arrived_ < wanted_; ++i) changed_.WaitFor(mutex_, 100);
    return arrived_ >= wanted_;
  }

 private:
  const int wanted_;
  Mutex mutex_;
  CondVar changed_;
  int arrived_ GUARDED_BY(mutex_) = 0;
};

class DownloadsTest : public HubFixture {
 protected:
  void AddShards() {
    FakeRepository model;
    model.id = "org/name";
    for (int i = 1; i <= kShards; ++i) {
      model.files[fmt::format("model-0000{}-of-00004.safetensors", i)] =
          std::string(1, static_cast<char>(i)) + Bytes(kShardBytes - 1);
    }
    hub_.Add(model);
  }
  std::unique_ptr<HubCache> OpenCache(int downloads, int64_t bytes_max = 0) {
    return HubCache::Open({.dir = folder_.path(), .bytes_max = bytes_max, .downloads = downloads},
                          MakeClient())
        .value();
  }
  Result<Snapshot> Fetch(const HubCache& cache, const HubCache::OnProgress& on_progress = nullptr) {
    return cache.Fetch(kModel, "org/name", "main", EvaluationFiles, on_progress, cancel_);
  }
  // Blobs that have their name.
  int Whole() const {
    int count = 0;
    std::error_code ignored;
    for (const auto& entry :
         fs::directory_iterator(folder_.File("models--org--name/blobs"), ignored)) {
      count += entry.path().extension() != ".incomplete" ? 1 : 0;
    }
    return count;
  }

  TempFolder folder_;
};

TEST_F(DownloadsTest, SeveralFilesAreOnTheirWayAtOnce) {
  AddShards();
  Barrier barrier(kShards);
  std::atomic<int> alone{0};
  hub_.Misbehave(FakeHub::Call(
      "cdn ", [&] { alone += barrier.Arrive() ? 0 : 1; }, -1));
  const auto snapshot = Fetch(*OpenCache(kDownloadsDefault));
  ASSERT_TRUE(snapshot.ok()) << snapshot.status().ToString();
  EXPECT_EQ(alone, 0) << "all four were asked before the first was answered";
  EXPECT_EQ(Whole(), kShards);
}

TEST_F(DownloadsTest, NoMoreThanTheSettingAllowsAreOnTheirWay) {
  AddShards();
  constexpr int kAtOnce = 2;
  std::atomic<int> begun{0}, too_many{0};
  hub_.Misbehave(FakeHub::Call(
      "cdn ",
      [&] {
        const int others = begun++;
        if (Whole() < others - (kAtOnce - 1)) ++too_many;
      },
      -1));
  ASSERT_TRUE(Fetch(*OpenCache(kAtOnce)).ok());
  EXPECT_EQ(begun, kShards);
  EXPECT_EQ(too_many, 0) << "the third begins when one of the first two is whole";
}

TEST_F(DownloadsTest, AFileThatFailsEndsTheOthersAndWhatTheyHaveStays) {
  AddShards();
  hub_.Misbehave(FakeHub::HoldAt("cdn ", 50'000, 3));
  hub_.Misbehave(FakeHub::Answer("model-00004-of-00004", 404));
  const Status status = Fetch(*OpenCache(kDownloadsDefault)).status();
  EXPECT_EQ(status.code(), Code::kNotFound) << status.ToString();
  EXPECT_THAT(status.message(), HasSubstr("model-00004-of-00004.safetensors"));
  hub_.Release();
  const auto again = Fetch(*OpenCache(kDownloadsDefault));
  EXPECT_TRUE(again.ok()) << again.status().ToString();
}

TEST_F(DownloadsTest, EachFileHasTheTriesOfAnyFile) {
  AddShards();
  const int attempts = HttpOptions().attempts;
  hub_.Misbehave(FakeHub::Answer("cdn ", 503, attempts - 1));
  EXPECT_TRUE(Fetch(*OpenCache(1)).ok());
  EXPECT_EQ(hub_.Requests("cdn ").size(), static_cast<size_t>(kShards + attempts - 1));
  FakeRepository other;
  other.id = "org/other";
  other.files["model.safetensors"] = Bytes(kShardBytes);
  hub_.Add(other);
  hub_.ForgetRequests();
  hub_.Misbehave(FakeHub::Answer("cdn ", 503, -1));
  const Status status = OpenCache(kDownloadsDefault)
                            ->Fetch(kModel, "org/other", "main", EvaluationFiles, nullptr, cancel_)
                            .status();
  EXPECT_EQ(status.code(), Code::kUnavailable);
  EXPECT_EQ(hub_.Requests("cdn ").size(), static_cast<size_t>(attempts));
}

TEST_F(DownloadsTest, AHubThatIsDownIsAskedOnceForEachFileAndThenForOne) {
  AddShards();
  hub_.Misbehave(FakeHub::Answer("cdn ", 503, -1));
  EXPECT_EQ(Fetch(*OpenCache(kShards)).status().code(), Code::kUnavailable);
  const int attempts = HttpOptions().attempts;
  const auto asked = static_cast<int>(hub_.Requests("cdn ").size());
  EXPECT_GE(asked, attempts);
  EXPECT_LE(asked, kShards + attempts - 1) << "not " << kShards * attempts;
}

TEST_F(DownloadsTest, ProgressOfAllFilesAddsUpInTheCallersThread) {
  AddShards();
  std::vector<std::string> files;
  CacheProgress last;
  bool elsewhere = false;
  const std::thread::id here = std::this_thread::get_id();
  const auto snapshot = Fetch(*OpenCache(3), [&](const CacheProgress& progress) {
    elsewhere = elsewhere || std::this_thread::get_id() != here;
    EXPECT_GE(progress.done_bytes, last.done_bytes);
    if (progress.file != last.file) files.push_back(progress.file);
    last = progress;
  });
  ASSERT_TRUE(snapshot.ok());
  EXPECT_FALSE(elsewhere);
  EXPECT_EQ(files.size(), static_cast<size_t>(kShards));
  EXPECT_EQ(last.total_bytes, static_cast<int64_t>(kShards * kShardBytes));
  EXPECT_EQ(last.done_bytes, last.total_bytes);
}

TEST_F(DownloadsTest, TheBoundOfTheCacheHoldsForAllOfThemTogether) {
  AddShards();
  const Status status = Fetch(*OpenCache(kDownloadsDefault, 3 * kShardBytes)).status();
  EXPECT_EQ(status.code(), Code::kResourceExhausted);
  EXPECT_TRUE(hub_.Requests("cdn ").empty());
}

}  // namespace
}  // namespace koeval::hub
