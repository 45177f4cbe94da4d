// Latency of pages and JSON with a filled board while evaluations run, and what it does to
// heartbeats.
//
//   web_bench [--models N] [--samples N] [--rate PER_SECOND] [--seconds N] [--workers N]
//
// Makes a database of its own: 2,000 models with 1,000 stored samples each by default. A scheduler
// in this process evaluates toy requests on workers without a model, while a schedule of 50
// requests a second asks for pages over loopback. A latency counts from when the request was due,
// so that a stall counts for all that it delays. Of heartbeats it prints how long answers took, and
// the longest gap between two of them that the scheduler itself saw, beside the time after which it
// gives up a worker by default. Prints a table; nothing is asserted.
#include <fmt/core.h>
#include <httplib.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "tests/scheduler/service/harness.h"
#include "tests/scheduler/service/web_fill.h"

namespace koeval::service {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int64_t kBeatMs = 100;
constexpr int64_t kGapPollMs = 10;  // a gap is known to this and one turn of the dispatcher

struct Arguments {
  int64_t models = 2'000, samples = 1'000, rate = 50, seconds = 60, workers = 4;
};

Arguments ParseArguments(int argc, char** argv) {
  Arguments out;
  const std::map<std::string, int64_t*> known = {{"--models", &out.models},
                                                 {"--samples", &out.samples},
                                                 {"--rate", &out.rate},
                                                 {"--seconds", &out.seconds},
                                                 {"--workers", &out.workers}};
  for (int i = 1; i < argc; i += 2) {
    const auto found = known.find(argv[i]);
    if (found == known.end() || i + 1 == argc || std::atoll(argv[i + 1]) < 0) {
      std::fprintf(stderr, "web_bench: unknown option %s, or no number behind it\n", argv[i]);
      std::exit(2);
    }
    *found->second = std::atoll(argv[i + 1]);
  }
  return out;
}

struct Target {
  const char* name;
  std::string path;
};

const std::vector<Target>& Targets() {
  static const std::vector<Target> targets = {
      {"leaderboard, 200 rows", "/"},
      {"leaderboard, all rows", "/?rows=0"},
      {"leaderboard, filtered", "/?q=model-1&sort=score%3AKo-ARC&order=desc"},
      {"queue", "/queue"},
      {"request", "/requests/r-7"},
      {"about", "/about"},
      {"API leaderboard", "/api/v1/leaderboard"},
      {"API requests", "/api/v1/requests?page_size=100&newest_first=true"},
      {"API results", "/api/v1/requests/r-7/results"},
  };
  return targets;
}

double Milliseconds(SteadyClock::duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

struct Latencies {
  std::vector<double> ms;
  int64_t failed = 0;
  int64_t bytes = 0;
};

// Asks on a fixed schedule from several threads, each request on a connection of its own.
std::vector<Latencies> AskForPages(const std::string& url, const Arguments& arguments) {
  constexpr int kClients = 32;
  std::vector<Latencies> all(Targets().size());
  std::array<std::vector<Latencies>, kClients> of_client;
  std::atomic<int64_t> next{0};
  const SteadyClock::time_point start = SteadyClock::now() + std::chrono::milliseconds(200);
  std::vector<std::thread> clients;
  for (int c = 0; c < kClients; ++c) {
    of_client[static_cast<size_t>(c)].resize(all.size());
    clients.emplace_back([&, c] {
      for (int64_t i = next++; i < arguments.rate * arguments.seconds; i = next++) {
        const auto due = start + std::chrono::microseconds(i * 1'000'000 / arguments.rate);
        std::this_thread::sleep_until(due);
        const size_t which = static_cast<size_t>(i) % Targets().size();
        httplib::Client client(url);
        client.set_decompress(false);
        const auto answer = client.Get(Targets()[which].path,
                                       {{"Accept-Encoding", "gzip"}, {"Connection", "close"}});
        Latencies& into = of_client[static_cast<size_t>(c)][which];
        if (!answer || answer->status != 200) {
          ++into.failed;
          continue;
        }
        into.ms.push_back(Milliseconds(SteadyClock::now() - due));
        into.bytes = static_cast<int64_t>(answer->body.size());
      }
    });
  }
  for (std::thread& client : clients) client.join();
  for (const auto& part : of_client) {
    for (size_t i = 0; i < all.size(); ++i) {
      all[i].ms.insert(all[i].ms.end(), part[i].ms.begin(), part[i].ms.end());
      all[i].failed += part[i].failed;
      all[i].bytes = std::max(all[i].bytes, part[i].bytes);
    }
  }
  return all;
}

double Quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto last = static_cast<double>(values.size() - 1);
  return values[static_cast<size_t>(share * last + 0.5)];
}

// A worker that only reports that it lives, and how long the answers took.
class Heart {
 public:
  explicit Heart(const std::shared_ptr<grpc::Channel>& channel) : stream_(channel) {
    stream_.Hello("heart", /*slots=*/0);
    stream_.NextWelcome();
    thread_ = std::thread([this] { Beat(); });
  }
  // Ends it; milliseconds of the slowest and the median answer.
  std::pair<double, double> Stop() {
    stop_.store(true);
    thread_.join();
    return {Quantile(answers_, 1), Quantile(answers_, 0.5)};
  }

