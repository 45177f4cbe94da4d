// The answer of a dry run.
#include "scheduler/service/dry_run.h"

#include <algorithm>
#include <limits>
#include <string_view>

#include "common/base/json.h"
#include "scheduler/service/queue_convert.h"

namespace koeval::service {
namespace {

// Unique tokens of a plan's batch that generates, with those that may follow its prompts.
constexpr int64_t kGeneratingTokens = 16384;

// A fact that is a number; 0 where there is none.
int64_t FactOf(const CheckReport& report, std::string_view name) {
  const auto value = JsonInt(report.facts, name, "facts");
  return value.ok() ? std::max<int64_t>(0, *value) : 0;
}

void FillTasks(const DryRunParts& parts, v1::DryRunResponse* response) {
  for (size_t i = 0; i < parts.suite->tasks.size(); ++i) {
    const evaluation::PreparedTask& task = parts.suite->tasks[i];
    int64_t bytes = 0;
    for (const evaluation::Request& request : task.requests) {
      bytes += static_cast<int64_t>(request.context.size() + request.continuation.size());
    }
    v1::DryRunTask* added = response->add_tasks();
    added->set_task(task.config.task);
    added->set_documents(static_cast<int64_t>(task.documents.size()));
    added->set_requests(static_cast<int64_t>(task.requests.size()));
    added->set_prompt_bytes(bytes);
    if (parts.tokens.empty()) continue;
    added->set_prompt_tokens(parts.tokens[i].tokens);
    added->set_tokens_are_exact(parts.tokens[i].is_exact);
  }
}

// A forward pass takes two operations for each parameter and token, attention apart (Kaplan et al.,
// Scaling Laws for Neural Language Models, 2020, section 2.1).
double OperationsOf(const DryRunParts& parts) {
  const auto parameters = JsonInt(parts.report.facts, "parameters", "facts");
  double tokens = 0;
  for (const TaskTokens& task : parts.tokens) tokens += static_cast<double>(task.tokens);
  return parameters.ok() ? 2 * static_cast<double>(*parameters) * tokens : 0;
}

// Without the text of a chat template, which nobody reads here.
Json ShortReport(const CheckReport& report) {
  Json json = hub::ToJson(report);
  json["facts"].erase("chat_template");
  return json;
}

}  // namespace

int64_t MemoryNeed(const CheckReport& report, const GenerationNeed& generation) {
  const int64_t scoring = FactOf(report, "memory_bytes");
  const int64_t length = FactOf(report, "max_length");
  const int64_t token_bytes = FactOf(report, "stored_token_bytes");
  if (scoring == 0 || length == 0 || token_bytes == 0 || generation.new_tokens == 0) return scoring;
  const int64_t texts = std::clamp<int64_t>(kGeneratingTokens / (generation.new_tokens + 1), 1,
                                            std::max<int64_t>(1, generation.documents));
  const int64_t stored =
      length > kGeneratingTokens ? length : std::min(texts * length, kGeneratingTokens);
  const int64_t more = stored - length;  // keys and values of one length are in the scoring need
  if (more <= 0) return scoring;
  if (more > (std::numeric_limits<int64_t>::max() - scoring) / token_bytes) {
    return std::numeric_limits<int64_t>::max();
  }
  return scoring + more * token_bytes;
}

core::RequestRow RowOf(const DryRunParts& parts, WallTime now) {
  core::RequestRow row;
  row.spec = parts.spec;
  row.facts_json = CheckFactsJson(parts.report);
  row.submitted_at = now;
  return row;
}

void FillDryRun(const DryRunParts& parts, v1::DryRunResponse* response) {
  const core::Preview& preview = parts.preview;
  *response->mutable_spec() = SpecToProto(parts.spec);
  response->set_accepted(parts.report.ok() && preview.fits);
  response->set_report_json(CompactJson(ShortReport(parts.report)));
  response->set_same_request_id(parts.same);
  if (parts.suite) FillTasks(parts, response);
  response->set_operations(OperationsOf(parts));
  if (parts.run_ms) response->set_run_ms(*parts.run_ms);
  response->set_memory_bytes(preview.explanation.memory_bytes);
  response->set_fits(preview.fits);
  response->set_placement(preview.explanation.answer);
  response->set_placement_remedy(preview.remedy);
  for (const core::SlotVerdict& slot : preview.explanation.slots) {
    *response->add_slots() = ToProto(slot);
  }
  response->set_slots_known(preview.explanation.slots_known);
  response->set_requests_ahead(preview.ahead);
  if (preview.start_ms) response->set_start_ms(*preview.start_ms);
}

}  // namespace koeval::service
