// Where a lease's model is found, and what failures of the hub end as.
#include "worker/agent/model_source.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/common/hub/hub_fixture.h"
#include "tests/common/temp_folder.h"
#include "worker/runner/failure.h"

namespace koeval::agent {
namespace {

namespace fs = std::filesystem;

class ModelSourceTest : public hub::HubFixture {
 protected:
  ModelSource Source(bool with_hub, const std::string& models_dir = "") {
    std::shared_ptr<const hub::HubCache> cache;
    if (with_hub) {
      cache = hub::HubCache::Open(
                  {.dir = folder_.File("cache"), .bytes_max = bytes_max_, .offline = false},
                  MakeClient())
                  .value();
    }
    return ModelSource(models_dir, cache);
  }
  Result<ModelPlace> Find(const ModelSource& source, const std::string& model,
                          const std::string& revision) {
    LeaseOrder order;
    order.model = model;
    order.revision = revision;
    return source.Find(order, nullptr, cancel_);
  }
  Ending EndingOf(const Result<ModelPlace>& place) {
    return runner::FailureOf(place.status()).ending;
  }

  TempFolder folder_;
  int64_t bytes_max_ = 0;
};

TEST_F(ModelSourceTest, AnAbsolutePathIsThatDirectory) {
  const auto place = Find(Source(true), "/models/mine", "main");
  ASSERT_TRUE(place.ok());
  EXPECT_EQ(place->dir, "/models/mine");
  EXPECT_EQ(place->snapshot, nullptr);
}

TEST_F(ModelSourceTest, ACommitComesFromTheHubExactly) {
  const std::string first = AddModel();
  hub::FakeRepository changed = Model("org/name");
  changed.files["config.json"] = "{}";
  hub_.Add(changed);
  fs::create_directories(folder_.File("models/org/name"));
  const auto place = Find(Source(true, folder_.File("models")), "org/name", first);
  ASSERT_TRUE(place.ok()) << place.status().ToString();
  ASSERT_NE(place->snapshot, nullptr);
  EXPECT_EQ(place->snapshot->info.commit, first);
  EXPECT_TRUE(fs::exists(place->dir + "/model.safetensors"));
}

TEST_F(ModelSourceTest, ABranchIsLookedForInModelsDirFirst) {
  const std::string commit = AddModel();
  fs::create_directories(folder_.File("models/org/name"));
  const ModelSource source = Source(true, folder_.File("models"));
  EXPECT_EQ(Find(source, "org/name", "main")->dir, folder_.File("models/org/name"));
  AddModel("org/other");
  EXPECT_NE(Find(source, "org/other", "main")->snapshot, nullptr);
  EXPECT_EQ(Find(Source(false, folder_.File("models")), "org/name", commit)->dir,
            folder_.File("models/org/name"));
}

TEST_F(ModelSourceTest, FailuresEndTheAttemptByTheirKind) {
  const std::string commit = AddModel();
  EXPECT_EQ(EndingOf(Find(Source(false), "org/name", commit)), Ending::kModelNotFound);
  EXPECT_EQ(EndingOf(Find(Source(true), "../etc", commit)), Ending::kModelNotFound);
  EXPECT_EQ(EndingOf(Find(Source(true), "org/none", "main")), Ending::kModelNotFound);
  hub::FakeRepository gated = Model("org/gated");
  gated.gated = true;
  hub_.Add(gated);
  EXPECT_EQ(EndingOf(Find(Source(true), "org/gated", "main")), Ending::kModelGated);
  bytes_max_ = 1000;
  EXPECT_EQ(EndingOf(Find(Source(true), "org/name", "main")), Ending::kDiskFull);
  bytes_max_ = 0;
  hub_.Misbehave(hub::FakeHub::Flip("cdn ", 100, -1));
  EXPECT_EQ(EndingOf(Find(Source(true), "org/name", "main")), Ending::kHubUnavailable);
  hub_.Misbehave(hub::FakeHub::Answer("/api/", 500, -1));
  EXPECT_EQ(EndingOf(Find(Source(true), "org/name", "main")), Ending::kHubUnavailable);
}

TEST_F(ModelSourceTest, ACancelledDownloadIsNoFailureOfTheModel) {
  AddModel();
  cancel_.Ask();
  EXPECT_EQ(Find(Source(true), "org/name", "main").status().code(), Code::kCancelled);
}

}  // namespace
}  // namespace koeval::agent
