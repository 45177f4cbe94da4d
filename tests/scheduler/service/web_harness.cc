// A scheduler in this process, asked over HTTP.
#include "tests/scheduler/service/web_harness.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include "koeval/v1/board.grpc.pb.h"

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

void WebTest::ImportScores(const std::string& model) {
  const auto board = v1::BoardService::NewStub(channel_);
  grpc::ClientContext context;
  Prepare(&context);
  v1::ImportFilesResponse imported;
  auto writer = board->ImportFiles(&context, &imported);
  v1::ImportFilesRequest file;
  file.set_kind(v1::FILE_KIND_RESULTS);
  file.mutable_file()->set_path(model + "/result_2024-01-02 03:04:05.json");
  file.mutable_file()->set_text(
      R"({"config_general":{"model_name":")" + model +
      R"(","model_dtype":"torch.float32"},)"
      R"("results":{"harness|toy_a|0":{"acc":0.75},"harness|toy_b|0":{"acc":0.25}}})");
  writer->Write(file);
  writer->WritesDone();
  ASSERT_TRUE(writer->Finish().ok());
  ASSERT_EQ(imported.added(), 1) << imported.ShortDebugString();
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
