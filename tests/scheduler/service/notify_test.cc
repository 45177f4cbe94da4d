// Notifications of ended requests: the feed that is followed, the web hook, the mail command.
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <deque>
#include <thread>

#include "common/base/bounded_queue.h"
#include "common/base/file.h"
#include "common/base/json.h"
#include "scheduler/core/event_kinds.h"
#include "scheduler/service/mail_command.h"
#include "scheduler/service/notifier.h"
#include "scheduler/service/webhook.h"
#include "scheduler/store/job_store.h"
#include "tests/scheduler/service/harness.h"

namespace koeval::service {
namespace {

constexpr int64_t kPatienceMs = 60'000;
constexpr const char* kSecret = "a secret of sixteen bytes and more";

// Answers as it was told, then with kDone; what it was asked to send waits in a queue.
class ScriptedSender final : public NotificationSender {
 public:
  struct Sent {
    int64_t seq = 0;
    std::string request, event;
    std::optional<double> average;
  };
  explicit ScriptedSender(BoundedQueue<Sent>& sent, std::deque<Delivery> script = {})
      : sent_(sent), script_(std::move(script)) {}
  std::string name() const override { return "scripted"; }
  void Stop() override {}
  Delivery Send(const Notification& n, std::string* problem) override {
    (void)sent_.TryPush({n.seq, n.request.id.text, NotificationEvent(n), n.average});
    *problem = "as the test has it";
    if (script_.empty()) return Delivery::kDone;
    const Delivery next = script_.front();
    if (script_.size() > 1 || next != Delivery::kAgain) script_.pop_front();
    return next;  // a last kAgain stays
  }

 private:
  BoundedQueue<Sent>& sent_;
  std::deque<Delivery> script_;
};

class NotifierTest : public testing::Test {
 protected:
  // Commits a request with `state` and the entry of the feed that says so.
  int64_t End(const std::string& id, std::string_view kind,
              core::RequestState state = core::RequestState::kFailed,
              core::Phase phase = core::Phase::kDone) {
    core::RequestRow row;
    row.id = {id};
    row.number = ++number_;
    row.state = state;
    row.phase = phase;
    row.ending = kind == core::kind::kCancelled ? "CANCELLED" : "OUT_OF_MEMORY";
    row.finished_at = clock_.Wall();
    std::vector<core::Mutation> rows = {
        row, core::EventRow{++seq_, clock_.Wall(), {id}, std::string(kind), "some text"}};
    if (state == core::RequestState::kFinished) {
      rows.emplace_back(core::ScoreRow{{id}, 1, "{}", 0.25, clock_.Wall()});
    }
    EXPECT_TRUE(store_->Commit(rows).ok());
    if (notifier_) notifier_->Wake();
    return seq_;
  }

  void Start(std::deque<Delivery> script = {}, int64_t retry_for_ms = 1'000'000) {
    auto started = Notifier::Start(std::make_unique<ScriptedSender>(sent_, std::move(script)),
                                   {.cursor_file = dir_.path("cursor"),
                                    .retry_for_ms = retry_for_ms,
                                    .first_pause_ms = 1,
                                    .longest_pause_ms = 4},
                                   readers_, metrics_, clock_, seq_);
    ASSERT_TRUE(started.ok()) << started.status().ToString();
    notifier_ = std::move(*started);
  }

  ScriptedSender::Sent Next() {
    auto sent = sent_.PopFor(kPatienceMs);
    EXPECT_TRUE(sent) << "nothing was sent";
    return sent.value_or(ScriptedSender::Sent());
  }

