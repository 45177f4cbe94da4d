// gRPC calls of the client.
#include "scheduler/cli/client.h"

#include <fmt/core.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/private_file.h"
#include "common/base/utf8.h"
#include "common/rpc/credentials.h"
#include "common/rpc/status_convert.h"
#include "koeval/v1/board.grpc.pb.h"
#include "koeval/v1/catalogue.grpc.pb.h"
#include "koeval/v1/cluster.grpc.pb.h"
#include "koeval/v1/datasets.grpc.pb.h"
#include "koeval/v1/queue.grpc.pb.h"
#include "koeval/v1/results.grpc.pb.h"
#include "scheduler/cli/view_convert.h"

namespace koeval::cli {
namespace {

namespace pb = koeval::v1;

constexpr int kSubmitTriesMax = 4;
constexpr int kPageSize = 500;
constexpr int64_t kDryRunMs = 300'000;  // the checks may take minutes
constexpr const char* kHubTokenKey = "koeval-hub-token";
constexpr size_t kHubTokenBytesMax = 1'024;
constexpr size_t kPieceBytes = 128 << 10;
constexpr int kMessageBytesMax = 256 << 20;  // a result file with many tasks

pb::FileKind ToProto(board::FileKind kind) {
  return kind == board::FileKind::kRequests ? pb::FILE_KIND_REQUESTS : pb::FILE_KIND_RESULTS;
}

}  // namespace

struct Client::Impl {
  ClientOptions options;
  rpc::ClientCredentials credentials;
  std::string hub_token;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<pb::QueueService::Stub> queue;
  std::unique_ptr<pb::ResultsService::Stub> results;
  std::unique_ptr<pb::CatalogueService::Stub> catalogue;
  std::unique_ptr<pb::ClusterService::Stub> cluster;
  std::unique_ptr<pb::DatasetService::Stub> datasets;
  std::unique_ptr<pb::BoardService::Stub> board;

  void Prepare(grpc::ClientContext& context, bool bounded) const {
    credentials.Prepare(context);
    if (!hub_token.empty()) context.AddMetadata(kHubTokenKey, hub_token);
    if (bounded) SetDeadline(context, options.timeout_ms);
  }

  static void SetDeadline(grpc::ClientContext& context, int64_t ms) {
    context.set_deadline(std::chrono::system_clock::time_point(
        std::chrono::microseconds(Clock::Real().Wall().micros + ms * 1000)));
  }

  // The status of a call, with what to check when nobody answered.
  Status Convert(const grpc::Status& status) const {
    Status out = rpc::FromGrpc(status);
    if (out.code() == Code::kUnavailable || out.code() == Code::kDeadlineExceeded) {
      return Unavailable(
          fmt::format("no answer from the scheduler at {} ({}); check that koeval-scheduler runs "
                      "there and that --address is right",
                      options.address, status.error_message()));
    }
    return out;
  }

  template <typename Stub, typename Request, typename Response>
  Result<Response> Call(Stub& stub,
                        grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                     Response*),
                        const Request& request) const {
    grpc::ClientContext context;
    Prepare(context, /*bounded=*/true);
    Response response;
    const grpc::Status status = (stub.*method)(&context, request, &response);
    if (!status.ok()) return Convert(status);
    return response;
  }
};

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;
const std::string& Client::address() const {
  return impl_->options.address;
}

