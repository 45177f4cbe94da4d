// Plan facts: digest and tasks.
#include "scheduler/store/plan_json.h"

#include "common/base/json.h"

namespace koeval::store {

std::string EncodePlan(const core::PlanInfo& plan) {
  Json tasks = Json::array();
  for (const core::PlanTask& task : plan.tasks) {
    tasks.push_back({{"task", task.task},
                     {"batches", task.batches},
                     {"requests", task.requests},
                     {"documents", task.documents},
                     {"truncated", task.truncated}});
  }
  const Json json = {{"digest", plan.digest}, {"tasks", std::move(tasks)}};
  // Names come from workers: bytes that are no UTF-8 are replaced rather than refused.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<core::PlanInfo> DecodePlan(std::string_view text) {
  ASSIGN_OR_RETURN(const Json json, ParseJson(text));
  core::PlanInfo plan;
  ASSIGN_OR_RETURN(plan.digest, JsonString(json, "digest", "plan"));
  const Json* tasks = JsonFind(json, "tasks");
  if (tasks == nullptr || !tasks->is_array()) {
    return InvalidArgument("plan: field \"tasks\" must be an array");
  }
  for (const Json& item : *tasks) {
    core::PlanTask& task = plan.tasks.emplace_back();
    ASSIGN_OR_RETURN(task.task, JsonString(item, "task", "plan task"));
    ASSIGN_OR_RETURN(task.batches, JsonInt(item, "batches", "plan task"));
    ASSIGN_OR_RETURN(task.requests, JsonInt(item, "requests", "plan task"));
    ASSIGN_OR_RETURN(task.documents, JsonInt(item, "documents", "plan task"));
    ASSIGN_OR_RETURN(task.truncated, JsonInt(item, "truncated", "plan task"));
  }
  return plan;
}

}  // namespace koeval::store
