// Looking again at what is known about models, a few at a time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "koeval/v1/board.pb.h"
#include "scheduler/service/model_facts.h"
#include "scheduler/service/service_context.h"
#include "scheduler/service/stream.h"

namespace koeval::service {

// Fills a RefreshModels stream: every model is looked at once, in order of names. One thread at a
// time; the context outlives it.
class ModelRefresh {
 public:
  // `wanted` empty: every model that a request names, and every one that is known.
  ModelRefresh(const ServiceContext& context, core::Actor actor, std::vector<std::string> wanted)
      : context_(context), actor_(std::move(actor)), wanted_(std::move(wanted)) {}

  FilledStream<v1::RefreshModelsResponse>::Filled operator()();

 private:
  struct Candidate {
    std::string model;
    RequestId newest;  // request; "" when none names the model
  };
  Status Collect();
  // What the hub says about a model that has no folder on this machine; nothing without a hub.
  std::optional<Result<hub::RepositoryInfo>> Ask(const std::string& model) const;
  Result<v1::RefreshModelsResponse> Refresh(const Candidate& candidate);

  const ServiceContext& context_;
  const core::Actor actor_;
  const std::vector<std::string> wanted_;
  std::optional<std::vector<Candidate>> models_;
  size_t next_ = 0;
};

}  // namespace koeval::service