Result<std::unique_ptr<Client>> Client::Create(const ClientOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  if (!options.hub_token_file.empty()) {
    ASSIGN_OR_RETURN(const std::string text,
                     ReadPrivateFile(options.hub_token_file, kHubTokenBytesMax));
    impl->hub_token = PythonStrip(text);
  }
  ASSIGN_OR_RETURN(impl->credentials,
                   rpc::LoadClientCredentials({.ca_file = options.tls_ca,
                                               .cert_file = options.tls_cert,
                                               .key_file = options.tls_key,
                                               .server_name = options.tls_server_name,
                                               .token_file = options.token_file}));
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  ASSIGN_OR_RETURN(impl->channel, impl->credentials.Dial(options.address, arguments));
  impl->queue = pb::QueueService::NewStub(impl->channel);
  impl->results = pb::ResultsService::NewStub(impl->channel);
  impl->catalogue = pb::CatalogueService::NewStub(impl->channel);
  impl->cluster = pb::ClusterService::NewStub(impl->channel);
  impl->datasets = pb::DatasetService::NewStub(impl->channel);
  impl->board = pb::BoardService::NewStub(impl->channel);
  return std::unique_ptr<Client>(new Client(std::move(impl)));
}

Result<DryRunView> Client::DryRun(const SubmitSpec& spec) {
  pb::DryRunRequest request;
  *request.mutable_spec() = ToProto(spec);
  grpc::ClientContext context;
  impl_->Prepare(context, /*bounded=*/false);
  Impl::SetDeadline(context, std::max(impl_->options.timeout_ms, kDryRunMs));
  pb::DryRunResponse response;
  const grpc::Status status = impl_->queue->DryRun(&context, request, &response);
  if (!status.ok()) return impl_->Convert(status);
  return ToView(response);
}

Result<std::pair<RequestView, bool>> Client::Submit(const std::string& id, const SubmitSpec& spec,
                                                    bool force) {
  pb::SubmitRequest request;
  request.set_request_id(id);
  request.set_force(force);
  *request.mutable_spec() = ToProto(spec);
  Status last;
  for (int tries = 0; tries < kSubmitTriesMax; ++tries) {
    auto response = impl_->Call(*impl_->queue, &pb::QueueService::Stub::Submit, request);
    if (response.ok()) {
      return std::pair(ToView(response->request()), response->already_known());
    }
    last = response.status();
    if (last.code() != Code::kUnavailable) break;
  }
  return last;
}

Result<std::pair<RequestView, std::vector<AttemptView>>> Client::Get(const std::string& id) {
  pb::GetRequestRequest request;
  request.set_request_id(id);
  ASSIGN_OR_RETURN(const auto response,
                   impl_->Call(*impl_->queue, &pb::QueueService::Stub::GetRequest, request));
  std::vector<AttemptView> attempts;
  for (const pb::Attempt& attempt : response.attempts()) attempts.push_back(ToView(attempt));
  return std::pair(ToView(response.request()), std::move(attempts));
}

Result<std::vector<RequestView>> Client::List(const ListFilter& filter) {
  pb::ListRequestsRequest request;
  for (const std::string& name : filter.states) {
    const pb::RequestState state = StateFromName(name);
    if (state == pb::REQUEST_STATE_UNSPECIFIED) {
      return InvalidArgument(
          fmt::format("state \"{}\" is unknown; use PENDING, RUNNING, FINISHED or FAILED", name));
    }
    request.add_states(state);
  }
  request.set_suite(filter.suite);
  request.set_model(filter.model);
  request.set_submitter(filter.submitter);
  request.set_newest_first(filter.newest_first);
  std::vector<RequestView> out;
  while (static_cast<int64_t>(out.size()) < filter.limit) {
    request.set_page_size(static_cast<int32_t>(
        std::min<int64_t>(kPageSize, filter.limit - static_cast<int64_t>(out.size()))));
    ASSIGN_OR_RETURN(const auto page,
                     impl_->Call(*impl_->queue, &pb::QueueService::Stub::ListRequests, request));
    for (const pb::Request& r : page.requests()) out.push_back(ToView(r));
    if (page.next_page_token().empty()) break;
    request.set_page_token(page.next_page_token());
  }
  return out;
}

