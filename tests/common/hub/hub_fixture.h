// A local hub with a client of it whose waits are counted instead of slept.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "common/hub/curl_exchange.h"
#include "common/hub/hub_client.h"
#include "tests/common/hub/fake_hub.h"

namespace koeval::hub {

class HubSetup {
 public:
  std::unique_ptr<HttpClient> MakeHttp(const HttpOptions& options = {}) {
    return std::make_unique<HttpClient>(options, MakeCurlExchange(options), clock_,
                                        [this](int64_t ms, const Cancel&) {
                                          {
                                            MutexLock lock(mutex_);
                                            waits_.push_back(ms);
                                          }
                                          clock_.AdvanceMs(ms);
                                        });
  }
  std::shared_ptr<HubClient> MakeClient(const std::string& token = "") {
    return std::make_shared<HubClient>(
        HubOptions{.endpoint = hub_.endpoint(), .token = token, .http = {}}, MakeHttp());
  }
  // A model with a small file and an LFS file.
  std::string AddModel(const std::string& id = "org/name") { return hub_.Add(Model(id)); }
  static FakeRepository Model(const std::string& id) {
    FakeRepository model;
    model.id = id;
    model.files["config.json"] = "{\"model_type\": \"llama\"}";
    model.files["model.safetensors"] = Bytes(300'000);
    model.card = {{"license", "apache-2.0"}, {"base_model", {"a/b"}}};
    model.tags = {"text-generation"};
    model.likes = 7;
    return model;
  }
  static std::string Bytes(size_t size) {
    std::string out(size, '\0');
    uint32_t state = 1;
    for (char& byte : out) {
      state = state * 1664525U + 1013904223U;
      byte = static_cast<char>(state >> 24);
    }
    return out;
  }

  FakeHub hub_;
  FakeClock clock_;
  Mutex mutex_;
  std::vector<int64_t> waits_;  // written under mutex_, read when nothing is under way
  Cancel cancel_;
};

class HubFixture : public ::testing::Test, protected HubSetup {};

}  // namespace koeval::hub