  TempDir dir_;
  FakeClock clock_;
  std::unique_ptr<store::JobStore> store_ = store::OpenMemoryStore();
  ReaderPool readers_{*store_};
  Metrics metrics_{WallTime{0}};
  BoundedQueue<ScriptedSender::Sent> sent_{10'000};
  int64_t number_ = 0, seq_ = 0;
  std::unique_ptr<Notifier> notifier_;
};

TEST_F(NotifierTest, EveryEndIsToldOnceInOrderWithItsScore) {
  End("before", core::kind::kFailed);
  Start();
  const int64_t a = End("a", core::kind::kFinished, core::RequestState::kFinished);
  End("busy", core::kind::kRunning, core::RequestState::kRunning, core::Phase::kBatches);
  End("b", core::kind::kCancelled);
  End("c", core::kind::kFailed);
  const auto first = Next();
  EXPECT_EQ(first.seq, a);
  EXPECT_EQ(first.event, "finished");
  EXPECT_EQ(first.average, 0.25);
  EXPECT_EQ(Next().event, "cancelled");
  const auto last = Next();
  EXPECT_EQ(last.event, "failed");
  EXPECT_EQ(last.average, std::nullopt);
  notifier_->Stop();
  EXPECT_EQ(sent_.size(), 0U);
  EXPECT_NE(metrics_.Text().find("koeval_notifications_total{outcome=\"ok\"} 3"),
            std::string::npos);
}

TEST_F(NotifierTest, WhatCouldNotBeToldIsToldAfterARestart) {
  Start({Delivery::kAgain});
  const int64_t a = End("a", core::kind::kFailed);
  EXPECT_EQ(Next().seq, a);
  EXPECT_EQ(Next().seq, a) << "the same end again";
  notifier_.reset();
  while (sent_.size() > 0) Next();
  const int64_t b = End("b", core::kind::kFailed);  // while nobody listens
  Start();
  EXPECT_EQ(Next().seq, a);
  EXPECT_EQ(Next().seq, b);
  notifier_.reset();
  Start();
  const int64_t c = End("c", core::kind::kFailed);
  EXPECT_EQ(Next().seq, c) << "what was told is not told again";
}

TEST_F(NotifierTest, RefusedAndTooOldEndsAreDropped) {
  Start({Delivery::kRefused, Delivery::kAgain}, /*retry_for_ms=*/60'000);
  End("refused", core::kind::kFailed);
  EXPECT_EQ(Next().request, "refused");
  End("late", core::kind::kFailed);
  EXPECT_EQ(Next().request, "late");
  EXPECT_EQ(Next().request, "late");
  clock_.AdvanceMs(60'001);
  End("next", core::kind::kFailed);
  std::string request;
  while ((request = Next().request) == "late") {
  }
  EXPECT_EQ(request, "next");
  EXPECT_NE(metrics_.Text().find("koeval_notifications_total{outcome=\"failed\"} 2"),
            std::string::npos);
}

TEST_F(NotifierTest, ARequestThatWasRetriedIsToldWhenItEndsAgain) {
  Start();
  End("again", core::kind::kFailed, core::RequestState::kPending, core::Phase::kQueued);
  const int64_t other = End("other", core::kind::kFailed);
  EXPECT_EQ(Next().seq, other);
}

TEST_F(NotifierTest, ACursorThatIsNoNumberIsAnErrorThatNamesTheFile) {
  WriteText(dir_.path("cursor"), "twelve\n");
  const auto started =
      Notifier::Start(std::make_unique<ScriptedSender>(sent_), {.cursor_file = dir_.path("cursor")},
                      readers_, metrics_, clock_, 0);
  EXPECT_EQ(started.status().code(), Code::kDataLoss);
  EXPECT_NE(started.status().message().find(dir_.path("cursor")), std::string::npos);
}

// An HTTP server that answers with what it was told.
class Hook {
 public:
  struct Request {
    std::string path, event, delivery, signature, body;
  };
  explicit Hook(int status = 204) : status_(status) {
    server_.Post(".*", [this](const httplib::Request& request, httplib::Response& response) {
      response.status = status_;
      if (status_ == 302) response.set_header("Location", "/elsewhere");
      (void)requests_.TryPush({request.path, request.get_header_value("X-Koeval-Event"),
                               request.get_header_value("X-Koeval-Delivery"),
                               request.get_header_value("X-Koeval-Signature"), request.body});
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~Hook() {
    server_.stop();
    thread_.join();
  }
  std::string url() const { return fmt::format("http://127.0.0.1:{}/hook", port_); }
  Request Next() {
    auto request = requests_.PopFor(kPatienceMs);
    EXPECT_TRUE(request) << "nobody called";
    return request.value_or(Request());
  }
  size_t waiting() const { return requests_.size(); }

 private:
  const int status_;
  httplib::Server server_;
  BoundedQueue<Request> requests_{1'000};
  int port_ = 0;
  std::thread thread_;
};

class SenderTest : public testing::Test {
 protected:
  SenderTest() {
    notification_.seq = 17;
    notification_.request.id = {"r-1"};
    notification_.request.spec.model = "org/model";
    notification_.request.spec.suite = "ko-h5";
    notification_.request.spec.submitter = "alice";
    notification_.request.state = core::RequestState::kFinished;
    notification_.request.ending = "FINISHED";
    notification_.request.reason = "a hushed reason";
    notification_.average = 0.4321;
    WriteSecret(kSecret);
  }

  void WriteSecret(const std::string& secret) {
    WriteText(dir_.path("secret"), secret + "\n");
    ASSERT_EQ(::chmod(dir_.path("secret").c_str(), 0600), 0);
  }

  Delivery Post(const std::string& url, int64_t timeout_ms = 30'000) {
    auto sender = MakeWebhook({url, dir_.path("secret"), timeout_ms});
    EXPECT_TRUE(sender.ok()) << sender.status().ToString();
    return (*sender)->Send(notification_, &problem_);
  }
  Delivery Mail(std::vector<std::string> command, int64_t timeout_ms = 30'000) {
    return MakeMailCommand({std::move(command), timeout_ms}, Clock::Real())
        ->Send(notification_, &problem_);
  }

  TempDir dir_;
  Notification notification_;
  std::string problem_;
};

// RFC 4231, test case 2.
TEST_F(SenderTest, SignaturesAreHmacSha256) {
  EXPECT_EQ(HmacSha256Hex("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST_F(SenderTest, AWebHookGetsASignedPostWithoutReasons) {
  Hook hook;
  ASSERT_EQ(Post(hook.url()), Delivery::kDone) << problem_;
  const Hook::Request request = hook.Next();
  EXPECT_EQ(request.path, "/hook");
  EXPECT_EQ(request.event, "finished");
  EXPECT_EQ(request.delivery, "17");
  EXPECT_EQ(request.signature, "sha256=" + HmacSha256Hex(kSecret, request.body));
  const auto json = ParseJson(request.body);
  ASSERT_TRUE(json.ok());
  EXPECT_EQ((*json)["schema"], "koeval.notification/1");
  EXPECT_EQ((*json)["seq"], 17);
  EXPECT_EQ((*json)["request"]["id"], "r-1");
  EXPECT_EQ((*json)["request"]["average"], 0.4321);
  EXPECT_EQ(request.body.find("hushed"), std::string::npos);
}

TEST_F(SenderTest, AWebHookIsTriedAgainWhereThatMayHelp) {
  for (const int status : {408, 429, 500, 503}) {
    EXPECT_EQ(Post(Hook(status).url()), Delivery::kAgain) << status;
  }
  Hook refuses(404);
  EXPECT_EQ(Post(refuses.url()), Delivery::kRefused);
  std::string gone;
  {
    Hook hook;
    gone = hook.url();
  }
  EXPECT_EQ(Post(gone), Delivery::kAgain) << "nobody listens";
}

TEST_F(SenderTest, ARedirectIsNotFollowed) {
  Hook hook(302);
  EXPECT_EQ(Post(hook.url()), Delivery::kRefused);
  EXPECT_EQ(hook.Next().path, "/hook");
  EXPECT_EQ(hook.waiting(), 0U);
}

TEST_F(SenderTest, AServerThatNeverAnswersIsLeftAfterTheTimeLimit) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(::bind(listener, plain, size), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  ASSERT_EQ(::getsockname(listener, plain, &size), 0);
  EXPECT_EQ(Post(fmt::format("http://127.0.0.1:{}/", ntohs(address.sin_port)), 100),
            Delivery::kAgain);
  ::close(listener);
}

TEST_F(SenderTest, OnlyPlainHttpAddressesAndRealSecretsAreTaken) {
  for (const char* url : {"file:///etc/passwd", "ftp://host/", "https://user:word@host/",
                          "http://host/#part", "gopher://host"}) {
    EXPECT_EQ(MakeWebhook({url, dir_.path("secret")}).status().code(), Code::kInvalidArgument)
        << url;
  }
  EXPECT_EQ(MakeWebhook({"http://host/", ""}).status().code(), Code::kInvalidArgument);
  WriteSecret("short");
  EXPECT_EQ(MakeWebhook({"http://host/", dir_.path("secret")}).status().code(),
            Code::kInvalidArgument);
  WriteSecret(kSecret);
  ASSERT_EQ(::chmod(dir_.path("secret").c_str(), 0644), 0);
  EXPECT_EQ(MakeWebhook({"http://host/", dir_.path("secret")}).status().code(),
            Code::kFailedPrecondition);
}

TEST_F(SenderTest, AMailCommandGetsTheTextOnItsStdin) {
  const std::string out = dir_.path("mail");
  ASSERT_EQ(Mail({"/bin/sh", "-c", "cat > \"$0\"", out}), Delivery::kDone) << problem_;
  const std::string text = ReadFile(out).value();
  EXPECT_TRUE(text.starts_with("Subject: [koeval] org/model finished on ko-h5\n")) << text;
  EXPECT_NE(text.find("average    43.21\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("hushed"), std::string::npos);
}

TEST_F(SenderTest, AMailCommandThatFailsOrHangsIsTriedAgain) {
  EXPECT_EQ(Mail({"/bin/sh", "-c", "exit 75"}), Delivery::kAgain);
  EXPECT_EQ(problem_, "it ended with status 75");
  EXPECT_EQ(Mail({"/bin/sleep", "600"}, 100), Delivery::kAgain);
  EXPECT_NE(problem_.find("took longer"), std::string::npos) << problem_;
  EXPECT_EQ(Mail({"/nonexistent/mailer"}), Delivery::kAgain);
}

class NotifyServiceTest : public ServiceTest {};

TEST_F(NotifyServiceTest, ASchedulerTellsHookAndMailOfWhatEnds) {
  Hook hook;
  WriteText(dir_.path("secret"), kSecret);
  ASSERT_EQ(::chmod(dir_.path("secret").c_str(), 0600), 0);
  config_.notify.webhook = {hook.url(), dir_.path("secret")};
  const std::string pipe = dir_.path("mails");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const int mails = ::open(pipe.c_str(), O_RDWR);
  ASSERT_GE(mails, 0);
  config_.notify.mail.command = {"/bin/sh", "-c", "cat >> \"$0\"", pipe};
  Start();
  {
    FakeWorker worker(channel_, "node-1");
    MustSubmit("a");
    WaitForPhase("a", "done");
  }
  MustSubmit("b", "org/broken");
  WaitForPhase("b", "done");
  const Hook::Request finished = hook.Next();
  EXPECT_EQ(finished.event, "finished");
  EXPECT_NE(finished.body.find("\"id\":\"a\""), std::string::npos) << finished.body;
  const Hook::Request failed = hook.Next();
  EXPECT_EQ(failed.event, "failed");
  EXPECT_NE(failed.body.find("BAD_CHECKPOINT"), std::string::npos) << failed.body;
  EXPECT_EQ(failed.body.find("ends early"), std::string::npos) << "reasons are left out";
  std::string told;
  std::array<char, 4096> buffer{};
  while (told.find("request    b\n") == std::string::npos) {
    const ssize_t n = ::read(mails, buffer.data(), buffer.size());
    ASSERT_GT(n, 0);
    told.append(buffer.data(), static_cast<size_t>(n));
  }
  ::close(mails);
  EXPECT_LT(told.find("request    a\n"), told.find("request    b\n"));
  Stop();
  EXPECT_EQ(ReadFile(config_.state_dir + "/notified-mail").value(),
            ReadFile(config_.state_dir + "/notified-webhook").value());
}

}  // namespace
}  // namespace koeval::service