Status Client::Watch(int64_t after_seq, const std::string& id,
                     const std::function<bool(const ChangeView&)>& on_change) {
  grpc::ClientContext context;
  impl_->Prepare(context, /*bounded=*/false);
  pb::WatchRequest request;
  request.set_after_seq(after_seq);
  request.set_request_id(id);
  const auto stream = impl_->queue->Watch(&context, request);
  pb::WatchResponse change;
  while (stream->Read(&change)) {
    if (!on_change(
            {change.seq(), change.at_us(), change.request_id(), change.kind(), change.text()})) {
      context.TryCancel();
      (void)stream->Finish();
      return OkStatus();
    }
  }
  return impl_->Convert(stream->Finish());
}

Result<RequestView> Client::Cancel(const std::string& id) {
  pb::CancelRequest request;
  request.set_request_id(id);
  ASSIGN_OR_RETURN(const auto response,
                   impl_->Call(*impl_->queue, &pb::QueueService::Stub::Cancel, request));
  return ToView(response.request());
}

Result<RequestView> Client::Retry(const std::string& id) {
  pb::RetryRequest request;
  request.set_request_id(id);
  ASSIGN_OR_RETURN(const auto response,
                   impl_->Call(*impl_->queue, &pb::QueueService::Stub::Retry, request));
  return ToView(response.request());
}

Result<QueueView> Client::Queue() {
  ASSIGN_OR_RETURN(
      const auto response,
      impl_->Call(*impl_->queue, &pb::QueueService::Stub::GetQueue, pb::GetQueueRequest()));
  return ToView(response);
}

Result<bool> Client::SetPaused(bool paused) {
  pb::SetDispatchRequest request;
  request.set_paused(paused);
  ASSIGN_OR_RETURN(const auto response,
                   impl_->Call(*impl_->queue, &pb::QueueService::Stub::SetDispatch, request));
  return response.paused();
}

Result<ResultsView> Client::Results(const std::string& id) {
  pb::GetResultsRequest request;
  request.set_request_id(id);
  ASSIGN_OR_RETURN(const auto response,
                   impl_->Call(*impl_->results, &pb::ResultsService::Stub::GetResults, request));
  return ToView(response);
}

Result<LeaderboardView> Client::Leaderboard(const LeaderboardQuery& query) {
  pb::GetLeaderboardRequest request;
  request.set_flagged(query.flagged);
  request.set_suite(query.suite);
  request.set_limit(query.limit);
  request.set_suite_version(query.suite_version);
  request.set_settings(query.settings);
  ASSIGN_OR_RETURN(
      const auto response,
      impl_->Call(*impl_->results, &pb::ResultsService::Stub::GetLeaderboard, request));
  return ToView(response);
}

Result<FlagView> Client::Flag(const std::string& model, const std::string& reason,
                              const std::string& url) {
  pb::FlagModelRequest request;
  request.set_model(model);
  request.set_reason(reason);
  request.set_url(url);
  ASSIGN_OR_RETURN(const auto response,
                   impl_->Call(*impl_->board, &pb::BoardService::Stub::FlagModel, request));
  return ToView(response.flag());
}

Result<FlagView> Client::Unflag(const std::string& model) {
  pb::UnflagModelRequest request;
  request.set_model(model);
  ASSIGN_OR_RETURN(const auto response,
                   impl_->Call(*impl_->board, &pb::BoardService::Stub::UnflagModel, request));
  return ToView(response.flag());
}

Result<std::vector<ModelView>> Client::Models(bool flagged_only, int64_t limit) {
  pb::ListModelsRequest request;
  request.set_flagged_only(flagged_only);
  std::vector<ModelView> out;
  while (static_cast<int64_t>(out.size()) < limit) {
    request.set_page_size(static_cast<int32_t>(
        std::min<int64_t>(kPageSize, limit - static_cast<int64_t>(out.size()))));
    ASSIGN_OR_RETURN(const auto page,
                     impl_->Call(*impl_->board, &pb::BoardService::Stub::ListModels, request));
    for (const pb::ListedModel& model : page.models()) out.push_back(ToView(model));
    if (page.next_page_token().empty()) break;
    request.set_page_token(page.next_page_token());
  }
  return out;
}

