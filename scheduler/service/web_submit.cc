// Submissions over HTTP.
#include "scheduler/service/web_submit.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/random.h"
#include "scheduler/cli/view_convert.h"
#include "scheduler/cli/view_json.h"
#include "scheduler/service/in_pool.h"
#include "scheduler/service/web_auth.h"

namespace koeval::service {
namespace {

constexpr const char* kWhere = "body";
constexpr size_t kIdBytes = 6;

// What the page shows of the checks' facts, in this order.
constexpr std::array<const char*, 6> kFactsShown = {"architecture", "parameters", "dtype",
                                                    "max_length",   "vocab_size", "commit"};

// Answers that a thread waits for while the dispatcher's thread brings them.
class Waiting {
 public:
  void Bring(const Status& status) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    status_ = status;
    changed_.NotifyAll();
  }
  Status Wait() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    while (!status_) changed_.Wait(mutex_);
    return *status_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::optional<Status> status_ GUARDED_BY(mutex_);
};

Status ReadText(const Json& body, const char* key, std::string* out) {
  if (JsonFind(body, key) == nullptr) return OkStatus();
  ASSIGN_OR_RETURN(*out, JsonString(body, key, kWhere));
  return OkStatus();
}

Status ReadNumbers(const Json& body, v1::RequestSpec* spec) {
  if (JsonFind(body, "limit") != nullptr) {
    ASSIGN_OR_RETURN(const int64_t limit, JsonInt(body, "limit", kWhere));
    spec->set_limit(limit);
  }
  if (JsonFind(body, "priority") != nullptr) {
    ASSIGN_OR_RETURN(const int64_t priority, JsonInt(body, "priority", kWhere));
    spec->set_priority(priority);
  }
  if (JsonFind(body, "time_limit_ms") != nullptr) {
    ASSIGN_OR_RETURN(const int64_t time, JsonInt(body, "time_limit_ms", kWhere));
    spec->set_time_limit_ms(time);
  }
  return OkStatus();
}

Status ReadChat(const Json& body, v1::RequestSpec* spec) {
  if (JsonFind(body, "chat_template") != nullptr) {
    ASSIGN_OR_RETURN(const std::string name, JsonString(body, "chat_template", kWhere));
    spec->set_chat_template(name);
  }
  if (JsonFind(body, "fewshot_as_multiturn") != nullptr) {
    ASSIGN_OR_RETURN(const bool turns, JsonBool(body, "fewshot_as_multiturn", kWhere));
    spec->set_fewshot_as_multiturn(turns);
  }
  return ReadText(body, "system_instruction", spec->mutable_system_instruction());
}

std::string FactText(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_primitive() && !value.is_null() ? value.dump() : "";
}

}  // namespace

Result<core::Actor> WebSubmitter::AdmitHubToken(const HttpRequest& request,
                                                const std::string& token) {
  if (!context_.accounts.accepts()) {
    return PermissionDenied("this leaderboard takes no tokens of the hub; use one of its own");
  }
  if (!IsPrivate(request)) {
    return PermissionDenied(
        "a token of the hub is taken over TLS or from this machine alone; open this page by https "
        "and make a new token, since others may have read this one");
  }
  Result<core::Actor> actor = Internal("the job did not run");
  RETURN_IF_ERROR(RunInPool(context_.submissions, [&] { actor = context_.accounts.Find(token); }));
  return actor;
}

Result<cli::DryRunView> WebSubmitter::Try(const core::Actor& actor, const v1::RequestSpec& spec) {
  v1::DryRunRequest request;
  *request.mutable_spec() = spec;
  v1::DryRunResponse response;
  Status done = Internal("the job did not run");
  RETURN_IF_ERROR(
      RunInPool(context_.submissions, [&] { done = queue_.DoDryRun(actor, request, &response); }));
  RETURN_IF_ERROR(done);
  return cli::ToView(response);
}

Result<WebSubmitter::Submitted> WebSubmitter::Submit(const core::Actor& actor,
                                                     const v1::SubmitRequest& request) {
  v1::SubmitResponse response;
  Waiting waiting;
  Status posted = Internal("the job did not run");
  RETURN_IF_ERROR(RunInPool(context_.submissions, [&] {
    posted = queue_.DoSubmit(actor, request, &response,
                             [&waiting](const Status& status) { waiting.Bring(status); });
  }));
  RETURN_IF_ERROR(posted);
  RETURN_IF_ERROR(waiting.Wait());
  return Submitted{cli::ToView(response.request()), response.already_known()};
}

std::string NewRequestId() {
  return "w-" + RandomHex(kIdBytes);
}

