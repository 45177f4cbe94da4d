// The koeval-scheduler binary: arguments, exit codes, kill -9, a second one on the same files.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "common/base/file.h"
#include "tests/scheduler/service/harness.h"

namespace koeval::service {
namespace {

constexpr int kPatiencePolls = 600;
constexpr int64_t kPollMs = 100;
constexpr unsigned kRunSecondsMax = 60;

std::string Binary() {
  const char* folder = std::getenv("KOEVAL_BIN_DIR");
  return folder == nullptr ? "" : std::string(folder) + "/koeval-scheduler";
}

// A daemon of this test's own; killed at the end if it still runs.
class Daemon {
 public:
  Daemon(const std::string& config, const std::string& port_file) : port_file_(port_file) {
    std::filesystem::remove(port_file);
    const std::string binary = Binary();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::execl(binary.c_str(), binary.c_str(), "--config", config.c_str(), "--port-file",
              port_file.c_str(), nullptr);
      ::_exit(127);
    }
  }
  ~Daemon() {
    if (pid_ > 0) Kill(SIGKILL);
  }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // The gRPC address once it is open; "" when the daemon ended before.
  std::string Address() {
    BoundedQueue<int> never(1);
    for (int i = 0; i < kPatiencePolls; ++i) {
      if (const auto text = ReadFile(port_file_); text.ok()) {
        return text->substr(5, text->find('\n') - 5);
      }
      if (::waitpid(pid_, &status_, WNOHANG) == pid_) {
        pid_ = 0;
        return "";
      }
      (void)never.PopFor(kPollMs);
    }
    return "";
  }
  // The exit status, or minus the signal.
  int Kill(int signal) {
    ::kill(pid_, signal);
    ::waitpid(pid_, &status_, 0);
    pid_ = 0;
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : -WTERMSIG(status_);
  }

