// A real cluster for tests: scheduler and workers as processes on loopback, driven by the client.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/json.h"

namespace koeval::integration {

struct ClusterOptions {
  std::string suites_dir;  // "" = the tree's own
  std::string suite = "demo";
  int64_t lease_batches_max = 2;
  int64_t patience_ms = 120'000;  // of every wait
  // ORG/NAME and the directory that the scheduler finds under that name; "" for none.
  std::pair<std::string, std::string> link_model = {};
  std::string scheduler_settings = {};  // more lines of its configuration
  std::string worker_config = {};       // "" = worker.yaml beside this file
  std::string token_file = {};          // of the client; "" = none
  // Every process gets a folder of its own below nodes/ as working, home and temporary folder, and
  // what calls of the client print stays in clients/<number>.out and .err.
  bool keeps_traces = false;
};

// Ends what it started, and removes its folder, when it goes. Failures of the set-up fail the test.
class Cluster {
 public:
  explicit Cluster(ClusterOptions options = {});
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // Starts (again) on the same database; the first start chooses the port, later ones keep it.
  void StartScheduler();
  void StartWorker(const std::string& name, const std::vector<std::string>& arguments = {});
  // Sends `signal` and reaps. Returns the exit status, or -signal when a signal ended it.
  int EndScheduler(int signal);
  int EndWorker(const std::string& name, int signal);
  // `signal` to the runner of `worker`; false when it has none.
  bool KillRunnerOf(const std::string& worker, int signal = SIGKILL);
  // The scheduler, the workers and their runners.
  std::vector<pid_t> Processes() const;

  // Calls of the client from now on are made with this token.
  void UseToken(const std::string& token_file) { token_file_ = token_file; }
  // One call of the client; stdout. `status` gets its exit code.
  std::string Koeval(const std::vector<std::string>& arguments, int* status = nullptr);
  Json KoevalJson(std::vector<std::string> arguments);
  // Waits until at least `batches` of `id` are stored, or it has ended.
  void WaitForBatches(const std::string& id, int64_t batches);
  void WaitForPhase(const std::string& id, const std::string& phase);
  // Waits until `id` has ended; its state.
  std::string WaitForEnd(const std::string& id);
  void WaitForWorkers(size_t count);
  // Every sample line of `id`, task after task.
  std::string Samples(const std::string& id);
  // Those of one task.
  std::string Samples(const std::string& id, const std::string& task);

  // What the scheduler's database says about the batches of `id`, newest round: rows, different
  // batches, and "a batch was stored" entries of the change feed. All three are the number of
  // batches when each was stored exactly once.
  struct StoredBatches {
    int64_t rows = 0;
    int64_t batches = 0;
    int64_t stored_events = 0;
  };
  StoredBatches StoredBatchesOf(const std::string& id);

  // The workers that ran its stored batches, newest round.
  std::set<std::string> WorkersOf(const std::string& id);

  const std::string& folder() const { return folder_; }
  const std::string& http_address() const { return http_address_; }

 private:
  // stdout goes to `out` and stderr to `err` in the cluster's folder; "" leaves it as it is. `node`
  // names the folder of a process that has one.
  pid_t Spawn(const std::vector<std::string>& argv, const std::string& out, const std::string& err,
              const std::string& node);
  std::vector<pid_t> RunnersOf(pid_t worker) const;
  int End(pid_t pid, int signal);
  template <typename Done>
  bool Until(const Done& done);

  const ClusterOptions options_;
  std::string folder_;
  std::string address_, http_address_, token_file_;
  int calls_ = 0;
  pid_t scheduler_ = 0;
  std::map<std::string, pid_t> workers_;
};

// $KOEVAL_BIN_DIR/name.
std::string Binary(const std::string& name);
// $KOEVAL_SOURCE_DIR/path.
std::string Source(const std::string& path);
// KOEVAL_NIGHTLY is set: long modes run whole.
bool Nightly();

}  // namespace koeval::integration
