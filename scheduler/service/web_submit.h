// Submissions that come over HTTP: checked while the sender waits, then posted as Submit posts
// them.
#pragma once

#include <atomic>
#include <optional>
#include <string>

#include "common/base/json.h"
#include "koeval/v1/queue.pb.h"
#include "scheduler/cli/view.h"
#include "scheduler/service/check_runner.h"
#include "scheduler/service/queue_service.h"
#include "scheduler/service/service_context.h"
#include "scheduler/web/params.h"
#include "scheduler/web/submit_page.h"

namespace koeval::service {

// Thread-safe; calls block for as long as a check takes.
class WebSubmitter {
 public:
  WebSubmitter(ServiceContext context, QueueService& queue, CheckRunner& checks)
      : context_(context), queue_(queue), checks_(checks) {}

  // What Submit would refuse, and then what the checks find in the model. Errors of CompleteSpec;
  // RESOURCE_EXHAUSTED: kWebChecksMax checks are running.
  Result<CheckReport> Check(const v1::RequestSpec& spec);
  struct Submitted {
    cli::RequestView request;
    bool already_known = false;
  };
  // Errors of koeval.v1.QueueService.Submit.
  Result<Submitted> Submit(const core::Actor& actor, const v1::SubmitRequest& request);

 private:
  const ServiceContext context_;
  QueueService& queue_;
  CheckRunner& checks_;
  std::atomic<int> checking_{0};
};

// A fresh id of a request.
std::string NewRequestId();
web::SubmitFields FieldsFromForm(const web::Params& form);
v1::SubmitRequest ToProto(const web::SubmitFields& fields);
// The body of POST /api/v1/requests. INVALID_ARGUMENT names the field: of another type, or unknown.
Result<v1::SubmitRequest> SubmitFromJson(std::string_view body);
// {"ok","findings":[{"code","severity","message","remedy"}],"facts"}
Json ReportToJson(const CheckReport& report);
void FillReport(const CheckReport& report, web::SubmitPageView* view);

}  // namespace koeval::service
