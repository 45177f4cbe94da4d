// The suite that every JobStore passes.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "scheduler/store/job_store.h"
#include "tests/common/temp_folder.h"
#include "tests/scheduler/store/rows.h"

namespace koeval::store {

struct Backend {
  std::string name;
  Result<std::unique_ptr<JobStore>> (*open)(const TempFolder& folder);
};

inline const std::vector<Backend>& Backends() {
  static const std::vector<Backend> backends = {
      {"Memory",
       [](const TempFolder&) { return Result<std::unique_ptr<JobStore>>(OpenMemoryStore()); }},
      {"Sqlite", [](const TempFolder& folder) { return OpenSqliteStore(folder.File("k.db")); }}};
  return backends;
}

class StoreContract : public testing::TestWithParam<Backend> {
 protected:
  void SetUp() override {
    auto store = GetParam().open(folder_);
    ASSERT_TRUE(IsOk(store));
    store_ = *std::move(store);
    auto reader = store_->OpenReader();
    ASSERT_TRUE(IsOk(reader));
    reader_ = *std::move(reader);
  }

  Status Commit(std::vector<core::Mutation> mutations) { return store_->Commit(mutations); }
  std::vector<std::string> Loaded() {
    auto snapshot = store_->Load();
    EXPECT_TRUE(IsOk(snapshot));
    return snapshot.ok() ? TextsOf(*snapshot) : std::vector<std::string>();
  }

  TempFolder folder_;
  std::mt19937_64 random_{20240812};
  std::unique_ptr<JobStore> store_;
  std::unique_ptr<Reader> reader_;
};

inline std::string BackendName(const testing::TestParamInfo<Backend>& info) {
  return info.param.name;
}

}  // namespace koeval::store