 private:
  const std::string port_file_;
  pid_t pid_ = 0;
  int status_ = 0;
};

class ProcessTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(Binary()))
      GTEST_SKIP() << "KOEVAL_BIN_DIR has no koeval-scheduler";
    WriteToySuite(dir_.path());
    WriteText(dir_.path("models/org/m/config.json"), "{}");
    WriteConfig("");
    WriteText(dir_.path("checker"), "#!/bin/sh\n# Never answers.\nexec sleep 600\n");
    std::filesystem::permissions(dir_.path("checker"), std::filesystem::perms::owner_all);
  }

  void WriteConfig(const std::string& more) {
    WriteText(Config(),
              "grpc_address: 127.0.0.1:0\nhttp_address: 127.0.0.1:0\nstate_dir: state\n"
              "suites_dir: suites\nmodels_dir: models\n"
              "check: {binary: checker, memory_mib: 0}\n" +
                  more);
  }
  std::string Config() const { return dir_.path("scheduler.yaml"); }
  std::string Ports() const { return dir_.path("ports"); }

  struct Outcome {
    int code = -1;  // exit status, or minus the signal
    std::string out, err;
  };

  // Runs the daemon until it ends by itself; it is killed when it should not.
  Outcome Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), Binary());
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const std::string out = dir_.path("out"), err = dir_.path("err");
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::alarm(kRunSecondsMax);
      ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 1);
      ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), ReadFile(out).value(),
            ReadFile(err).value()};
  }

  static void Deadline(grpc::ClientContext* context) {
    context->set_wait_for_ready(true);
    context->set_deadline(std::chrono::system_clock::time_point(
        std::chrono::microseconds(Clock::Real().Wall().micros + 60'000'000)));
  }

  static v1::Request SubmitTo(const std::string& address, const std::string& id) {
    auto stub =
        v1::QueueService::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    Deadline(&context);
    v1::SubmitRequest request;
    request.set_request_id(id);
    request.mutable_spec()->set_model("org/m");
    v1::SubmitResponse response;
    const grpc::Status status = stub->Submit(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.request();
  }

  static v1::Request GetFrom(const std::string& address, const std::string& id) {
    auto stub =
        v1::QueueService::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    Deadline(&context);
    v1::GetRequestRequest request;
    request.set_request_id(id);
    v1::GetRequestResponse response;
    const grpc::Status status = stub->GetRequest(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.request();
  }

  TempDir dir_;
};

TEST_F(ProcessTest, AnAcknowledgedRequestSurvivesKill9) {
  v1::Request acknowledged;
  {
    Daemon daemon(Config(), Ports());
    const std::string address = daemon.Address();
    ASSERT_FALSE(address.empty());
    acknowledged = SubmitTo(address, "a");
    EXPECT_EQ(daemon.Kill(SIGKILL), -SIGKILL);
  }
  Daemon daemon(Config(), Ports());
  const std::string address = daemon.Address();
  ASSERT_FALSE(address.empty());
  const v1::Request found = GetFrom(address, "a");
  EXPECT_EQ(found.number(), acknowledged.number());
  EXPECT_EQ(found.submitted_at_us(), acknowledged.submitted_at_us());
  EXPECT_EQ(found.state(), v1::REQUEST_STATE_PENDING);
  EXPECT_EQ(SubmitTo(address, "a").number(), acknowledged.number());
  EXPECT_EQ(daemon.Kill(SIGTERM), 0);
}

TEST_F(ProcessTest, TerminateIsGraceful) {
  Daemon daemon(Config(), Ports());
  ASSERT_FALSE(daemon.Address().empty());
  EXPECT_EQ(daemon.Kill(SIGINT), 0);
}

TEST_F(ProcessTest, ASecondSchedulerOnTheSameDatabaseIsRefused) {
  Daemon daemon(Config(), Ports());
  ASSERT_FALSE(daemon.Address().empty());
  const Outcome second = Run({"--config", Config()});
  EXPECT_EQ(second.code, 1);
  EXPECT_NE(second.err.find("koeval.db"), std::string::npos) << second.err;
}

TEST_F(ProcessTest, APortInUseIsRefused) {
  Daemon daemon(Config(), Ports());
  const std::string address = daemon.Address();
  ASSERT_FALSE(address.empty());
  for (const char* flag : {"--grpc-address", "--http-address"}) {
    const Outcome second =
        Run({"--config", Config(), "--state-dir", dir_.path("other"), flag, address});
    EXPECT_EQ(second.code, 1) << flag;
    EXPECT_NE(second.err.find(address + ": it is in use"), std::string::npos) << second.err;
    EXPECT_EQ(std::count(second.err.begin(), second.err.end(), '\n'), 1) << second.err;
  }
}

TEST_F(ProcessTest, ACorruptDatabaseIsNamed) {
  WriteText(dir_.path("state/koeval.db"), std::string(8192, 'x'));
  const Outcome outcome = Run({"--config", Config()});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("koeval.db is damaged"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("start with a backup"), std::string::npos) << outcome.err;
}

TEST_F(ProcessTest, MissingFilesAreNamed) {
  struct Case {
    const char* more;
    const char* named;
    int code;
  };
  for (const Case& c : {Case{"tokens_file: no-tokens", "no-tokens", 1},
                        Case{"tls: {cert: no-cert, key: no-key}", "no-", 1},
                        Case{"default_suite: nope", "nope", 1}, Case{"unknown: 1", "unknown", 2}}) {
    WriteConfig(c.more);
    const Outcome outcome = Run({"--config", Config()});
    EXPECT_EQ(outcome.code, c.code) << c.more;
    EXPECT_NE(outcome.err.find(c.named), std::string::npos) << outcome.err;
  }
  const Outcome missing = Run({"--config", dir_.path("nothing.yaml")});
  EXPECT_EQ(missing.code, 2);
  EXPECT_NE(missing.err.find("nothing.yaml"), std::string::npos) << missing.err;
}

TEST_F(ProcessTest, TheCommandLineSaysWhatItIs) {
  EXPECT_EQ(Run({"--version"}).out, "koeval-scheduler 0.1.0\n");
  EXPECT_EQ(Run({"--help"}).code, 0);
  EXPECT_EQ(Run({"--nonsense"}).code, 2);
  EXPECT_EQ(Run({"--check-config", "--config", Config()}).code, 0);
  const Outcome printed = Run({"--print-config", "--config", Config()});
  EXPECT_EQ(printed.code, 0);
  EXPECT_NE(printed.out.find(dir_.path("state")), std::string::npos) << printed.out;
  WriteConfig("tokens_file: nothing");
  EXPECT_EQ(Run({"--check-config", "--config", Config()}).code, 2);
}

}  // namespace
}  // namespace koeval::service
