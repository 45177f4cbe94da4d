// Submissions that come over HTTP: tried while the sender waits, then posted as Submit posts them.
#pragma once

#include <optional>
#include <string>

#include "common/base/json.h"
#include "koeval/v1/queue.pb.h"
#include "scheduler/cli/view.h"
#include "scheduler/service/http_server.h"
#include "scheduler/service/queue_service.h"
#include "scheduler/service/service_context.h"
#include "scheduler/web/params.h"
#include "scheduler/web/submit_page.h"

namespace koeval::service {

// Thread-safe; calls block for as long as a check takes.
class WebSubmitter {
 public:
  WebSubmitter(ServiceContext context, QueueService& queue) : context_(context), queue_(queue) {}

  // Who submits by a token of the hub, as koeval.v1 knows them. PERMISSION_DENIED where the hub's
  // tokens are not accepted or others could read it on the way; errors of HubAccounts::Find.
  Result<core::Actor> AdmitHubToken(const HttpRequest& request, const std::string& token);
  // What a submission would meet. Errors of koeval.v1.QueueService.DryRun.
  Result<cli::DryRunView> Try(const core::Actor& actor, const v1::RequestSpec& spec);
  struct Submitted {
    cli::RequestView request;
    bool already_known = false;
  };
  // Errors of koeval.v1.QueueService.Submit.
  Result<Submitted> Submit(const core::Actor& actor, const v1::SubmitRequest& request);

 private:
  const ServiceContext context_;
  QueueService& queue_;
};

// A fresh id of a request.
std::string NewRequestId();
web::SubmitFields FieldsFromForm(const web::Params& form);
v1::SubmitRequest ToProto(const web::SubmitFields& fields);
// The body of POST /api/v1/requests. INVALID_ARGUMENT names the field: of another type, or unknown.
Result<v1::SubmitRequest> SubmitFromJson(std::string_view body);
// {"ok","findings":[{"code","severity","message","remedy"}],"facts","submission":{...}}
Json ReportToJson(const cli::DryRunView& run);
void FillReport(const cli::DryRunView& run, web::SubmitPageView* view);
// Whether nothing stands in the report of the checks against it.
bool PassesChecks(const cli::DryRunView& run);

}  // namespace koeval::service
