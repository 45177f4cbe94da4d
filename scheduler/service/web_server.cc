// Routes, roles and headers of the HTTP port.
#include "scheduler/service/web_server.h"

#include <fmt/core.h>

#include <array>
#include <utility>

#include "common/base/file.h"
#include "common/base/json.h"
#include "common/base/sha256.h"
#include "scheduler/cli/view_json.h"
#include "scheduler/service/in_pool.h"
#include "scheduler/service/limits.h"
#include "scheduler/service/version.h"
#include "scheduler/service/web_auth.h"
#include "scheduler/service/web_reply.h"
#include "scheduler/web/assets.h"
#include "scheduler/web/board_files.h"
#include "scheduler/web/board_page.h"
#include "scheduler/web/texts.h"

namespace koeval::service {
namespace {

constexpr std::string_view kApi = "/api/v1/";
constexpr std::string_view kRequests = "/requests/";

// The part of `path` behind `prefix`; "" when it does not start with it.
std::string_view Behind(std::string_view path, std::string_view prefix) {
  return path.starts_with(prefix) ? path.substr(prefix.size()) : "";
}

web::Language LanguageOf(const HttpRequest& request, const web::Params& params) {
  return web::ChooseLanguage(params.Get("lang"), CookieOf(request, kLanguageCookie),
                             request.Header("accept-language"));
}

const web::Words& TitleOf(const Status& status) {
  if (status.code() == Code::kNotFound) return web::texts::kNotFound;
  if (status.code() == Code::kUnauthenticated) return web::texts::kNeedToken;
  return web::texts::kFailedPage;
}

HttpReply AssetReply(const web::Asset& asset) {
  HttpReply reply{200, std::string(asset.content_type), std::string(asset.bytes)};
  reply.headers.emplace_back("Cache-Control", "public, max-age=31536000, immutable");
  return reply;
}

struct StateParameter {
  const char* parameter;
  const char* state;
  bool newest_first;
};
constexpr std::array<StateParameter, 4> kStates = {{{"running", "RUNNING", false},
                                                    {"pending", "PENDING", false},
                                                    {"failed", "FAILED", true},
                                                    {"finished", "FINISHED", true}}};

}  // namespace

Result<std::unique_ptr<WebServer>> WebServer::Create(ServiceContext context, QueueService& queue,
                                                     ResultsService& results,
                                                     Leaderboards& leaderboards) {
  std::string about;
  if (const std::string& path = context.config.web.about_file; !path.empty()) {
    auto read = ReadFile(path, kAboutBytesMax);
    if (!read.ok()) return InvalidArgument("web.about_file: " + read.status().message());
    about = *std::move(read);
  }
  return std::unique_ptr<WebServer>(
      new WebServer(context, queue, results, leaderboards, std::move(about)));
}

WebServer::WebServer(ServiceContext context, QueueService& queue, ResultsService& results,
                     Leaderboards& leaderboards, std::string about)
    : context_(context),
      reader_(context, queue, results),
      leaderboards_(leaderboards),
      streams_(context),
      submitter_(context, queue),
      site_{context.config.web.title, context.config.web.footer, context.config.web.contact,
            kVersion},
      about_(std::move(about)) {}

HttpReply WebServer::Answer(const HttpRequest& request) {
  HttpReply reply = request.path.starts_with(kApi) ? AnswerApi(request) : Route(request);
  AddSecurityHeaders(&reply);
  return WithTag(request, std::move(reply));
}

HttpReply WebServer::Route(const HttpRequest& request) {
  if (request.path.starts_with("/assets/")) {
    const web::Asset* asset = web::AssetOfUrl(request.path);
    if (asset != nullptr && request.method == "GET") return AssetReply(*asset);
    return {404, "text/plain; charset=utf-8", "there is no such file\n"};
  }
  auto params = web::Params::Parse(request.query);
  web::PageContext page{site_, LanguageOf(request, params.ok() ? *params : web::Params()),
                        request.path, params.ok() ? *params : web::Params()};
  auto reply = params.ok() ? RoutePage(request, page) : Result<HttpReply>(params.status());
  if (!reply.ok()) {
    const Status status = reply.status();
    reply = HtmlReply(web::RenderMessagePage(page, TitleOf(status), status.message()),
                      HttpStatus(status));
    if (status.code() == Code::kUnauthenticated) {
      reply->headers.emplace_back("WWW-Authenticate", "Basic realm=\"koeval\", charset=\"UTF-8\"");
    }
  }
  if (web::ParseLanguage(page.params.Get("lang"))) {
    reply->headers.emplace_back("Set-Cookie", LanguageCookie(page.language));
  }
  return *std::move(reply);
}

Result<HttpReply> WebServer::RoutePage(const HttpRequest& request, const web::PageContext& page) {
  ASSIGN_OR_RETURN(const core::Actor actor, AdmitHttp(context_, request, rpc::Role::kReader));
  const std::string& path = request.path;
  if (request.method == "GET") {
    if (path == "/") return BoardPage(page);
    if (path == "/leaderboard.csv") return BoardFile(page.params, /*csv=*/true);
    if (path == "/leaderboard.json") return BoardFile(page.params, /*csv=*/false);
    if (path == "/queue") return QueuePage(page, actor);
    if (path == "/about") return AboutPage(page);
    if (path == "/submit") return SubmitPage(page, request, actor, {}, 200);
    const std::string id(Behind(path, kRequests));
    if (!id.empty()) return RequestPage(page, actor, id);
  }
  if (request.method == "POST" && path == "/submit") return SubmitForm(page, request, actor);
  return NotFound(path);
}

Result<std::shared_ptr<const web::Board>> WebServer::ReadBoard(const web::BoardQuery& query) {
  const LoadedSuite* suite = context_.catalogue.Find(query.suite);
  if (suite == nullptr && query.suite.empty() && !context_.catalogue.all().empty()) {
    suite = &context_.catalogue.all().front();
  }
  if (suite == nullptr) {
    return NotFound(fmt::format("suite: there is no \"{}\"; known are {}", query.suite,
                                context_.catalogue.Names()));
  }
  Result<LeaderboardPtr> found = Internal("not read");
  RETURN_IF_ERROR(
      RunInPool(context_.reads, [&] { found = leaderboards_.Get(*suite, query.version); }));
  RETURN_IF_ERROR(found.status());
  return std::shared_ptr<const web::Board>(*found, &(*found)->board);
}

Result<HttpReply> WebServer::BoardPage(const web::PageContext& page) {
  ASSIGN_OR_RETURN(web::BoardQuery query, web::ParseBoardQuery(page.params));
  ASSIGN_OR_RETURN(const auto board, ReadBoard(query));
  const std::string key =
      fmt::format("{} {} {}", page.path, web::LanguageCode(page.language), page.params.ToQuery());
  if (auto kept = board_replies_.Find(key, board)) return *std::move(kept);
  web::DropDefaultColumns(*board, &query);
  ASSIGN_OR_RETURN(auto columns, web::ChosenColumns(*board, query));
  ASSIGN_OR_RETURN(auto rows, web::SelectRows(*board, query));
  std::vector<web::SuiteChoice> suites;
  for (const LoadedSuite& suite : context_.catalogue.all()) {
    suites.push_back({suite.suite.name, suite.suite.title});
  }
  HttpReply reply = HtmlReply(
      web::RenderBoardPage(page, {*board, query, std::move(columns), std::move(rows)}, suites));
  return board_replies_.Keep(key, board, std::move(reply));
}

Result<HttpReply> WebServer::BoardFile(const web::Params& params, bool csv) {
  ASSIGN_OR_RETURN(const web::BoardQuery query, web::ParseBoardQuery(params));
  ASSIGN_OR_RETURN(const auto board, ReadBoard(query));
  ASSIGN_OR_RETURN(auto rows, web::SelectRows(*board, query));
  const web::BoardSelection selection{*board, query, {}, std::move(rows)};
  HttpReply reply =
      csv ? HttpReply{200, "text/csv; charset=utf-8", web::BoardCsv(selection)}
          : JsonReply(cli::Document("leaderboard", "leaderboard", web::BoardJson(selection)));
  reply.headers.emplace_back(
      "Content-Disposition",
      fmt::format("attachment; filename=\"leaderboard.{}\"", csv ? "csv" : "json"));
  return reply;
}

Result<HttpReply> WebServer::QueuePage(const web::PageContext& page, const core::Actor& actor) {
  web::QueuePageView view;
  view.queue = reader_.Queue();
  const std::string only = page.params.Get("state");
  for (const StateParameter& state : kStates) {
    if (!only.empty() && only != state.parameter) continue;
    if (!only.empty()) view.only_state = state.state;
    RequestListing listing;
    listing.state = state.state;
    listing.newest_first = state.newest_first;
    listing.page_size = only.empty() ? kWebSectionRows : kPageDefault;
    if (!only.empty()) listing.page_token = page.params.Get("after");
    ASSIGN_OR_RETURN(web::QueueSection section, reader_.List(actor, listing));
    view.sections.push_back(std::move(section));
  }
  if (view.sections.empty()) {
    return InvalidArgument("state: must be running, pending, failed or finished");
  }
  for (web::QueueSection& section : view.sections) {
    if (actor.who != kAnonymous) break;
    for (cli::RequestView& request : section.requests) HideFromAnonymous(&request);
  }
  return HtmlReply(web::RenderQueuePage(page, view));
}

Result<HttpReply> WebServer::RequestPage(const web::PageContext& page, const core::Actor& actor,
                                         const std::string& id) {
  ASSIGN_OR_RETURN(web::RequestPageView view, reader_.Request(actor, id));
  if (actor.who == kAnonymous) HideFromAnonymous(&view);
  return HtmlReply(web::RenderRequestPage(page, view));
}

HttpReply WebServer::AboutPage(const web::PageContext& page) const {
  return HtmlReply(web::RenderAboutPage(
      page, about_.empty() ? web::DefaultAbout(page.language) : std::string_view(about_)));
}

HttpReply WebServer::SubmitPage(const web::PageContext& page, const HttpRequest& request,
                                const core::Actor& actor, web::SubmitPageView view,
                                int status) const {
  if (view.fields.request_id.empty()) view.fields.request_id = NewRequestId();
  view.suites = reader_.Suites(actor);
  view.needs_token = context_.authenticator.enabled();
  if (context_.accounts.accepts()) {
    view.hub_token = IsPrivate(request) ? web::HubToken::kTaken : web::HubToken::kOnlyInPrivate;
  }
  view.takes_folders = context_.config.allow_local_models;
  return HtmlReply(web::RenderSubmitPage(page, view), status);
}

Result<core::Actor> WebServer::AdmitForm(const HttpRequest& request, const web::Params& form) {
  const std::string hub_token = form.Get("hub_token");
  if (!hub_token.empty()) return submitter_.AdmitHubToken(request, hub_token);
  return AdmitToken(context_, form.Get("token"), rpc::Role::kSubmitter);
}

Result<HttpReply> WebServer::SubmitForm(const web::PageContext& page, const HttpRequest& request,
                                        const core::Actor& reader) {
  RETURN_IF_ERROR(CheckSameSite(context_, request));
  if (!request.Header("content-type").starts_with("application/x-www-form-urlencoded")) {
    return InvalidArgument("the form must be sent as application/x-www-form-urlencoded");
  }
  ASSIGN_OR_RETURN(const web::Params form, web::Params::Parse(request.body));
  web::SubmitPageView view;
  view.fields = FieldsFromForm(form);
  const auto actor = AdmitForm(request, form);
  const auto id = actor.ok() ? CheckAndSubmit(*actor, form.Get("action") == "submit", &view)
                             : Result<std::string>(actor.status());
  if (!id.ok()) {
    view.outcome = web::SubmitOutcome::kRefused;
    view.error = id.status().message();
    // 401 would make a browser ask for a password of its own.
    const int status = HttpStatus(id.status());
    return SubmitPage(page, request, reader, std::move(view), status == 401 ? 403 : status);
  }
  if (id->empty()) return SubmitPage(page, request, reader, std::move(view), 200);
  HttpReply reply{303, "text/plain; charset=utf-8", ""};
  reply.headers.emplace_back("Location", std::string(kRequests) + web::UrlComponent(*id));
  return reply;
}

Result<std::string> WebServer::CheckAndSubmit(const core::Actor& actor, bool submit,
                                              web::SubmitPageView* view) {
  const v1::SubmitRequest wanted = ToProto(view->fields);
  ASSIGN_OR_RETURN(const cli::DryRunView run, submitter_.Try(actor, wanted.spec()));
  FillReport(run, view);
  if (!submit || !PassesChecks(run)) return std::string();
  ASSIGN_OR_RETURN(const auto submitted, submitter_.Submit(actor, wanted));
  const std::string& id = submitted.request.id;
  if (id == wanted.request_id()) return id;
  view->outcome = web::SubmitOutcome::kKnown;  // another request has the same files and settings
  view->run->same_request_id = id;
  return std::string();
}

// --- JSON ---

HttpReply WebServer::AnswerApi(const HttpRequest& request) {
  auto reply = RouteApi(request);
  if (reply.ok()) return *std::move(reply);
  return ErrorReply(reply.status());
}

Result<HttpReply> WebServer::RouteApi(const HttpRequest& request) {
  const std::string_view path = std::string_view(request.path).substr(kApi.size());
  if (request.method == "POST" && path == "requests") return ApiPost(request, /*submit=*/true);
  if (request.method == "POST" && path == "check") return ApiPost(request, /*submit=*/false);
  ASSIGN_OR_RETURN(const core::Actor actor, AdmitHttp(context_, request, rpc::Role::kReader));
  ASSIGN_OR_RETURN(const web::Params params, web::Params::Parse(request.query));
  if (request.method == "GET") {
    if (path == "leaderboard") return ApiBoard(params);
    if (path == "queue") {
      return JsonReply(cli::Document("status", "queue", cli::ToJson(reader_.Queue())));
    }
    if (path == "requests") return ApiRequests(params, actor);
    if (path.starts_with("requests/")) return ApiRequest(Behind(path, "requests/"), actor);
    if (path == "suites") {
      std::vector<cli::SuiteView> suites = reader_.Suites(actor);
      if (actor.who == kAnonymous) HideFromAnonymous(&suites);
      return JsonReply(cli::Document("suites", "suites", cli::ToJsonList(suites)));
    }
    if (path == "watch") return ApiWatch(request, params, actor);
    if (path == "openapi.json") {
      return HttpReply{200, kJsonType, std::string(web::FindAsset("openapi.json").bytes)};
    }
  }
  return NotFound(
      fmt::format("there is no {} {}; see /api/v1/openapi.json", request.method, request.path));
}

Result<HttpReply> WebServer::ApiBoard(const web::Params& params) {
  ASSIGN_OR_RETURN(const web::BoardQuery query, web::ParseBoardQuery(params));
  ASSIGN_OR_RETURN(const auto board, ReadBoard(query));
  const std::string key = fmt::format("{}leaderboard {}", kApi, params.ToQuery());
  if (auto kept = board_replies_.Find(key, board)) return *std::move(kept);
  ASSIGN_OR_RETURN(auto rows, web::SelectRows(*board, query));
  HttpReply reply = JsonReply(cli::Document("leaderboard", "leaderboard",
                                            web::BoardJson({*board, query, {}, std::move(rows)})));
  return board_replies_.Keep(key, board, std::move(reply));
}

Result<HttpReply> WebServer::ApiRequests(const web::Params& params, const core::Actor& actor) {
  const bool anonymous = actor.who == kAnonymous;
  RequestListing listing;
  listing.state = params.Get("state");
  listing.suite = params.Get("suite");
  listing.model = params.Get("model");
  listing.page_token = params.Get("page_token");
  listing.newest_first = params.Get("newest_first") == "true";
  listing.submitter = params.Get("submitter");
  if (anonymous && !listing.submitter.empty()) {
    return PermissionDenied("submitter: needs a token with the role reader");
  }
  ASSIGN_OR_RETURN(const auto size, params.GetInt("page_size", 1, kPageMax));
  listing.page_size = size.value_or(kPageDefault);
  ASSIGN_OR_RETURN(web::QueueSection section, reader_.List(actor, listing));
  for (cli::RequestView& request : section.requests) {
    if (anonymous) HideFromAnonymous(&request);
  }
  Json json = cli::Document("queue", "requests", cli::ToJsonList(section.requests));
  json["next_page_token"] = section.next_page_token;
  return JsonReply(json);
}

Result<HttpReply> WebServer::ApiRequest(std::string_view rest, const core::Actor& actor) {
  const size_t slash = std::min(rest.find('/'), rest.size());
  const std::string id(rest.substr(0, slash));
  const std::string_view what = rest.substr(slash);
  if (what == "/results") {
    ASSIGN_OR_RETURN(const cli::ResultsView results, reader_.Results(actor, id));
    return JsonReply(cli::Document("results", "results", cli::ToJson(results)));
  }
  if (what == "/results/file") {
    ASSIGN_OR_RETURN(const cli::ResultsView results, reader_.Results(actor, id));
    return HttpReply{200, kJsonType, results.results_json};
  }
  if (!what.empty()) return NotFound(fmt::format("requests/{}: there is no {}", id, what));
  ASSIGN_OR_RETURN(web::RequestPageView view, reader_.Request(actor, id));
  if (actor.who == kAnonymous) HideFromAnonymous(&view);
  Json json = cli::Document("request", "request", cli::ToJson(view.request));
  json["attempts"] = cli::ToJsonList(view.attempts);
  json["explanation"] = view.explanation.empty() ? Json(nullptr) : Json(view.explanation);
  return JsonReply(json);
}

Result<HttpReply> WebServer::ApiPost(const HttpRequest& request, bool submit) {
  RETURN_IF_ERROR(CheckSameSite(context_, request));
  // Not what a browser sends by itself: neither a form nor a password that it remembers.
  if (!request.Header("content-type").starts_with("application/json")) {
    return InvalidArgument("Content-Type: must be application/json");
  }
  if (request.Header("authorization").starts_with("Basic ")) {
    return Unauthenticated("send the token as \"Authorization: Bearer TOKEN\"");
  }
  ASSIGN_OR_RETURN(const core::Actor actor, AdmitHttp(context_, request, rpc::Role::kSubmitter));
  ASSIGN_OR_RETURN(const v1::SubmitRequest wanted, SubmitFromJson(request.body));
  if (!submit) {
    ASSIGN_OR_RETURN(const cli::DryRunView run, submitter_.Try(actor, wanted.spec()));
    return JsonReply(cli::Document("check", "report", ReportToJson(run)));
  }
  ASSIGN_OR_RETURN(const auto submitted, submitter_.Submit(actor, wanted));
  Json json = cli::Document("submit", "request", cli::ToJson(submitted.request));
  json["already_known"] = submitted.already_known;
  return JsonReply(json, submitted.already_known ? 200 : 201);
}

Result<HttpReply> WebServer::ApiWatch(const HttpRequest& request, const web::Params& params,
                                      const core::Actor& actor) {
  web::Params last;
  last.Add("after", request.Header("last-event-id"));
  ASSIGN_OR_RETURN(const auto resumed, last.GetInt("after", 0, INT64_MAX));
  ASSIGN_OR_RETURN(const auto asked, params.GetInt("after", 0, INT64_MAX));
  const int64_t after = resumed ? *resumed : asked.value_or(context_.dispatcher.committed_seq());
  return streams_.Open(actor, after, RequestId{params.Get("request")});
}

}  // namespace koeval::service
