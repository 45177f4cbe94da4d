// Processes by fork and exec, state by the client's JSON.
#include "tests/integration/cluster.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "scheduler/store/sqlite.h"

namespace koeval::integration {
namespace {

namespace fs = std::filesystem;

constexpr int kPollMs = 20;

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  KOEVAL_CHECK(value != nullptr, name);
  return value;
}

}  // namespace

std::string Binary(const std::string& name) {
  return Environment("KOEVAL_BIN_DIR") + "/" + name;
}
std::string Source(const std::string& path) {
  return Environment("KOEVAL_SOURCE_DIR") + "/" + path;
}

bool Nightly() {
  return std::getenv("KOEVAL_NIGHTLY") != nullptr;
}

// Asks again and again until `done` or the patience is over.
template <typename Done>
bool Cluster::Until(const Done& done) {
  const MonoTime end = Clock::Real().Mono() + options_.patience_ms;
  while (Clock::Real().Mono() < end) {
    if (done()) return true;
    ::poll(nullptr, 0, kPollMs);
  }
  return false;
}

Cluster::Cluster(ClusterOptions options)
    : options_(std::move(options)), token_file_(options_.token_file) {
  std::string pattern = (fs::temp_directory_path() / "koeval-test-XXXXXX").string();
  KOEVAL_CHECK(::mkdtemp(pattern.data()) != nullptr, "mkdtemp");
  folder_ = pattern;
  if (options_.keeps_traces) fs::create_directories(folder_ + "/clients");
}

