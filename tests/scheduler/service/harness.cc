// A scheduler in this process and a worker without a model.
#include "tests/scheduler/service/harness.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "common/base/file.h"
#include "scheduler/store/job_store.h"

namespace koeval::service {
namespace {

constexpr int64_t kPatienceMs = 60'000;  // a message that does not come is a failure, not a wait

struct Toy {
  const char* name;
  int64_t documents;
  int64_t choices;
};
constexpr Toy kToyA{"toy_a", 6, 3};
constexpr Toy kToyB{"toy_b", 4, 2};

std::string ToyRows(const Toy& toy) {
  std::string rows;
  for (int64_t d = 0; d < toy.documents; ++d) {
    std::string choices;
    for (int64_t c = 0; c < toy.choices; ++c) {
      choices += fmt::format("{}\"choice {}\"", c == 0 ? "" : ", ", c);
    }
    rows += fmt::format("{{\"question\": \"{} {}?\", \"choices\": [{}], \"label\": {}}}\n",
                        toy.name, d, choices, d % toy.choices);
  }
  return rows;
}

std::string ToyTask(const Toy& toy) {
  return fmt::format(
      "# A toy task of the service tests.\n"
      "task: {0}\n"
      "dataset_path: json\n"
      "dataset_kwargs:\n  data_files:\n    test: {0}.jsonl\n"
      "test_split: test\n"
      "output_type: multiple_choice\n"
      "num_fewshot: 0\n"
      "doc_to_text: \"{{{{question}}}}\"\n"
      "doc_to_choice: \"{{{{choices}}}}\"\n"
      "doc_to_target: \"{{{{label}}}}\"\n"
      "metric_list:\n  - metric: acc\n    aggregation: mean\n    higher_is_better: true\n"
      "metadata:\n  version: 1.0\n",
      toy.name);
}

}  // namespace

TempDir::TempDir() {
  std::string pattern = (std::filesystem::temp_directory_path() / "koeval-test-XXXXXX").string();
  path_ = ::mkdtemp(pattern.data());
}

TempDir::~TempDir() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
}

