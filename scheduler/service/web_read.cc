// Answers of the services as views.
#include "scheduler/service/web_read.h"

#include "scheduler/cli/view_convert.h"
#include "scheduler/core/sentences.h"
#include "scheduler/service/in_pool.h"
#include "scheduler/service/queue_convert.h"
#include "scheduler/service/results_convert.h"

namespace koeval::service {
namespace {

template <typename T, typename Job>
Result<T> ReadInPool(const ServiceContext& context, Job job) {
  Result<T> out = Internal("the job did not run");
  RETURN_IF_ERROR(RunInPool(context.reads, [&out, &job] { out = job(); }));
  return out;
}

bool NamesPerson(const std::string& reason) {
  const auto said = core::Recognise(reason);
  return said && said->sentence == core::Sentence::kCancelledBy;
}

}  // namespace

cli::QueueView WebReader::Queue() const {
  return cli::ToView(ToProto(context_.dispatcher.counts(), context_.clock.Wall()));
}

std::vector<cli::SuiteView> WebReader::Suites(const core::Actor& actor) const {
  v1::ListSuitesResponse response;
  for (const LoadedSuite& suite : context_.catalogue.all()) {
    *response.add_suites() = ToProto(suite, context_.catalogue.IsDefault(suite));
  }
  context_.redaction.Hide(actor, response.mutable_suites());
  std::vector<cli::SuiteView> out;
  for (const v1::Suite& suite : response.suites()) out.push_back(cli::ToView(suite));
  return out;
}

Result<web::QueueSection> WebReader::List(const core::Actor& actor, const RequestListing& listing) {
  v1::ListRequestsRequest request;
  if (!listing.state.empty()) {
    const v1::RequestState state = cli::StateFromName(listing.state);
    if (state == v1::REQUEST_STATE_UNSPECIFIED) {
      return InvalidArgument("state: must be PENDING, RUNNING, FINISHED or FAILED");
    }
    request.add_states(state);
  }
  request.set_suite(listing.suite);
  request.set_model(listing.model);
  request.set_submitter(listing.submitter);
  request.set_page_size(static_cast<int32_t>(listing.page_size));
  request.set_page_token(listing.page_token);
  request.set_newest_first(listing.newest_first);
  return ReadInPool<web::QueueSection>(context_, [&]() -> Result<web::QueueSection> {
    v1::ListRequestsResponse response;
    RETURN_IF_ERROR(queue_.DoList(actor, request, &response));
    web::QueueSection section{listing.state, {}, response.next_page_token()};
    for (const v1::Request& row : response.requests()) {
      section.requests.push_back(cli::ToView(row));
    }
    return section;
  });
}

Result<web::RequestPageView> WebReader::Request(const core::Actor& actor, const std::string& id) {
  return ReadInPool<web::RequestPageView>(context_, [&] { return ReadRequest(actor, id); });
}

Result<web::RequestPageView> WebReader::ReadRequest(const core::Actor& actor,
                                                    const std::string& id) {
  web::RequestPageView view;
  view.last_seq = context_.dispatcher.committed_seq();
  v1::GetRequestRequest request;
  request.set_request_id(id);
  v1::GetRequestResponse response;
  RETURN_IF_ERROR(queue_.DoGet(actor, request, &response));
  view.request = cli::ToView(response.request());
  for (const v1::Attempt& attempt : response.attempts()) {
    view.attempts.push_back(cli::ToView(attempt));
  }
  if (view.request.state == "FINISHED") {
    ASSIGN_OR_RETURN(view.results, ReadResults(actor, id));
  } else if (!view.request.terminal()) {
    v1::ExplainRequest question;
    question.set_request_id(id);
    v1::ExplainResponse answer;
    RETURN_IF_ERROR(queue_.DoExplain(actor, question, &answer));
    view.explanation = answer.answer();
  }
  return view;
}

Result<cli::ResultsView> WebReader::Results(const core::Actor& actor, const std::string& id) {
  return ReadInPool<cli::ResultsView>(context_, [&] { return ReadResults(actor, id); });
}

Result<cli::ResultsView> WebReader::ReadResults(const core::Actor& actor, const std::string& id) {
  v1::GetResultsRequest request;
  request.set_request_id(id);
  v1::GetResultsResponse response;
  RETURN_IF_ERROR(results_.DoResults(actor, request, &response));
  return cli::ToView(response);
}

void HideFromAnonymous(cli::RequestView* request) {
  if (NamesPerson(request->reason)) request->reason.clear();
  request->submitter.clear();
  request->workers.clear();
}

void HideFromAnonymous(std::vector<cli::SuiteView>* suites) {
  for (cli::SuiteView& suite : *suites) {
    if (!suite.unavailable.empty()) suite.unavailable = "unavailable";
  }
}

void HideFromAnonymous(web::RequestPageView* view) {
  HideFromAnonymous(&view->request);
  for (cli::AttemptView& attempt : view->attempts) {
    attempt.worker.clear();
    if (NamesPerson(attempt.reason)) attempt.reason.clear();
  }
}

}  // namespace koeval::service