Cluster::~Cluster() {
  for (const auto& [name, pid] : workers_) End(pid, SIGKILL);
  if (scheduler_ != 0) End(scheduler_, SIGKILL);
  if (::testing::Test::HasFailure()) {
    for (const auto& entry : fs::directory_iterator(folder_)) {
      if (entry.path().extension() != ".log") continue;
      const auto text = ReadFile(entry.path().string());
      constexpr size_t kTail = 4000;
      if (text.ok()) {
        std::printf("--- %s\n%s\n", entry.path().filename().c_str(),
                    text->substr(text->size() > kTail ? text->size() - kTail : 0).c_str());
      }
    }
  }
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

pid_t Cluster::Spawn(const std::vector<std::string>& argv, const std::string& out,
                     const std::string& err, const std::string& node) {
  std::vector<char*> raw;
  for (const std::string& argument : argv) raw.push_back(const_cast<char*>(argument.c_str()));
  raw.push_back(nullptr);
  const std::string out_path = folder_ + "/" + out;
  const std::string err_path = folder_ + "/" + err;
  const std::string home = folder_ + "/nodes/" + node;
  if (options_.keeps_traces) fs::create_directories(home);
  const pid_t pid = ::fork();
  if (pid == 0) {
    constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND;
    ::dup2(::open(out_path.c_str(), kFlags, 0600), STDOUT_FILENO);
    if (!err.empty()) ::dup2(::open(err_path.c_str(), kFlags, 0600), STDERR_FILENO);
    ::setpgid(0, 0);
    if (options_.keeps_traces) {
      if (::chdir(home.c_str()) != 0) ::_exit(126);
      ::setenv("TMPDIR", home.c_str(), 1);
      ::setenv("HOME", home.c_str(), 1);
    }
    ::execv(raw[0], raw.data());
    ::_exit(127);
  }
  return pid;
}

int Cluster::End(pid_t pid, int signal) {
  ::kill(pid, signal);
  int status = 0;
  const bool ended = Until([&] { return ::waitpid(pid, &status, WNOHANG) == pid; });
  if (!ended) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, &status, 0);
    ADD_FAILURE() << "process " << pid << " did not end after signal " << signal;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void Cluster::StartScheduler() {
  const std::string config = folder_ + "/scheduler.yaml";
  if (address_.empty()) address_ = "127.0.0.1:0";
  std::ofstream(config) << fmt::format(
      "grpc_address: {}\nhttp_address: 127.0.0.1:0\ndatabase: {}/koeval.db\nstate_dir: {}/state\n"
      "suites_dir: {}\ndefault_suite: {}\nallow_local_models: true\nlease_batches_max: {}\n"
      "heartbeat: 200ms\nlease: 2s\ngrace: 5s\n{}",
      address_, folder_, folder_,
      options_.suites_dir.empty() ? Source("configs/suites") : options_.suites_dir, options_.suite,
      options_.lease_batches_max, options_.scheduler_settings);
  if (!options_.link_model.first.empty()) {
    const fs::path link = fs::path(folder_) / "models" / options_.link_model.first;
    fs::create_directories(link.parent_path());
    if (!fs::exists(link)) fs::create_directory_symlink(options_.link_model.second, link);
    std::ofstream(config, std::ios::app) << fmt::format("models_dir: {}/models\n", folder_);
  }
  const std::string ports = folder_ + "/ports";
  fs::remove(ports);
  scheduler_ = Spawn({Binary("koeval-scheduler"), "--config", config, "--port-file", ports},
                     "scheduler.log", "scheduler.log", "scheduler");
  const bool up = Until([&] {
    const auto text = ReadFile(ports);
    if (!text.ok() || text->find("grpc=") == std::string::npos) return false;
    const size_t start = text->find("grpc=") + 5;
    const size_t end = text->find('\n', start);
    if (end == std::string::npos) return false;
    address_ = text->substr(start, end - start);
    const size_t http = text->find("http=", end);
    const size_t http_end = text->find('\n', end + 1);
    if (http == std::string::npos || http_end == std::string::npos) return false;
    http_address_ = text->substr(http + 5, http_end - http - 5);
    return true;
  });
  ASSERT_TRUE(up) << "the scheduler did not open its ports";
}

void Cluster::StartWorker(const std::string& name, const std::vector<std::string>& arguments) {
  std::vector<std::string> argv = {Binary("koeval-worker"),
                                   "--scheduler",
                                   address_,
                                   "--worker",
                                   name,
                                   "--slots",
                                   "cpu",
                                   "--config",
                                   options_.worker_config.empty()
                                       ? Source("tests/integration/worker.yaml")
                                       : options_.worker_config};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  workers_[name] = Spawn(argv, name + ".log", name + ".log", name);
}

int Cluster::EndScheduler(int signal) {
  const int status = End(scheduler_, signal);
  scheduler_ = 0;
  return status;
}

int Cluster::EndWorker(const std::string& name, int signal) {
  const int status = End(workers_.at(name), signal);
  workers_.erase(name);
  return status;
}

std::vector<pid_t> Cluster::RunnersOf(pid_t worker) const {
  std::vector<pid_t> out;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream stat(entry.path() / "stat");
    std::string pid, command, state;
    pid_t parent = 0;
    stat >> pid >> command >> state >> parent;
    if (parent == worker && command == "(koeval-runner)") {
      out.push_back(static_cast<pid_t>(std::stol(pid)));
    }
  }
  return out;
}

bool Cluster::KillRunnerOf(const std::string& worker, int signal) {
  const std::vector<pid_t> runners = RunnersOf(workers_.at(worker));
  return !runners.empty() && ::kill(runners.front(), signal) == 0;
}

std::vector<pid_t> Cluster::Processes() const {
  std::vector<pid_t> out = {scheduler_};
  for (const auto& [name, pid] : workers_) {
    out.push_back(pid);
    for (const pid_t runner : RunnersOf(pid)) out.push_back(runner);
  }
  return out;
}

std::string Cluster::Koeval(const std::vector<std::string>& arguments, int* status) {
  std::vector<std::string> argv = {Binary("koeval"), "--address", address_};
  if (!token_file_.empty()) argv.insert(argv.end(), {"--token-file", token_file_});
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const std::string call = std::to_string(++calls_);
  const std::string out =
      options_.keeps_traces ? "clients/" + call + ".out" : "client-" + call + ".out";
  const std::string err = options_.keeps_traces ? "clients/" + call + ".err" : "";
  const pid_t pid = Spawn(argv, out, err, "client");
  int raw = 0;
  const bool ended = Until([&] { return ::waitpid(pid, &raw, WNOHANG) == pid; });
  if (!ended) End(pid, SIGKILL);
  const int code = ended && WIFEXITED(raw) ? WEXITSTATUS(raw) : -1;
  const auto text = ReadFile(folder_ + "/" + out);
  if (!options_.keeps_traces) fs::remove(folder_ + "/" + out);
  const std::string shown = text.ok() ? *text : "";
  if (status != nullptr) {
    *status = code;
  } else {
    EXPECT_EQ(code, 0) << fmt::format("{}", fmt::join(arguments, " ")) << "\n" << shown;
  }
  return shown;
}

