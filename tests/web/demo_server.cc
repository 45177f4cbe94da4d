// A scheduler with a filled leaderboard and one running request, for browsers; until it is stopped.
//
//   web_demo_server [--models N]     prints the URL of the pages once they answer
#include <fmt/core.h>
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/scheduler/service/harness.h"
#include "tests/scheduler/service/web_fill.h"

namespace koeval::service {
namespace {

constexpr int64_t kSlotBytes = int64_t{8} << 30;  // less than the waiting requests need

int Complain(const Status& status) {
  std::fprintf(stderr, "web_demo_server: %s\n", status.ToString().c_str());
  return 1;
}

ServiceConfig Config(const TempDir& dir) {
  ServiceConfig config;
  config.grpc_address = config.http_address = "127.0.0.1:0";
  config.state_dir = dir.path("state");
  config.database = dir.path("koeval.db");
  config.suites_dir = dir.path("suites");
  config.default_suite = "ko-h5";
  config.lease_ms = 600'000;        // the worker never reports
  config.fit_wait_ms = 86'400'000;  // the waiting requests wait
  config.web.title = "Ko Leaderboard";
  config.web.footer = "A board that was filled by a test.";
  config.web.contact = "operators@example.org";
  return config;
}

// Submits "running" and lets `worker` store one of its batches.
Status StartOne(const std::shared_ptr<grpc::Channel>& channel, FakeStream* worker) {
  grpc::ClientContext context;
  v1::SubmitRequest request;
  v1::SubmitResponse response;
  request.set_request_id("running");
  request.mutable_spec()->set_model("org/model-that-runs");
  request.mutable_spec()->set_suite("toy");
  request.mutable_spec()->set_priority(100);
  const auto status = v1::QueueService::NewStub(channel)->Submit(&context, request, &response);
  if (!status.ok()) return Internal(status.error_message());
  worker->Hello("gpu-node-01", /*slots=*/1, {}, /*protocol=*/1, kSlotBytes);
  const link::Lease plan = worker->NextLease();
  worker->Plan(plan.lease());
  const link::Lease batches = worker->NextLease();
  worker->Batch(batches.lease(), batches.begin());
  return OkStatus();
}

int Main(int argc, char** argv) {
  FillOptions fill;
  if (argc == 3 && std::strcmp(argv[1], "--models") == 0) fill.models = std::atoll(argv[2]);
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  const TempDir dir;
  WriteFillSuite(dir.path());
  const ServiceConfig config = Config(dir);
  auto store = store::OpenSqliteStore(config.database);
  if (!store.ok()) return Complain(store.status());
  if (const Status filled = FillStore(fill, **store); !filled.ok()) return Complain(filled);
  auto scheduler = Scheduler::Start(config, {std::move(*store), std::make_unique<FakeChecks>(),
                                             Clock::Real(), [](const Status&) {}});
  if (!scheduler.ok()) return Complain(scheduler.status());
  const auto channel =
      grpc::CreateChannel((*scheduler)->grpc_address(), grpc::InsecureChannelCredentials());
  FakeStream worker(channel);
  if (const Status started = StartOne(channel, &worker); !started.ok()) return Complain(started);
  fmt::print("http://{}\n", (*scheduler)->http_address());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&stop, &signal);
  return (*scheduler)->Stop().ok() ? 0 : 1;
}

}  // namespace
}  // namespace koeval::service

int main(int argc, char** argv) {
  return koeval::service::Main(argc, argv);
}
