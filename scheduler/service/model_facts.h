// What is known about models: what requests say about them, and how rows of it change.
#pragma once

#include <functional>
#include <string>

#include "common/base/status.h"
#include "common/hub/repository.h"
#include "koeval/v1/board.pb.h"
#include "scheduler/core/records.h"
#include "scheduler/service/dispatcher.h"
#include "scheduler/service/reader_pool.h"

namespace koeval::service {

// Takes over what a request and its checks say: type, precision, and of the facts (CheckFactsJson)
// architecture, parameters, likes, license and base model. What they do not say stays.
void AddRequestFacts(const core::RequestSpec& spec, const std::string& facts_json,
                     core::ModelRow* row);

// Takes over what the hub said: likes, licence, base models, and whether the model is still there.
// Any other error than NOT_FOUND changes nothing and is returned.
Status AddHubFacts(const Result<hub::RepositoryInfo>& answer, WallTime now, core::ModelRow* row);

// Whether all but the look itself, its time and source, is equal.
bool SameFacts(const core::ModelRow& a, const core::ModelRow& b);

// Lets `change` edit the row of `model`, in the writer's turn, and stores it when its facts differ
// (SameFacts), or always with `confirm`. The row afterwards, and whether they differ. From the
// threads of our pools.
struct ModelUpdate {
  core::ModelRow row;
  bool changed = false;
};
Result<ModelUpdate> UpdateModel(Dispatcher& dispatcher, ReaderPool& readers,
                                const std::string& model, WallTime now, bool confirm,
                                const std::function<void(core::ModelRow&)>& change);

v1::ModelFacts ToProto(const core::ModelRow& row);
v1::ModelFlag ToProto(const core::FlagRow& row);

}  // namespace koeval::service
