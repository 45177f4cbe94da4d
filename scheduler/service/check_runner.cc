// Submission checks: where a model lies, and the process that looks at it.
#include "scheduler/service/check_runner.h"

#include <fmt/core.h>

#include <filesystem>
#include <utility>

#include "common/base/json.h"
#include "common/base/log.h"
#include "common/hub/token_count.h"
#include "scheduler/service/chat_spec.h"
#include "scheduler/service/limits.h"

namespace koeval::service {
namespace {

namespace fs = std::filesystem;

CheckReport NotThere(const std::string& model) {
  CheckReport report;
  report.Add(Ending::kModelNotFound, true, fmt::format("{} is not there", LogSafe(model)),
             fs::path(model).is_absolute()
                 ? "Give a directory that exists on the scheduler's machine."
                 : "Place the model below the scheduler's models_dir, or submit a directory.");
  report.EndStep("repository", 0, "");
  return report;
}

hub::CheckProcess ProcessOf(std::string binary, const CheckConfig& config) {
  return {std::move(binary),
          config.policy_file,
          {.time_ms = config.time_limit_ms,
           .memory_bytes = config.memory_bytes,
           .files = kCheckFilesMax,
           .output_max = kCheckOutputBytesMax,
           .error_max = kCheckErrorBytesMax}};
}

}  // namespace

CheckSpec CheckSpecOf(const core::RequestSpec& spec) {
  CheckSpec out{spec.model, spec.revision, spec.precision, {}, spec.weight_type};
  if (const auto chat = ParseChatText(spec.chat); chat.ok()) {
    out.chat_template = chat->chat_template;
  }
  return out;
}

Result<CheckReport> ParseCheckReport(std::string_view text) {
  ASSIGN_OR_RETURN(const Json json,
                   ParseJson(text, {.depth_max = 16, .bytes_max = kCheckOutputBytesMax}));
  return hub::ParseReport(json);
}

std::string CheckFactsJson(const CheckReport& report) {
  const Json json = hub::ToJson(report);
  return CompactJson(
      {{"facts", json["facts"]}, {"findings", json["findings"]}, {"checks", json["checks"]}});
}

std::optional<std::string> ModelFolder(const std::string& model, const std::string& models_dir) {
  std::error_code error;
  if (fs::path(model).is_absolute()) {
    return fs::is_directory(model, error) ? std::optional(model) : std::nullopt;
  }
  if (models_dir.empty()) return std::nullopt;
  const std::string folder = (fs::path(models_dir) / model).string();
  return fs::is_directory(folder, error) ? std::optional(folder) : std::nullopt;
}

ProcessCheckRunner::ProcessCheckRunner(std::string binary, std::string models_dir,
                                       CheckConfig config, const Clock& clock,
                                       std::shared_ptr<ModelHub> hub, std::string scratch)
    : process_(ProcessOf(std::move(binary), config)),
      models_dir_(std::move(models_dir)),
      clock_(clock),
      hub_(std::move(hub)),
      scratch_(std::move(scratch)) {
  if (hub_ != nullptr) hub::ClearScratch(scratch_);
}

Result<CountedCheck> ProcessCheckRunner::CheckAndCount(const CheckSpec& spec,
                                                       const AskTokens& ask) {
  CountedCheck out;
  Status asked;
  const auto count = [&](const std::string& dir, const CheckReport& report) {
    const auto question = ask(report);
    asked = question.status();
    if (!question.ok()) return;
    auto tokens =
        hub::CountTokens(process_, dir, question->generation, question->texts, clock_, stop_);
    if (tokens.ok()) {
      out.tokens = *std::move(tokens);
    } else {
      spdlog::info("the tokens of {} are not counted: {}", LogSafe(spec.model),
                   LogSafe(tokens.status().message()));
    }
  };
  ASSIGN_OR_RETURN(out.report, Run(spec, count));
  RETURN_IF_ERROR(asked);
  return out;
}

Result<CheckReport> ProcessCheckRunner::Run(const CheckSpec& spec, const hub::AfterCheck& after) {
  hub::CheckWish wish{"", spec.precision, spec.weight_type, spec.chat_template};
  if (const auto folder = ModelFolder(spec.model, models_dir_)) {
    auto report = hub::CheckFolder(process_, *folder, wish, clock_, stop_);
    if (report.ok() && report->ok() && after) after(*folder, *report);
    return report;
  }
  if (hub_ == nullptr || fs::path(spec.model).is_absolute()) return NotThere(spec.model);
  return CheckOnHub(spec, std::move(wish), after);
}

Result<CheckReport> ProcessCheckRunner::CheckOnHub(const CheckSpec& spec, hub::CheckWish wish,
                                                   const hub::AfterCheck& after) {
  if (stop_) return Status(Code::kCancelled, "the scheduler stops");
  const auto repository = hub_->Open(spec.model, spec.revision);
  if (stop_) return Status(Code::kCancelled, "the scheduler stops");
  if (!repository.ok()) return hub::OpenFailed(spec.model, spec.revision, repository.status());
  wish.model = spec.model;
  return hub::CheckRepository(process_, **repository, scratch_, wish, clock_, stop_, after);
}

}  // namespace koeval::service
