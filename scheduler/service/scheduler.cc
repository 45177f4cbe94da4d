// The scheduler daemon as one object.
#include "scheduler/service/scheduler.h"

#include <fmt/core.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "common/base/log.h"
#include "common/rpc/auth.h"
#include "common/rpc/credentials.h"
#include "scheduler/service/address.h"
#include "scheduler/service/board_service.h"
#include "scheduler/service/board_state.h"
#include "scheduler/service/check_answer.h"
#include "scheduler/service/cluster_service.h"
#include "scheduler/service/dataset_service.h"
#include "scheduler/service/dispatcher.h"
#include "scheduler/service/http_server.h"
#include "scheduler/service/leaderboards.h"
#include "scheduler/service/limits.h"
#include "scheduler/service/model_facts.h"
#include "scheduler/service/notifiers.h"
#include "scheduler/service/queue_service.h"
#include "scheduler/service/results_service.h"
#include "scheduler/service/scoring.h"
#include "scheduler/service/web_server.h"
#include "scheduler/service/worker_link_service.h"

namespace koeval::service {
namespace {

constexpr std::array<const char*, 7> kServiceNames = {"koeval.v1.QueueService",
                                                      "koeval.v1.ResultsService",
                                                      "koeval.v1.CatalogueService",
                                                      "koeval.v1.ClusterService",
                                                      "koeval.v1.DatasetService",
                                                      "koeval.v1.BoardService",
                                                      "koeval.worker.v1.WorkerLinkService"};

core::Limits CoreLimits(const ServiceConfig& config) {
  core::Limits limits;
  limits.heartbeat_ms = config.heartbeat_ms;
  limits.lease_ms = config.lease_ms;
  limits.reattach_grace_ms = config.grace_ms;
  limits.lease_batches_max = config.lease_batches_max;
  limits.faults_max = config.faults_max;
  limits.submits_max = config.submits_max;
  limits.submits_window_ms = config.submits_window_ms;
  limits.recheck_for_ms = config.check.hub_wait_ms;
  limits.time_limit_default_ms = config.time_limit_default_ms;
  limits.fit_wait_ms = config.fit_wait_ms;
  // An answer may take the time of all that the core asked of the same thread before it.
  limits.checks_running_max = kAskedPerThread * config.check.threads;
  limits.check_answer_ms = kAskedPerThread * config.check.time_limit_ms + kAnswerSlackMs;
  limits.scores_running_max = kAskedPerThread * config.scoring_threads;
  limits.score_answer_ms = kAskedPerThread * config.score_time_limit_ms + kAnswerSlackMs;
  return limits;
}

Result<std::unique_ptr<rpc::Authenticator>> MakeAuthenticator(const ServiceConfig& config) {
  auto made = rpc::Authenticator::Create(
      {.token_file = config.tokens_file, .client_certificates = !config.tls.client_ca.empty()});
  if (!made.ok()) return made.status().WithContext("tokens_file");
  return made;
}

}  // namespace

class Scheduler::Impl final : public Outlets {
 public:
  Impl(const ServiceConfig& config, Parts parts)
      : config_(config),
        store_(std::move(parts.store)),
        checks_(std::move(parts.checks)),
        hub_(std::move(parts.hub)),
        clock_(parts.clock),
        accounts_(hub_.get(), config.hub.accept_tokens, clock_),
        redaction_(config_),
        metrics_(parts.clock.Wall()),
        watchers_(metrics_),
        readers_(*store_),
        dispatcher_(
            {CoreLimits(config), *store_, clock_, metrics_, *this, std::move(parts.on_fatal)}) {}

  ~Impl() override { (void)Stop(); }