Status Client::RefreshModels(const std::vector<std::string>& models,
                             const std::function<void(const RefreshView&)>& on_model) {
  grpc::ClientContext context;
  impl_->Prepare(context, /*bounded=*/false);
  pb::RefreshModelsRequest request;
  for (const std::string& model : models) request.add_models(model);
  const auto stream = impl_->board->RefreshModels(&context, request);
  pb::RefreshModelsResponse refreshed;
  while (stream->Read(&refreshed)) on_model(ToView(refreshed));
  return impl_->Convert(stream->Finish());
}

Result<ImportView> Client::Import(
    board::FileKind kind, const std::function<Result<std::optional<BoardFileView>>()>& next) {
  grpc::ClientContext context;
  impl_->Prepare(context, /*bounded=*/false);
  pb::ImportFilesResponse response;
  const auto stream = impl_->board->ImportFiles(&context, &response);
  Status failure;
  for (;;) {
    auto file = next();
    if (!file.ok()) failure = file.status();
    if (!file.ok() || !*file) break;
    pb::ImportFilesRequest request;
    request.set_kind(ToProto(kind));
    request.mutable_file()->set_path(std::move((*file)->path));
    request.mutable_file()->set_text(std::move((*file)->text));
    if (!stream->Write(request)) break;  // Finish() says why
  }
  stream->WritesDone();
  const grpc::Status ended = stream->Finish();
  if (!failure.ok()) return failure;
  if (!ended.ok()) return impl_->Convert(ended);
  return ToView(response);
}

Status Client::Export(board::FileKind kind, const std::string& suite,
                      const std::function<Status(const BoardFileView&)>& on_file) {
  grpc::ClientContext context;
  impl_->Prepare(context, /*bounded=*/false);
  pb::ExportFilesRequest request;
  request.set_kind(ToProto(kind));
  request.set_suite(suite);
  const auto stream = impl_->board->ExportFiles(&context, request);
  pb::ExportFilesResponse response;
  while (stream->Read(&response)) {
    const Status taken = on_file({response.file().path(), response.file().text()});
    if (taken.ok()) continue;
    context.TryCancel();
    (void)stream->Finish();
    return taken;
  }
  return impl_->Convert(stream->Finish());
}

Result<ExplanationView> Client::Explain(const std::string& id) {
  pb::ExplainRequest request;
  request.set_request_id(id);
  ASSIGN_OR_RETURN(const auto response,
                   impl_->Call(*impl_->queue, &pb::QueueService::Stub::Explain, request));
  return ToView(response);
}

Result<BackupView> Client::Backup(const std::string& name) {
  pb::BackupRequest request;
  request.set_name(name);
  ASSIGN_OR_RETURN(const auto response,
                   impl_->Call(*impl_->queue, &pb::QueueService::Stub::Backup, request));
  return BackupView{response.path(), response.bytes()};
}

Status Client::Samples(const std::string& id, const std::string& task,
                       const std::function<Status(const std::string&, bool)>& on_line) {
  grpc::ClientContext context;
  impl_->Prepare(context, /*bounded=*/false);
  pb::GetSamplesRequest request;
  request.set_request_id(id);
  request.set_task(task);
  const auto stream = impl_->results->GetSamples(&context, request);
  pb::GetSamplesResponse sample;
  while (stream->Read(&sample)) {
    const Status taken = on_line(sample.line(), sample.texts_withheld());
    if (taken.ok()) continue;
    context.TryCancel();
    (void)stream->Finish();
    return taken;
  }
  return impl_->Convert(stream->Finish());
}

Result<std::vector<SuiteView>> Client::Suites() {
  ASSIGN_OR_RETURN(const auto response,
                   impl_->Call(*impl_->catalogue, &pb::CatalogueService::Stub::ListSuites,
                               pb::ListSuitesRequest()));
  std::vector<SuiteView> out;
  for (const pb::Suite& suite : response.suites()) out.push_back(ToView(suite));
  return out;
}