 private:
  void Beat() {
    while (!stop_.load()) {
      const auto sent = SteadyClock::now();
      link::WorkerMessage message;
      message.mutable_heartbeat();
      if (!stream_.Write(message)) return;
      while (!stream_.Next().has_heartbeat_ack()) {
      }
      answers_.push_back(Milliseconds(SteadyClock::now() - sent));
      std::this_thread::sleep_until(sent + std::chrono::milliseconds(kBeatMs));
    }
  }

  FakeStream stream_;
  std::atomic<bool> stop_{false};
  std::vector<double> answers_;
  std::thread thread_;
};

// Asks the scheduler again and again how long ago it heard of the worker "heart".
class GapWatch {
 public:
  explicit GapWatch(const std::shared_ptr<grpc::Channel>& channel)
      : cluster_(v1::ClusterService::NewStub(channel)), thread_([this] { Run(); }) {}
  // Ends it; the longest gap in milliseconds, and how often it has asked.
  std::pair<int64_t, int64_t> Stop() {
    stop_.store(true);
    thread_.join();
    return {longest_, asked_};
  }

 private:
  void Run() {
    while (!stop_.load()) {
      grpc::ClientContext context;
      v1::ListWorkersResponse response;
      if (!cluster_->ListWorkers(&context, {}, &response).ok()) return;
      ++asked_;
      for (const v1::Worker& worker : response.workers()) {
        if (worker.id() == "heart") longest_ = std::max(longest_, worker.last_seen_ms_ago());
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(kGapPollMs));
    }
  }

  std::unique_ptr<v1::ClusterService::Stub> cluster_;
  std::atomic<bool> stop_{false};
  int64_t longest_ = 0, asked_ = 0;
  std::thread thread_;
};

// Keeps the queue from running dry: submits toy requests until it is stopped.
class Submitter {
 public:
  explicit Submitter(const std::shared_ptr<grpc::Channel>& channel)
      : queue_(v1::QueueService::NewStub(channel)), thread_([this] { Run(); }) {}
  int64_t Stop() {
    stop_.store(true);
    thread_.join();
    grpc::ClientContext context;
    v1::GetQueueResponse counts;
    (void)queue_->GetQueue(&context, {}, &counts);
    return counts.finished();
  }