  Status Start() {
    ASSIGN_OR_RETURN(datasets_, DatasetStore::Open(config_.state_dir));
    RETURN_IF_ERROR(LoadSuites());
    ASSIGN_OR_RETURN(authenticator_, MakeAuthenticator(config_));
    prepared_ = std::make_unique<PreparedCache>(*catalogue_);
    dataset_admin_ = std::make_unique<DatasetAdmin>(*datasets_, *catalogue_, dispatcher_, readers_,
                                                    config_.datasets_dir, clock_);
    reads_ = std::make_unique<WorkPool>(kReadThreads, kReadQueueMax);
    streams_ = std::make_unique<WorkPool>(kWatchThreads, kReadQueueMax);
    submissions_ = std::make_unique<WorkPool>(kSubmitThreads, kReadQueueMax);
    check_pool_ =
        std::make_unique<WorkPool>(static_cast<int>(config_.check.threads), kPoolQueueMax);
    score_pool_ =
        std::make_unique<WorkPool>(static_cast<int>(config_.scoring_threads), kPoolQueueMax);
    ASSIGN_OR_RETURN(auto export_options, ExportOptions());
    board_state_ = std::make_unique<BoardState>(
        readers_, metrics_, RedactForReaders(config_, *datasets_), std::move(export_options));
    leaderboards_ = std::make_unique<Leaderboards>(Context());
    started_ = true;
    RETURN_IF_ERROR(dispatcher_.Start());
    leaderboards_->Start();
    board_state_->exporter.Start([this] { return dispatcher_.committed_seq(); });
    RETURN_IF_ERROR(
        notifiers_.Start(config_, readers_, metrics_, clock_, dispatcher_.committed_seq()));
    RETURN_IF_ERROR(OpenGrpc());
    if (!config_.http_address.empty()) RETURN_IF_ERROR(OpenHttp());
    SetHealth(true);
    return OkStatus();
  }