Json Cluster::KoevalJson(std::vector<std::string> arguments) {
  arguments.emplace_back("--json");
  const auto json = ParseJson(Koeval(arguments));
  EXPECT_TRUE(json.ok()) << json.status().ToString();
  return json.ok() ? *json : Json();
}

void Cluster::WaitForBatches(const std::string& id, int64_t batches) {
  EXPECT_TRUE(Until([&] {
    const Json request = KoevalJson({"status", id})["request"];
    return request["state"] == "FINISHED" || request["state"] == "FAILED" ||
           request["progress"]["batches_done"].get<int64_t>() >= batches;
  })) << id
      << " did not get " << batches << " batches";
}

void Cluster::WaitForPhase(const std::string& id, const std::string& phase) {
  EXPECT_TRUE(Until([&] {
    return KoevalJson({"status", id})["request"]["phase"] == phase;
  })) << id
      << " did not get to " << phase;
}

std::string Cluster::WaitForEnd(const std::string& id) {
  std::string state;
  EXPECT_TRUE(Until([&] {
    const Json request = KoevalJson({"status", id})["request"];
    state = request["state"].get<std::string>();
    return state == "FINISHED" || state == "FAILED";
  })) << id
      << " did not end";
  return state;
}

void Cluster::WaitForWorkers(size_t count) {
  EXPECT_TRUE(Until([&] {
    size_t connected = 0;
    const Json answer = KoevalJson({"workers"});
    for (const Json& worker : answer["workers"]) {
      connected += worker["connected"].get<bool>() ? 1U : 0U;
    }
    return connected >= count;
  })) << count
      << " workers did not connect";
}

std::string Cluster::Samples(const std::string& id) {
  return Samples(id, "");
}

std::string Cluster::Samples(const std::string& id, const std::string& task) {
  const std::string path = folder_ + "/samples-" + id + task + ".jsonl";
  std::vector<std::string> arguments = {"samples", id, "--output", path};
  if (!task.empty()) arguments.insert(arguments.end(), {"--task", task});
  Koeval(arguments);
  const auto text = ReadFile(path);
  EXPECT_TRUE(text.ok()) << text.status().ToString();
  return text.ok() ? *text : "";
}

std::set<std::string> Cluster::WorkersOf(const std::string& id) {
  const auto database = store::Database::Open(folder_ + "/koeval.db", SQLITE_OPEN_READONLY);
  EXPECT_TRUE(database.ok()) << database.status().ToString();
  if (!database.ok()) return {};
  const auto names = (*database)->Query(fmt::format(
      "SELECT group_concat(worker, ' ') FROM (SELECT DISTINCT worker FROM batches WHERE request = "
      "'{}' AND round = (SELECT round FROM requests WHERE id = '{}'))",
      id, id));
  EXPECT_TRUE(names.ok()) << names.status().ToString();
  std::istringstream words(names.ok() ? *names : "");
  return {std::istream_iterator<std::string>(words), {}};
}

Cluster::StoredBatches Cluster::StoredBatchesOf(const std::string& id) {
  const auto database = store::Database::Open(folder_ + "/koeval.db", SQLITE_OPEN_READONLY);
  EXPECT_TRUE(database.ok()) << database.status().ToString();
  if (!database.ok()) return {};
  const auto count = [&](const std::string& sql) {
    const auto value = (*database)->Query(sql);
    EXPECT_TRUE(value.ok()) << value.status().ToString();
    return value.ok() ? std::stoll(*value) : -1;
  };
  const std::string where = fmt::format(
      "request = '{}' AND round = (SELECT round FROM requests WHERE id = '{}')", id, id);
  return {.rows = count("SELECT count(*) FROM batches WHERE " + where),
          .batches = count("SELECT count(DISTINCT batch) FROM batches WHERE " + where),
          .stored_events =
              count("SELECT count(*) FROM events WHERE kind = 'batch' AND request = '" + id + "'")};
}

}  // namespace koeval::integration
