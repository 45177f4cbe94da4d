// Pages, assets and the JSON API over HTTP: routes, roles, headers.
#pragma once

#include <string>
#include <string_view>

#include "scheduler/service/http_server.h"
#include "scheduler/service/leaderboards.h"
#include "scheduler/service/service_context.h"
#include "scheduler/service/web_cache.h"
#include "scheduler/service/web_read.h"
#include "scheduler/service/web_stream.h"
#include "scheduler/service/web_submit.h"
#include "scheduler/web/page.h"

namespace koeval::service {

// Thread-safe. Pages need the role reader, or public_pages.
class WebServer {
 public:
  // INVALID_ARGUMENT: web.about_file cannot be read.
  static Result<std::unique_ptr<WebServer>> Create(ServiceContext context, QueueService& queue,
                                                   ResultsService& results,
                                                   Leaderboards& leaderboards);

  HttpReply Answer(const HttpRequest& request);
  // Something was committed; the dispatcher's thread.
  void Committed() { streams_.Ring(); }
  // Ends the streams.
  void Close() { streams_.Close(); }

 private:
  WebServer(ServiceContext context, QueueService& queue, ResultsService& results,
            Leaderboards& leaderboards, std::string about);

  HttpReply Route(const HttpRequest& request);
  HttpReply AnswerApi(const HttpRequest& request);
  Result<HttpReply> RouteApi(const HttpRequest& request);
  Result<HttpReply> RoutePage(const HttpRequest& request, const web::PageContext& page);

  Result<HttpReply> BoardPage(const web::PageContext& page);
  Result<HttpReply> BoardFile(const web::Params& params, bool csv);
  Result<HttpReply> QueuePage(const web::PageContext& page, const core::Actor& actor);
  Result<HttpReply> RequestPage(const web::PageContext& page, const core::Actor& actor,
                                const std::string& id);
  HttpReply AboutPage(const web::PageContext& page) const;
  HttpReply SubmitPage(const web::PageContext& page, const HttpRequest& request,
                       const core::Actor& actor, web::SubmitPageView view, int status) const;
  Result<HttpReply> SubmitForm(const web::PageContext& page, const HttpRequest& request,
                               const core::Actor& reader);
  // Who submits by what the form carries: a token of the hub or one of ours.
  Result<core::Actor> AdmitForm(const HttpRequest& request, const web::Params& form);
  // Fills in what a dry run says, and submits when `submit` and the checks pass; the id of what was
  // submitted now.
  Result<std::string> CheckAndSubmit(const core::Actor& actor, bool submit,
                                     web::SubmitPageView* view);

  Result<HttpReply> ApiBoard(const web::Params& params);
  Result<HttpReply> ApiRequests(const web::Params& params, const core::Actor& actor);
  Result<HttpReply> ApiRequest(std::string_view rest, const core::Actor& actor);
  Result<HttpReply> ApiPost(const HttpRequest& request, bool submit);
  Result<HttpReply> ApiWatch(const HttpRequest& request, const web::Params& params,
                             const core::Actor& actor);

  // The board of the query's suite and version, read in the pool.
  Result<std::shared_ptr<const web::Board>> ReadBoard(const web::BoardQuery& query);

  const ServiceContext context_;
  WebReader reader_;
  Leaderboards& leaderboards_;
  BoardReplies board_replies_;
  WebStreams streams_;
  WebSubmitter submitter_;
  const web::Site site_;
  const std::string about_;  // the operator's Markdown; "" = the one of this program
};

}  // namespace koeval::service