 private:
  void Run() {
    for (int64_t i = 0; !stop_.load(); ++i) {
      grpc::ClientContext context;
      v1::SubmitRequest request;
      v1::SubmitResponse response;
      request.set_request_id(fmt::format("toy-{}", i));
      request.mutable_spec()->set_model(fmt::format("org/toy-{}", i));
      request.mutable_spec()->set_suite("toy");
      (void)queue_->Submit(&context, request, &response);
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }

  std::unique_ptr<v1::QueueService::Stub> queue_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

void Print(const std::vector<Latencies>& all) {
  fmt::print("{:<24} {:>7} {:>9} {:>9} {:>9} {:>7} {:>10}\n", "what", "asked", "median ms",
             "p99 ms", "max ms", "failed", "bytes gzip");
  Latencies sum;
  const auto line = [](const char* name, const Latencies& one) {
    fmt::print("{:<24} {:>7} {:>9.1f} {:>9.1f} {:>9.1f} {:>7} {:>10}\n", name,
               static_cast<int64_t>(one.ms.size()) + one.failed, Quantile(one.ms, 0.5),
               Quantile(one.ms, 0.99), Quantile(one.ms, 1), one.failed, one.bytes);
  };
  for (size_t i = 0; i < all.size(); ++i) {
    line(Targets()[i].name, all[i]);
    sum.ms.insert(sum.ms.end(), all[i].ms.begin(), all[i].ms.end());
    sum.failed += all[i].failed;
    sum.bytes += all[i].bytes;
  }
  line("all", sum);
}

int Complain(const Status& status) {
  std::fprintf(stderr, "web_bench: %s\n", status.ToString().c_str());
  return 1;
}

int Main(int argc, char** argv) {
  const Arguments arguments = ParseArguments(argc, argv);
  const TempDir dir;
  WriteFillSuite(dir.path());
  ServiceConfig config;
  config.grpc_address = config.http_address = "127.0.0.1:0";
  config.state_dir = dir.path("state");
  config.database = dir.path("koeval.db");
  config.suites_dir = dir.path("suites");
  config.default_suite = "ko-h5";
  config.lease_ms = 600'000;  // the toy workers report batches alone
  auto store = store::OpenSqliteStore(config.database);
  if (!store.ok()) return Complain(store.status());
  FillOptions fill;
  fill.models = arguments.models;
  fill.samples_per_model = arguments.samples;
  if (const Status filled = FillStore(fill, **store); !filled.ok()) return Complain(filled);
  fmt::print("{} models, {} stored samples, {} workers, {} requests/s for {} s\n", fill.models,
             fill.models * fill.samples_per_model, arguments.workers, arguments.rate,
             arguments.seconds);
  const auto before = SteadyClock::now();
  auto scheduler = Scheduler::Start(config, {std::move(*store), std::make_unique<FakeChecks>(),
                                             Clock::Real(), [](const Status&) {}});
  if (!scheduler.ok()) return Complain(scheduler.status());
  const auto channel =
      grpc::CreateChannel((*scheduler)->grpc_address(), grpc::InsecureChannelCredentials());
  const std::string url = "http://" + (*scheduler)->http_address();

  const auto first = SteadyClock::now();
  (void)httplib::Client(url).Get("/");
  fmt::print("start: {:.0f} ms; first page after it: {:.0f} ms\n", Milliseconds(first - before),
             Milliseconds(SteadyClock::now() - first));
  std::vector<std::unique_ptr<FakeWorker>> workers;
  for (int64_t i = 0; i < arguments.workers; ++i) {
    workers.push_back(std::make_unique<FakeWorker>(channel, fmt::format("node-{}", i)));
  }
  Submitter submitter(channel);
  Heart heart(channel);
  GapWatch watch(channel);
  const auto all = AskForPages(url, arguments);
  const auto [gap, polls] = watch.Stop();
  const auto [slowest, median] = heart.Stop();
  const int64_t evaluated = submitter.Stop() - arguments.models;
  workers.clear();
  Print(all);
  fmt::print("heartbeats: median answer {:.1f} ms, slowest {:.1f} ms; {} evaluations finished\n",
             median, slowest, evaluated);
  fmt::print(
      "longest gap between heartbeats, seen by the scheduler: {} ms (sent every {} ms, {} looks); "
      "a "
      "lease ends after {} ms by default\n",
      gap, kBeatMs, polls, ServiceConfig().lease_ms);
  return (*scheduler)->Stop().ok() ? 0 : 1;
}

}  // namespace
}  // namespace koeval::service

int main(int argc, char** argv) {
  return koeval::service::Main(argc, argv);
}