web::SubmitFields FieldsFromForm(const web::Params& form) {
  web::SubmitFields fields;
  fields.request_id = form.Get("request_id");
  if (fields.request_id.empty()) fields.request_id = NewRequestId();
  fields.model = form.Get("model");
  fields.revision = form.Get("revision");
  fields.precision = form.Get("precision");
  fields.weight_type = form.Get("weight_type");
  fields.model_type = form.Get("model_type");
  fields.suite = form.Get("suite");
  fields.chat_template = form.Get("chat_template") == "1";
  return fields;
}

v1::SubmitRequest ToProto(const web::SubmitFields& fields) {
  v1::SubmitRequest out;
  out.set_request_id(fields.request_id);
  v1::RequestSpec* spec = out.mutable_spec();
  spec->set_model(fields.model);
  spec->set_revision(fields.revision);
  spec->set_precision(fields.precision);
  spec->set_weight_type(fields.weight_type);
  spec->set_model_type(fields.model_type);
  spec->set_suite(fields.suite);
  if (fields.chat_template) spec->set_chat_template("");
  return out;
}

Result<v1::SubmitRequest> SubmitFromJson(std::string_view body) {
  constexpr std::array<std::string_view, 14> kKeys = {"request_id",
                                                      "model",
                                                      "revision",
                                                      "precision",
                                                      "weight_type",
                                                      "model_type",
                                                      "suite",
                                                      "profile",
                                                      "limit",
                                                      "priority",
                                                      "time_limit_ms",
                                                      "chat_template",
                                                      "fewshot_as_multiturn",
                                                      "system_instruction"};
  ASSIGN_OR_RETURN(const Json json,
                   ParseJson(body, {.depth_max = 4, .bytes_max = kHttpBodyBytesMax}));
  if (!json.is_object()) return InvalidArgument("body: must be a JSON object");
  for (const auto& [key, value] : json.items()) {
    if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end()) {
      return InvalidArgument(fmt::format("{}: is no field of a submission", key));
    }
  }
  v1::SubmitRequest out;
  v1::RequestSpec* spec = out.mutable_spec();
  RETURN_IF_ERROR(ReadText(json, "request_id", out.mutable_request_id()));
  RETURN_IF_ERROR(ReadText(json, "model", spec->mutable_model()));
  RETURN_IF_ERROR(ReadText(json, "revision", spec->mutable_revision()));
  RETURN_IF_ERROR(ReadText(json, "precision", spec->mutable_precision()));
  RETURN_IF_ERROR(ReadText(json, "weight_type", spec->mutable_weight_type()));
  RETURN_IF_ERROR(ReadText(json, "model_type", spec->mutable_model_type()));
  RETURN_IF_ERROR(ReadText(json, "suite", spec->mutable_suite()));
  RETURN_IF_ERROR(ReadText(json, "profile", spec->mutable_profile()));
  RETURN_IF_ERROR(ReadNumbers(json, spec));
  RETURN_IF_ERROR(ReadChat(json, spec));
  if (out.request_id().empty()) out.set_request_id(NewRequestId());
  return out;
}

bool PassesChecks(const cli::DryRunView& run) {
  const auto report = ParseJson(run.report_json);
  if (!report.ok()) return false;
  const auto passes = JsonBool(*report, "ok", kWhere);
  return passes.ok() && *passes;
}

Json ReportToJson(const cli::DryRunView& run) {
  Json submission = cli::ToJson(run);
  Json report = std::move(submission["report"]);
  submission.erase("report");
  Json out = {{"ok", report["ok"]}, {"findings", Json::array()}, {"facts", report["facts"]}};
  for (const Json& finding : report["findings"]) {
    out["findings"].push_back({{"code", finding["code"]},
                               {"severity", finding["severity"]},
                               {"message", finding["message"]},
                               {"remedy", finding["remedy"]}});
  }
  out["submission"] = std::move(submission);
  return out;
}

void FillReport(const cli::DryRunView& run, web::SubmitPageView* view) {
  const Json report = ReportToJson(run);
  view->outcome = PassesChecks(run) ? web::SubmitOutcome::kChecked : web::SubmitOutcome::kRefused;
  view->run = run;
  for (const Json& finding : report["findings"]) {
    view->findings.push_back({finding["severity"] == "error", FactText(finding["code"]),
                              FactText(finding["message"]), FactText(finding["remedy"])});
  }
  for (const char* key : kFactsShown) {
    const Json* value = JsonFind(report["facts"], key);
    if (value == nullptr) continue;
    std::string text = FactText(*value);
    if (!text.empty()) view->facts.emplace_back(key, std::move(text));
  }
}

}  // namespace koeval::service
