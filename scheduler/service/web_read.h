// What pages and JSON show, read as koeval.v1 answers it and made views.
#pragma once

#include <string>
#include <vector>

#include "scheduler/cli/view.h"
#include "scheduler/service/queue_service.h"
#include "scheduler/service/results_service.h"
#include "scheduler/service/service_context.h"
#include "scheduler/web/queue_page.h"
#include "scheduler/web/request_page.h"

namespace koeval::service {

// Which requests, as koeval.v1.ListRequestsRequest.
struct RequestListing {
  std::string state;  // "PENDING", ...; "" = all
  std::string suite, model, submitter, page_token;
  int64_t page_size = 0;
  bool newest_first = false;
};

// Thread-safe; every call runs in the pool of unary calls and waits for it.
class WebReader {
 public:
  WebReader(ServiceContext context, QueueService& queue, ResultsService& results)
      : context_(context), queue_(queue), results_(results) {}

  cli::QueueView Queue() const;
  std::vector<cli::SuiteView> Suites(const core::Actor& actor) const;
  // INVALID_ARGUMENT: an unknown state, a bad size or page token.
  Result<web::QueueSection> List(const core::Actor& actor, const RequestListing& listing);
  // With attempts, and with scores when it is FINISHED. NOT_FOUND.
  Result<web::RequestPageView> Request(const core::Actor& actor, const std::string& id);
  // NOT_FOUND; FAILED_PRECONDITION: it has no results (yet).
  Result<cli::ResultsView> Results(const core::Actor& actor, const std::string& id);

 private:
  Result<web::RequestPageView> ReadRequest(const core::Actor& actor, const std::string& id);
  Result<cli::ResultsView> ReadResults(const core::Actor& actor, const std::string& id);

  const ServiceContext context_;
  QueueService& queue_;
  ResultsService& results_;
};

// Leave out, for readers without a token, who submitted or cancelled it and where it runs; and of
// suites why they are unavailable.
void HideFromAnonymous(cli::RequestView* request);
void HideFromAnonymous(web::RequestPageView* view);
void HideFromAnonymous(std::vector<cli::SuiteView>* suites);

}  // namespace koeval::service
