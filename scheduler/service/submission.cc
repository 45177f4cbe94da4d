// Checks of a submission that need no look into the model's files.
#include "scheduler/service/submission.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "common/base/endings.h"
#include "common/base/sha256.h"
#include "common/base/utf8.h"
#include "common/hub/stage.h"
#include "scheduler/service/chat_spec.h"
#include "scheduler/service/check_runner.h"
#include "scheduler/service/limits.h"

namespace koeval::service {
namespace {

namespace fs = std::filesystem;

bool IsNameChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

// One path component of org/name.
bool IsRepositoryName(const std::string& name) {
  return !name.empty() && name.front() != '.' && std::all_of(name.begin(), name.end(), IsNameChar);
}

Status CheckLocalModel(const std::string& model, const ServiceConfig& config) {
  if (!config.allow_local_models) {
    return FailedPrecondition(
        "model: this scheduler does not evaluate local directories; submit org/name, or ask its "
        "operator to set allow_local_models");
  }
  if (fs::path(model).lexically_normal() != fs::path(model)) {
    return InvalidArgument("model: write the directory without \"..\", \".\" or doubled slashes");
  }
  if (config.local_model_roots.empty()) return OkStatus();
  // Links are followed first, so that none leads out of the allowed folders.
  std::error_code error;
  const fs::path real = fs::weakly_canonical(model, error);
  if (error) return InvalidArgument("model: " + model + " cannot be looked at");
  for (const std::string& root : config.local_model_roots) {
    const fs::path allowed = fs::weakly_canonical(root, error);
    if (error) continue;
    const auto [end, _] = std::mismatch(allowed.begin(), allowed.end(), real.begin(), real.end());
    if (end == allowed.end()) return OkStatus();
  }
  return FailedPrecondition("model: " + model +
                            " does not lie below a folder of local_model_roots; move it there");
}

Status CheckModel(const std::string& model, const ServiceConfig& config) {
  RETURN_IF_ERROR(ValidateModelName(model));
  return fs::path(model).is_absolute() ? CheckLocalModel(model, config) : OkStatus();
}

Status CheckWords(const core::RequestSpec& spec) {
  RETURN_IF_ERROR(CheckText("revision", spec.revision, kWordBytesMax));
  RETURN_IF_ERROR(CheckText("weight_type", spec.weight_type, kWordBytesMax));
  RETURN_IF_ERROR(CheckText("model_type", spec.model_type, kWordBytesMax));
  RETURN_IF_ERROR(CheckText("suite", spec.suite, kWordBytesMax));
  if (spec.precision != "float16" && spec.precision != "bfloat16" && spec.precision != "float32") {
    return InvalidArgument("precision: must be float16, bfloat16 or float32");
  }
  return OkStatus();
}

Status CheckNumbers(const core::RequestSpec& spec, const ServiceConfig& config) {
  if (spec.limit && *spec.limit < 1) return InvalidArgument("limit: must be 1 or more");
  if (spec.priority < -kPriorityMax || spec.priority > kPriorityMax) {
    return InvalidArgument(
        fmt::format("priority: must be from {} to {}", -kPriorityMax, kPriorityMax));
  }
  if (spec.time_limit_ms < 0 || spec.time_limit_ms > config.time_limit_max_ms) {
    return InvalidArgument(fmt::format("time_limit_ms: must be from 1 to {}, or 0 for the default",
                                       config.time_limit_max_ms));
  }
  return OkStatus();
}

// What a failed look at the hub means for who submits.
Status HubFailure(const Status& status, const std::string& model) {
  const Ending ending = hub::EndingOfOpen(status);
  const std::string text = fmt::format("model: {}: {}: {} {}", model, EndingName(ending),
                                       status.message(), InfoOf(ending).submitter_text);
  switch (status.code()) {
    case Code::kNotFound:
      return NotFound(text);
    case Code::kInvalidArgument:
      return InvalidArgument(text);
    case Code::kPermissionDenied:
    case Code::kUnauthenticated:
      return FailedPrecondition(text);
    default:
      return Unavailable(text);
  }
}

// Of all that decides the scores, besides the hardware.
std::string IdentityOf(const core::RequestSpec& spec, const std::string& content) {
  Sha256 sum;
  for (const std::string* part :
       {&content, &spec.precision, &spec.weight_type, &spec.suite, &spec.suite_version,
        &spec.profile, &spec.bundle_digest, &spec.chat}) {
    sum.AddInt(static_cast<int64_t>(part->size()));
    sum.Add(*part);
  }
  sum.AddInt(spec.limit.value_or(-1));
  return sum.FinishHex();
}

}  // namespace

Status CheckText(const char* field, const std::string& text, size_t bytes_max) {
  if (text.size() > bytes_max) {
    return InvalidArgument(fmt::format("{}: is longer than {} bytes", field, bytes_max));
  }
  const bool control = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (control || !IsValidUtf8(text)) {
    return InvalidArgument(fmt::format("{}: holds control characters or invalid UTF-8", field));
  }
  return OkStatus();
}

Status ValidateModelName(const std::string& model) {
  if (model.empty()) return InvalidArgument("model: is missing; give org/name or a directory");
  RETURN_IF_ERROR(CheckText("model", model, kModelBytesMax));
  if (fs::path(model).is_absolute()) return OkStatus();
  const size_t slash = model.find('/');
  if (slash == std::string::npos || !IsRepositoryName(model.substr(0, slash)) ||
      !IsRepositoryName(model.substr(slash + 1))) {
    return InvalidArgument(
        "model: must be org/name with letters, digits and . _ -, or an absolute "
        "directory");
  }
  return OkStatus();
}

bool IsHubModel(const core::RequestSpec& spec, const ServiceConfig& config) {
  return !fs::path(spec.model).is_absolute() && !ModelFolder(spec.model, config.models_dir);
}

Result<std::string> PinToCommit(ModelHub& hub, core::RequestSpec* spec) {
  const auto repository = hub.Open(spec->model, spec->revision);
  if (!repository.ok()) return HubFailure(repository.status(), spec->model);
  const hub::RepositoryInfo& info = (*repository)->info();
  spec->revision = info.commit;
  const std::string content = hub::ContentIdentity(info);
  return content.empty() ? content : IdentityOf(*spec, content);
}

Status ValidateRequestId(const std::string& id) {
  if (id.empty() || id.size() > kRequestIdBytesMax ||
      !std::all_of(id.begin(), id.end(), IsNameChar)) {
    return InvalidArgument(fmt::format("request_id: must be 1 to {} of letters, digits and . _ -",
                                       kRequestIdBytesMax));
  }
  return OkStatus();
}

Result<core::RequestSpec> CompleteSpec(core::RequestSpec spec, const ServiceConfig& config,
                                       const SuiteCatalogue& catalogue) {
  if (spec.revision.empty()) spec.revision = "main";
  spec.wanted_revision = spec.revision;
  if (spec.precision.empty()) spec.precision = "float32";
  if (spec.weight_type.empty()) spec.weight_type = "Original";
  RETURN_IF_ERROR(CheckModel(spec.model, config));
  RETURN_IF_ERROR(CheckWords(spec));
  RETURN_IF_ERROR(CheckNumbers(spec, config));
  const LoadedSuite* suite = catalogue.Find(spec.suite);
  if (suite == nullptr && spec.suite.empty()) {
    return InvalidArgument("suite: is missing and there is no default; known are " +
                           catalogue.Names());
  }
  if (suite == nullptr) {
    return NotFound(
        fmt::format("suite: there is no \"{}\"; known are {}", spec.suite, catalogue.Names()));
  }
  if (!suite->unavailable.empty()) {
    return FailedPrecondition(
        fmt::format("suite: \"{}\" is unavailable: {}", suite->suite.name, suite->unavailable));
  }
  spec.suite = suite->suite.name;
  spec.suite_version = suite->suite.version;
  spec.bundle_digest = suite->bundle_digest;
  if (spec.profile.empty()) spec.profile = evaluation::ProfileName(suite->suite.profile);
  if (const auto profile = evaluation::ParseProfile(spec.profile); !profile.ok()) {
    return InvalidArgument("profile: " + profile.status().message());
  }
  RETURN_IF_ERROR(CheckChat(spec));
  if (spec.time_limit_ms == 0) spec.time_limit_ms = config.time_limit_default_ms;
  return spec;
}

}  // namespace koeval::service