  Status Stop() {
    if (!started_) return OkStatus();
    started_ = false;
    SetHealth(false);
    const Status stopping = Unavailable("the scheduler stops; try again in a few seconds");
    watchers_.CloseAll(rpc::ToGrpc(stopping));
    sessions_.CloseAll(stopping);
    checks_->Stop();
    if (hub_) hub_->Stop();
    if (server_) {
      server_->Shutdown(std::chrono::system_clock::time_point(
          std::chrono::microseconds(clock_.Wall().micros + kShutdownGraceMs * 1'000)));
      server_->Wait();
    }
    if (web_) web_->Close();
    http_.reset();
    notifiers_.Stop();
    check_pool_->Stop();
    score_pool_->Stop();
    submissions_->Stop();
    dispatcher_.Stop();
    reads_->Stop();
    streams_->Stop();
    leaderboards_->Stop();
    board_state_->exporter.Stop();
    return dispatcher_.failure();
  }

  std::string grpc_address() const { return grpc_address_; }
  std::string http_address() const { return http_address_; }
  Status ReloadTokens() { return authenticator_->Reload(); }

  Result<std::string> Housekeeping() {
    sessions_.ExpireSilent(clock_.Mono());
    core::Counts now;
    RETURN_IF_ERROR(
        dispatcher_.Ask([&now](const core::Core& core, core::Now) { now = core.counts(); }));
    return fmt::format("{} pending, {} running, {} finished, {} failed; {} workers{}", now.pending,
                       now.running, now.finished, now.failed, now.workers,
                       now.paused ? "; dispatch is paused" : "");
  }

 private:
  // --- Outlets: the dispatcher's thread ---

  void Committed(int64_t) override {
    watchers_.Wake();
    board_state_->exporter.Wake();
    leaderboards_->Wake();
    if (WebServer* web = web_outlet_.load()) web->Committed();
    notifiers_.Wake();
  }

  void ToWorker(const core::Effect& effect) override {
    SendToWorker(sessions_, *catalogue_, dispatcher_, effect);
  }

  void Start(const core::StartChecks& wanted) override {
    const bool taken = check_pool_->TryRun([this, wanted] {
      core::ChecksDone done = RunChecks(*checks_, *catalogue_, wanted);
      if (stopping_checks()) return;  // not an answer about the model; asked again after the start
      metrics_.CountCheck(!done.finding);
      if (!done.finding) RecordFacts(wanted.spec, done.facts_json);
      dispatcher_.PostOwn(std::move(done));
    });
    if (!taken) spdlog::debug("check of {} dropped: the scheduler stops", wanted.id.text);
  }

  void Start(const core::ComputeScore& wanted) override {
    const bool taken = score_pool_->TryRun([this, wanted] {
      core::Event answer = ComputeScores(wanted, *prepared_, readers_, clock_);
      metrics_.CountScore(std::holds_alternative<core::ScoreDone>(answer));
      dispatcher_.PostOwn(std::move(answer));
    });
    if (!taken) spdlog::debug("scoring of {} dropped: the scheduler stops", wanted.id.text);
  }

  bool stopping_checks() const { return !started_; }

  Status LoadSuites() {
    DatasetRecords records = datasets_->All();
    evaluation::DatasetSources sources(config_.datasets_dir);
    sources.registered = datasets_->Lookup(records);
    ASSIGN_OR_RETURN(catalogue_, SuiteCatalogue::Load(config_.suites_dir, sources,
                                                      config_.state_dir, config_.default_suite));
    NoteBundles(catalogue_->all(), &records);
    return datasets_->Save(std::move(records));
  }

  Result<BoardExporter::Options> ExportOptions() {
    const ExportConfig& wanted = config_.exports;
    BoardExporter::Options options;
    if (wanted.requests_dir.empty() && wanted.results_dir.empty()) return options;
    const LoadedSuite* suite = catalogue_->Find(wanted.suite);
    if (suite == nullptr) {
      return NotFound(fmt::format("export.suite: there is no \"{}\"; known are {}", wanted.suite,
                                  catalogue_->Names()));
    }
    options.requests_dir = wanted.requests_dir;
    options.results_dir = wanted.results_dir;
    options.suite = suite->suite.name;
    options.debounce_ms = wanted.debounce_ms;
    return options;
  }

  // A model that passed its checks is known from then on.
  void RecordFacts(const core::RequestSpec& spec, const std::string& facts_json) {
    const auto recorded = UpdateModel(dispatcher_, readers_, spec.model, clock_.Wall(),
                                      /*confirm=*/false, [&](core::ModelRow& row) {
                                        AddRequestFacts(spec, facts_json, &row);
                                        row.deleted_at = WallTime{};
                                      });
    if (recorded.ok()) return;
    spdlog::warn("the facts about {} were not stored: {}", LogSafe(spec.model),
                 LogSafe(recorded.status().message()));
  }

  ServiceContext Context() {
    return {config_,       clock_,    *authenticator_, *catalogue_, dispatcher_,   readers_,
            *prepared_,    watchers_, *reads_,         *streams_,   *datasets_,    *dataset_admin_,
            *board_state_, *checks_,  hub_.get(),      accounts_,   *submissions_, redaction_};
  }

  Status OpenGrpc() {
    ASSIGN_OR_RETURN(
        auto credentials,
        rpc::LoadServerCredentials({config_.tls.cert, config_.tls.key, config_.tls.client_ca}));
    queue_ = std::make_unique<QueueService>(Context());
    results_ = std::make_unique<ResultsService>(Context(), *leaderboards_);
    cluster_ = std::make_unique<ClusterService>(Context());
    catalogue_service_ = std::make_unique<CatalogueService>(Context());
    dataset_service_ = std::make_unique<DatasetService>(Context());
    board_ = std::make_unique<BoardService>(Context());
    link_ = std::make_unique<WorkerLinkService>(Context(), sessions_);
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort(config_.grpc_address, std::move(credentials), &port);
    builder.SetMaxReceiveMessageSize(kWorkerMessageBytesMax);
    builder.SetMaxSendMessageSize(kSendMessageBytesMax);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a second scheduler is an error
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kCallsPerConnectionMax);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMs);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                               kClientPingIntervalLeastMs);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
    for (grpc::Service* service : std::initializer_list<grpc::Service*>{
             queue_.get(), results_.get(), cluster_.get(), catalogue_service_.get(),
             dataset_service_.get(), board_.get(), link_.get()}) {
      builder.RegisterService(service);
    }
    server_ = builder.BuildAndStart();
    const bool is_unix = config_.grpc_address.starts_with("unix:");
    if (!server_ || (port == 0 && !is_unix)) {
      return Unavailable(
          fmt::format("cannot open the gRPC address {}: it is in use or not an "
                      "address of this machine; change grpc_address or stop the "
                      "other program",
                      config_.grpc_address));
    }
    grpc_address_ = config_.grpc_address;
    if (is_unix) return OkStatus();
    ASSIGN_OR_RETURN(Address address, ParseAddress(config_.grpc_address));
    address.port = port;
    grpc_address_ = address.ToString();
    return OkStatus();
  }