void WriteText(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

void WriteToySuite(const std::string& folder) {
  WriteText(folder + "/suites/toy.yaml",
            "suite: toy\ntitle: Toy\nversion: \"1\"\nprofile: lm-eval-0.4\ntasks_dir: ../tasks\n"
            "entries:\n"
            "  - {name: Toy-A, task: toy_a, metric: acc}\n"
            "  - {name: Toy-B, task: toy_b, metric: acc}\n");
  for (const Toy& toy : {kToyA, kToyB}) {
    WriteText(fmt::format("{}/tasks/{}.yaml", folder, toy.name), ToyTask(toy));
    WriteText(fmt::format("{}/tasks/{}.jsonl", folder, toy.name), ToyRows(toy));
  }
}

std::string ToyBatch(int64_t batch) {
  const Toy& toy = batch < 3 ? kToyA : kToyB;
  const int64_t first = (batch < 3 ? batch : batch - 3) * 2;
  std::string results;
  for (int64_t d = first; d < first + 2; ++d) {
    const int64_t best = d % 3 == 0 ? (d + 1) % toy.choices : d % toy.choices;
    for (int64_t c = 0; c < toy.choices; ++c) {
      results += fmt::format("{}[{}, {}, {}]", results.empty() ? "" : ", ", d * toy.choices + c,
                             c == best ? -0.5 : -2.25 - static_cast<double>(c), c == best);
    }
  }
  return fmt::format("{{\"task\": \"{}\", \"results\": [{}]}}", toy.name, results);
}

Result<CheckReport> FakeChecks::Check(const CheckSpec& spec) {
  CheckReport report;
  report.facts = {{"architecture", "LlamaForCausalLM"}, {"parameters", 123}};
  if (spec.model.find("large") != std::string::npos) {
    report.facts["memory_bytes"] = kLargeModelBytes;
  }
  if (spec.chat_template) {
    report.facts["chat_template"] = {{"name", "default"},
                                     {"text",
                                      "{{ strftime_now('%Y') }}{% for m in messages %}[{{ m.role "
                                      "}}]{{ m.content }}{% endfor %}"},
                                     {"special_tokens", {{"bos_token", "<s>"}}}};
  }
  if (spec.model.find("broken") != std::string::npos) {
    report.Add(Ending::kBadCheckpoint, true, "model.safetensors ends early",
               "Upload the file again.");
    report.EndStep("weights", 0, "");
  }
  if (spec.model.find("silent") != std::string::npos) {
    report.Add(Ending::kHubUnavailable, true, "the hub answers with status 503");
    report.EndStep("repository", 0, "");
  }
  return report;
}

Result<CountedCheck> FakeChecks::CheckAndCount(const CheckSpec& spec, const AskTokens& ask) {
  CountedCheck out;
  ASSIGN_OR_RETURN(out.report, Check(spec));
  if (!out.report.ok()) return out;
  ASSIGN_OR_RETURN(const TokenQuestion question, ask(out.report));
  out.tokens.emplace();
  for (const std::string& text : question.texts) {
    out.tokens->push_back(static_cast<int64_t>(text.size() / 4 + 1));
  }
  return out;
}

FakeStream::FakeStream(const std::shared_ptr<grpc::Channel>& channel, const std::string& token) {
  if (!token.empty()) context_.AddMetadata("authorization", "Bearer " + token);
  stub_ = link::WorkerLinkService::NewStub(channel);
  stream_ = stub_->Connect(&context_);
  reader_ = std::thread([this] {
    link::SchedulerMessage message;
    while (stream_->Read(&message)) {
      if (!inbox_.TryPush(message)) break;
    }
    inbox_.Close();
  });
}

FakeStream::~FakeStream() {
  context_.TryCancel();
  if (reader_.joinable()) reader_.join();
}

void FakeStream::Hello(const std::string& worker, int64_t slots,
                       const std::vector<link::HeldLease>& held, int64_t protocol,
                       int64_t memory_bytes) {
  link::WorkerMessage message;
  message.mutable_hello()->set_protocol(protocol);
  message.mutable_hello()->set_worker(worker);
  message.mutable_hello()->set_version("0.0.9");
  for (int64_t i = 0; i < slots; ++i) {
    auto* slot = message.mutable_hello()->add_slots();
    slot->set_index(i);
    slot->set_device("cpu");
    slot->set_hardware_class("cpu:test");
    slot->set_memory_bytes(memory_bytes);
  }
  for (const auto& lease : held) *message.mutable_hello()->add_held() = lease;
  Write(message);
}

void FakeStream::Plan(int64_t lease, const std::string& digest) {
  link::WorkerMessage message;
  auto* ready = message.mutable_plan_ready();
  ready->set_lease(lease);
  ready->set_digest(digest);
  for (const Toy& toy : {kToyA, kToyB}) {
    auto* task = ready->add_tasks();
    task->set_task(toy.name);
    task->set_batches(toy.documents / 2);
    task->set_requests(toy.documents * toy.choices);
    task->set_documents(toy.documents);
  }
  Write(message);
}

void FakeStream::Batch(int64_t lease, int64_t batch, const std::string& digest) {
  link::WorkerMessage message;
  auto* done = message.mutable_batch_done();
  done->set_lease(lease);
  done->set_batch(batch);
  done->set_results_json(ToyBatch(batch));
  done->set_run_ms(5);
  done->set_hardware_class("cpu:test");
  done->set_plan_digest(digest);
  Write(message);
}

void FakeStream::Ended(int64_t lease, const std::string& ending, const std::string& reason) {
  link::WorkerMessage message;
  message.mutable_lease_ended()->set_lease(lease);
  message.mutable_lease_ended()->set_ending(ending);
  message.mutable_lease_ended()->set_reason(reason);
  Write(message);
}

std::optional<link::SchedulerMessage> FakeStream::NextWithin(int64_t ms) {
  return inbox_.PopFor(ms);
}

link::SchedulerMessage FakeStream::Next() {
  auto message = inbox_.PopFor(kPatienceMs);
  EXPECT_TRUE(message) << "no message came, or the stream ended";
  return message.value_or(link::SchedulerMessage());
}

link::Lease FakeStream::NextLease() {
  for (;;) {
    const link::SchedulerMessage message = Next();
    if (message.has_lease()) return message.lease();
    if (message.body_case() == link::SchedulerMessage::BODY_NOT_SET) return {};
  }
}

link::Welcome FakeStream::NextWelcome() {
  for (;;) {
    const link::SchedulerMessage message = Next();
    if (message.has_welcome()) return message.welcome();
    if (message.body_case() == link::SchedulerMessage::BODY_NOT_SET) return {};
  }
}

grpc::Status FakeStream::CloseAndWait() {
  stream_->WritesDone();
  return WaitForEnd();
}

grpc::Status FakeStream::WaitForEnd() {
  reader_.join();
  return stream_->Finish();
}

FakeWorker::FakeWorker(const std::shared_ptr<grpc::Channel>& channel, const std::string& name,
                       Answer answer)
    : name_(name), cluster_(v1::ClusterService::NewStub(channel)), stream_(channel) {
  stream_.Hello(name);
  const MonoTime patience = Clock::Real().Mono() + kPatienceMs;
  while (!IsConnected() && Clock::Real().Mono() < patience) std::this_thread::yield();
  thread_ = std::thread([this, answer = std::move(answer)] { Run(answer); });
}

FakeWorker::~FakeWorker() {
  stop_.store(true);
  stream_.Cancel();
  thread_.join();
  const MonoTime patience = Clock::Real().Mono() + kPatienceMs;
  while (IsConnected() && Clock::Real().Mono() < patience) std::this_thread::yield();
}

// False, too, of a scheduler that no longer answers.
bool FakeWorker::IsConnected() {
  grpc::ClientContext context;
  v1::ListWorkersResponse response;
  if (!cluster_->ListWorkers(&context, {}, &response).ok()) return false;
  return std::any_of(
      response.workers().begin(), response.workers().end(),
      [this](const v1::Worker& worker) { return worker.id() == name_ && worker.connected(); });
}

std::set<int64_t> FakeWorker::batches() const {
  MutexLock lock(mutex_);
  return batches_;
}

void FakeWorker::Run(Answer answer) {
  while (!stop_.load()) {
    const auto message = stream_.NextWithin(100);
    if (!message || !message->has_lease()) continue;
    const link::Lease& lease = message->lease();
    if (lease.begin() == lease.end()) {
      stream_.Plan(lease.lease());
      continue;
    }
    for (int64_t batch = lease.begin(); batch < lease.end(); ++batch) {
      link::WorkerMessage done;
      done.mutable_batch_done()->set_lease(lease.lease());
      done.mutable_batch_done()->set_batch(batch);
      done.mutable_batch_done()->set_results_json(answer(batch));
      done.mutable_batch_done()->set_hardware_class("cpu:test");
      done.mutable_batch_done()->set_plan_digest(lease.plan_digest());
      stream_.Write(done);
      MutexLock lock(mutex_);
      batches_.insert(batch);
    }
  }
}

ServiceTest::ServiceTest() {
  WriteToySuite(dir_.path());
  config_.grpc_address = "127.0.0.1:0";
  config_.http_address = "127.0.0.1:0";
  config_.state_dir = dir_.path("state");
  config_.database = dir_.path("koeval.db");
  config_.suites_dir = dir_.path("suites");
  config_.lease_batches_max = 1;
}

ServiceTest::~ServiceTest() {
  Stop();
}

void ServiceTest::Start() {
  auto store = store::OpenSqliteStore(config_.DatabasePath());
  ASSERT_TRUE(store.ok()) << store.status().ToString();
  auto started = Scheduler::Start(config_, {std::move(*store), std::make_unique<FakeChecks>(),
                                            clock_, [](const Status&) {}, hub_});
  ASSERT_TRUE(started.ok()) << started.status().ToString();
  scheduler_ = std::move(*started);
  channel_ = grpc::CreateChannel(scheduler_->grpc_address(), grpc::InsecureChannelCredentials());
  queue_ = v1::QueueService::NewStub(channel_);
  results_ = v1::ResultsService::NewStub(channel_);
  cluster_ = v1::ClusterService::NewStub(channel_);
  catalogue_ = v1::CatalogueService::NewStub(channel_);
}

void ServiceTest::Stop() {
  if (!scheduler_) return;
  EXPECT_TRUE(scheduler_->Stop().ok());
  scheduler_.reset();
}

void ServiceTest::Restart() {
  Stop();
  Start();
}

void ServiceTest::Prepare(grpc::ClientContext* context, const std::string& token) {
  const auto now = std::chrono::microseconds(Clock::Real().Wall().micros);
  context->set_deadline(
      std::chrono::system_clock::time_point(now + std::chrono::milliseconds(kPatienceMs)));
  if (!token.empty()) context->AddMetadata("authorization", "Bearer " + token);
}

grpc::Status ServiceTest::Submit(const std::string& id, v1::SubmitResponse* response,
                                 const std::string& model, const std::string& token) {
  grpc::ClientContext context;
  Prepare(&context, token);
  v1::SubmitRequest request;
  request.set_request_id(id);
  request.mutable_spec()->set_model(model);
  return queue_->Submit(&context, request, response);
}

v1::Request ServiceTest::MustSubmit(const std::string& id, const std::string& model) {
  v1::SubmitResponse response;
  const grpc::Status status = Submit(id, &response, model);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response.request();
}

grpc::Status ServiceTest::Get(const std::string& id, v1::GetRequestResponse* response,
                              const std::string& token) {
  grpc::ClientContext context;
  Prepare(&context, token);
  v1::GetRequestRequest request;
  request.set_request_id(id);
  return queue_->GetRequest(&context, request, response);
}

v1::Request ServiceTest::WaitFor(const std::string& id,
                                 const std::function<bool(const v1::Request&)>& done) {
  grpc::ClientContext context;
  Prepare(&context);
  v1::WatchRequest watch;
  auto reader = queue_->Watch(&context, watch);
  reader->WaitForInitialMetadata();  // from here on, no change is missed
  v1::WatchResponse change;
  for (;;) {
    v1::GetRequestResponse response;
    const grpc::Status status = Get(id, &response);
    if (status.ok() && done(response.request())) {
      context.TryCancel();
      while (reader->Read(&change)) {
      }
      return response.request();
    }
    if (!reader->Read(&change)) {
      ADD_FAILURE() << "request " << id
                    << " did not get there: " << response.request().ShortDebugString();
      return response.request();
    }
  }
}

v1::Request ServiceTest::WaitForPhase(const std::string& id, const std::string& phase) {
  return WaitFor(id, [&phase](const v1::Request& request) { return request.phase() == phase; });
}

std::vector<v1::GetSamplesResponse> ServiceTest::Samples(const std::string& id) {
  grpc::ClientContext context;
  Prepare(&context);
  v1::GetSamplesRequest request;
  request.set_request_id(id);
  auto reader = results_->GetSamples(&context, request);
  std::vector<v1::GetSamplesResponse> lines;
  v1::GetSamplesResponse line;
  while (reader->Read(&line)) lines.push_back(line);
  const grpc::Status status = reader->Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
  return lines;
}

}  // namespace koeval::service
