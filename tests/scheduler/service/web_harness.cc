// A scheduler in this process, asked over HTTP.
#include "tests/scheduler/service/web_harness.h"

#include <fmt/core.h>
#include <sys/stat.h>

namespace koeval::service {

httplib::Result WebTest::Get(const std::string& path, const httplib::Headers& headers) {
  httplib::Client client("http://" + scheduler_->http_address());
  return client.Get(path, headers);
}

std::string WebTest::Body(const std::string& path, const httplib::Headers& headers) {
  const auto answer = Get(path, headers);
  EXPECT_TRUE(answer) << path;
  if (!answer) return "";
  EXPECT_EQ(answer->status, 200) << path << "\n" << answer->body;
  return answer->body;
}

Json WebTest::Api(const std::string& path) {
  const auto json = ParseJson(Body(path));
  EXPECT_TRUE(json.ok()) << json.status().ToString();
  return json.ok() ? *json : Json();
}

int WebTest::StatusOf(const std::string& path, const httplib::Headers& headers) {
  const auto answer = Get(path, headers);
  return answer ? answer->status : 0;
}

httplib::Result WebTest::Post(const std::string& path, const std::string& body,
                              const std::string& content_type, const httplib::Headers& headers) {
  httplib::Client client("http://" + scheduler_->http_address());
  return client.Post(path, headers, body, content_type);
}

void WebTest::UseTokens() {
  config_.tokens_file = dir_.path("tokens");
  WriteText(config_.tokens_file,
            fmt::format("eve reader {}\nalice submitter {}\n", kReaderToken, kSubmitterToken));
  ASSERT_EQ(::chmod(config_.tokens_file.c_str(), 0600), 0);
}

void WebTest::RunSome() {
  {
    FakeWorker worker(channel_, "node-1");
    MustSubmit("finished");
    WaitForPhase("finished", "done");
    MustSubmit("failed", "org/broken");
    WaitForPhase("failed", "done");
  }
  MustSubmit("waiting");
  WaitForPhase("waiting", "queued");
}

}  // namespace koeval::service
