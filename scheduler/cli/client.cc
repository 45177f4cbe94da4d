// Making a client, and its calls about requests, results and the cluster.
#include "scheduler/cli/client.h"

#include <algorithm>

#include "common/base/private_file.h"
#include "common/base/utf8.h"
#include "scheduler/cli/client_impl.h"
#include "scheduler/cli/view_convert.h"

namespace koeval::cli {
namespace {

constexpr int kSubmitTriesMax = 4;
constexpr int64_t kDryRunMs = 300'000;  // the checks may take minutes
constexpr size_t kHubTokenBytesMax = 1'024;
constexpr int kMessageBytesMax = 256 << 20;  // a result file with many tasks

}  // namespace

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