Result<std::vector<WorkerView>> Client::Workers() {
  ASSIGN_OR_RETURN(const auto response,
                   impl_->Call(*impl_->cluster, &pb::ClusterService::Stub::ListWorkers,
                               pb::ListWorkersRequest()));
  std::vector<WorkerView> out;
  for (const pb::Worker& worker : response.workers()) out.push_back(ToView(worker));
  return out;
}

namespace {

// False when the other side has ended the call.
bool SendFile(grpc::ClientWriter<pb::AddDatasetRequest>& stream, const DatasetFile& file,
              std::string_view bytes) {
  bool is_first = true;
  while (is_first || !bytes.empty()) {
    pb::AddDatasetRequest message;
    if (is_first) message.mutable_piece()->set_file(file.name);
    message.mutable_piece()->set_bytes(std::string(bytes.substr(0, kPieceBytes)));
    bytes.remove_prefix(std::min(bytes.size(), kPieceBytes));
    is_first = false;
    if (!stream.Write(message)) return false;
  }
  return true;
}

}  // namespace

Result<DatasetAddedView> Client::AddDataset(const std::string& name, bool is_public,
                                            const std::vector<DatasetFile>& files) {
  grpc::ClientContext context;
  impl_->Prepare(context, /*bounded=*/false);
  pb::AddDatasetResponse response;
  const auto stream = impl_->datasets->AddDataset(&context, &response);
  pb::AddDatasetRequest message;
  message.mutable_header()->set_name(name);
  message.mutable_header()->set_is_public(is_public);
  bool open = stream->Write(message);
  int64_t bytes = 0;
  for (const DatasetFile& file : files) {
    if (!open) break;
    auto map = MappedFile::Open(file.path);
    if (!map.ok()) {
      context.TryCancel();
      (void)stream->Finish();
      return map.status();
    }
    bytes += static_cast<int64_t>((*map)->bytes().size());
    open = SendFile(*stream, file, (*map)->bytes());
  }
  message.mutable_end()->set_files(static_cast<int64_t>(files.size()));
  message.mutable_end()->set_bytes(bytes);
  if (open) stream->Write(message);
  stream->WritesDone();
  if (const grpc::Status status = stream->Finish(); !status.ok()) return impl_->Convert(status);
  DatasetAddedView out{ToView(response.dataset()), response.already_known(), {}};
  out.suites_opened.assign(response.suites_opened().begin(), response.suites_opened().end());
  return out;
}

Result<std::vector<DatasetView>> Client::Datasets() {
  ASSIGN_OR_RETURN(const auto response,
                   impl_->Call(*impl_->datasets, &pb::DatasetService::Stub::ListDatasets,
                               pb::ListDatasetsRequest()));
  std::vector<DatasetView> out;
  for (const pb::Dataset& dataset : response.datasets()) out.push_back(ToView(dataset));
  return out;
}

Result<DatasetRemovedView> Client::RemoveDataset(const std::string& name,
                                                 const std::string& digest) {
  pb::RemoveDatasetRequest request;
  request.set_name(name);
  request.set_digest(digest);
  ASSIGN_OR_RETURN(
      const auto response,
      impl_->Call(*impl_->datasets, &pb::DatasetService::Stub::RemoveDataset, request));
  DatasetRemovedView out{response.removed(), {}};
  out.suites.assign(response.suites_closed().begin(), response.suites_closed().end());
  return out;
}

Result<WorkerView> Client::Drain(const std::string& worker, bool drain, const std::string& reason) {
  pb::DrainRequest request;
  request.set_worker(worker);
  request.set_drain(drain);
  request.set_reason(reason);
  ASSIGN_OR_RETURN(const auto response,
                   impl_->Call(*impl_->cluster, &pb::ClusterService::Stub::Drain, request));
  return ToView(response.worker());
}

}  // namespace koeval::cli