  Status OpenHttp() {
    ASSIGN_OR_RETURN(Address address, ParseAddress(config_.http_address));
    ASSIGN_OR_RETURN(web_, WebServer::Create(Context(), *queue_, *results_, *leaderboards_));
    web_outlet_ = web_.get();
    const auto answer = [this](const HttpRequest& request) { return AnswerHttp(request); };
    // So that the first reader waits for nothing.
    if (!leaderboards_->WaitUntilBuilt(kBoardStartWaitMs)) {
      spdlog::warn("the leaderboards are still being built; their first readers wait for them");
    }
    ASSIGN_OR_RETURN(http_, HttpServer::Start(address, answer));
    address.port = http_->port();
    http_address_ = address.ToString();
    return OkStatus();
  }

  HttpReply AnswerHttp(const HttpRequest& request) {
    constexpr const char* kPlain = "text/plain; charset=utf-8";
    if (request.path == "/healthz") {
      const Status failure = dispatcher_.failure();
      if (serving_ && failure.ok()) return {200, kPlain, "ok\n"};
      return {503, kPlain, "not serving\n"};
    }
    if (request.path == "/metrics") {
      return {200, "text/plain; version=0.0.4; charset=utf-8", metrics_.Text()};
    }
    return web_->Answer(request);
  }

  void SetHealth(bool serving) {
    serving_ = serving;
    if (!server_) return;
    grpc::HealthCheckServiceInterface* health = server_->GetHealthCheckService();
    if (health == nullptr) return;
    health->SetServingStatus(serving);  // the server and every service known so far
    for (const char* name : kServiceNames) health->SetServingStatus(name, serving);
  }

  const ServiceConfig config_;
  const std::unique_ptr<store::JobStore> store_;
  const std::unique_ptr<CheckRunner> checks_;
  const std::shared_ptr<ModelHub> hub_;
  const Clock& clock_;
  HubAccounts accounts_;
  Redaction redaction_;
  Metrics metrics_;
  WatchHub watchers_;
  SessionRegistry sessions_;
  ReaderPool readers_;
  Dispatcher dispatcher_;
  std::unique_ptr<DatasetStore> datasets_;
  std::unique_ptr<SuiteCatalogue> catalogue_;
  std::unique_ptr<rpc::Authenticator> authenticator_;
  std::unique_ptr<PreparedCache> prepared_;
  std::unique_ptr<DatasetAdmin> dataset_admin_;
  std::unique_ptr<BoardState> board_state_;
  std::unique_ptr<Leaderboards> leaderboards_;
  std::unique_ptr<WorkPool> reads_, streams_, submissions_, check_pool_, score_pool_;
  std::unique_ptr<QueueService> queue_;
  std::unique_ptr<ResultsService> results_;
  std::unique_ptr<ClusterService> cluster_;
  std::unique_ptr<CatalogueService> catalogue_service_;
  std::unique_ptr<DatasetService> dataset_service_;
  std::unique_ptr<BoardService> board_;
  std::unique_ptr<WorkerLinkService> link_;
  Notifiers notifiers_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<WebServer> web_;
  std::atomic<WebServer*> web_outlet_{nullptr};  // web_, for the dispatcher's thread
  std::unique_ptr<HttpServer> http_;
  std::string grpc_address_, http_address_;
  std::atomic<bool> started_{false};
  std::atomic<bool> serving_{false};
};

Scheduler::Scheduler(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Scheduler::~Scheduler() = default;

Result<std::unique_ptr<Scheduler>> Scheduler::Start(const ServiceConfig& config, Parts parts) {
  auto impl = std::make_unique<Impl>(config, std::move(parts));
  RETURN_IF_ERROR(impl->Start());
  return std::unique_ptr<Scheduler>(new Scheduler(std::move(impl)));
}

std::string Scheduler::grpc_address() const {
  return impl_->grpc_address();
}

std::string Scheduler::http_address() const {
  return impl_->http_address();
}

Status Scheduler::ReloadTokens() {
  return impl_->ReloadTokens();
}

Result<std::string> Scheduler::Housekeeping() {
  return impl_->Housekeeping();
}

Status Scheduler::Stop() {
  return impl_->Stop();
}

}  // namespace koeval::service
