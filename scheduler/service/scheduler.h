// The scheduler daemon as one object: store, core, pools, gRPC and HTTP.
//
// STARTUP    store opened, suites loaded and bundles written, core restored, pools started, gRPC
//            and HTTP opened, health SERVING.
// OPERATION  see main.cc for the threads.
// TEARDOWN   health NOT_SERVING, streams closed, gRPC drained, checks ended, inbox applied and
//            committed, pools joined, store closed.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "scheduler/service/check_runner.h"
#include "scheduler/service/config.h"
#include "scheduler/service/model_hub.h"
#include "scheduler/store/job_store.h"

namespace koeval::service {

class Scheduler {
 public:
  struct Parts {
    std::unique_ptr<store::JobStore> store;
    std::unique_ptr<CheckRunner> checks;
    const Clock& clock;
    std::function<void(const Status&)> on_fatal;  // the daemon must end; any thread
    std::shared_ptr<ModelHub> hub = nullptr;      // nullptr: submissions name folders alone
  };

  // Starts everything. Errors name the setting or file and the remedy.
  static Result<std::unique_ptr<Scheduler>> Start(const ServiceConfig& config, Parts parts);
  ~Scheduler();  // Stop()
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // "127.0.0.1:7711" with the ports that were really opened.
  std::string grpc_address() const;
  std::string http_address() const;  // "" without HTTP

  // Reads the token file again.
  Status ReloadTokens();
  // Work of every second or so: ends streams that never said Hello, and waits for a turn of the
  // dispatcher, so that its return proves life. One line about the queue; or why there was no turn.
  Result<std::string> Housekeeping();
  // Graceful; idempotent. OK, or why the dispatcher had ended before.
  Status Stop();

 private:
  class Impl;
  explicit Scheduler(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace koeval::service
