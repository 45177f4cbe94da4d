// The OpenAPI description against what the API answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/scheduler/service/json_schema.h"
#include "tests/scheduler/service/web_harness.h"

namespace koeval::service {
namespace {

class OpenApiTest : public WebTest {
 protected:
  void SetUp() override {
    Start();
    document_ = Api("/api/v1/openapi.json");
  }

  // Checks a whole answer against what the document says of `path` for its status.
  void Expect(const std::string& path, const std::string& method, const httplib::Result& answer) {
    ASSERT_TRUE(answer) << path;
    const Json& responses = document_.at("paths").at(path).at(method).at("responses");
    const std::string status = std::to_string(answer->status);
    const Json& response = responses.contains(status) ? responses[status] : responses["default"];
    const auto value = ParseJson(answer->body);
    ASSERT_TRUE(value.ok()) << answer->body;
    EXPECT_EQ(WhyNot(document_, response["content"]["application/json"]["schema"], *value), "")
        << method << " " << path << " " << answer->body;
    seen_.insert(method + " " + path);
  }

  Json document_;
  std::set<std::string> seen_;
};

TEST_F(OpenApiTest, EveryAnswerFitsTheDescriptionAndEveryPathIsDescribed) {
  RunSome();
  Expect("/api/v1/leaderboard", "get", Get("/api/v1/leaderboard?settings=standard"));
  Expect("/api/v1/queue", "get", Get("/api/v1/queue"));
  Expect("/api/v1/requests", "get", Get("/api/v1/requests"));
  for (const char* id : {"finished", "failed", "waiting", "nothing"}) {
    Expect("/api/v1/requests/{id}", "get", Get(std::string("/api/v1/requests/") + id));
    Expect("/api/v1/requests/{id}/results", "get",
           Get(std::string("/api/v1/requests/") + id + "/results"));
  }
  Expect("/api/v1/requests/{id}/results/file", "get",
         Get("/api/v1/requests/finished/results/file"));
  Expect("/api/v1/suites", "get", Get("/api/v1/suites"));
  Expect("/api/v1/check", "post",
         Post("/api/v1/check", R"({"model":"org/broken"})", "application/json"));
  Expect("/api/v1/check", "post", Post("/api/v1/check", R"({"model":"x"})", "application/json"));
  Expect(
      "/api/v1/requests", "post",
      Post("/api/v1/requests", R"({"model":"org/good","chat_template":""})", "application/json"));
  Expect("/api/v1/watch", "get", Get("/api/v1/watch?after=-1"));  // an error; the stream is no JSON
  std::set<std::string> described;
  for (const auto& [path, methods] : document_["paths"].items()) {
    for (const auto& [method, operation] : methods.items()) described.insert(method + " " + path);
  }
  EXPECT_EQ(seen_, described);
}

TEST(JsonSchemaTest, SaysWhatDoesNotFit) {
  const Json document = *ParseJson(R"({"A":{"type":["string","null"]}})");
  const Json schema = *ParseJson(
      R"({"type":"object","required":["a"],"additionalProperties":false,
          "properties":{"a":{"$ref":"#/A"},"b":{"type":"array","items":{"enum":[1,2]}}}})");
  const auto why = [&](const char* text) { return WhyNot(document, schema, *ParseJson(text)); };
  EXPECT_EQ(why(R"({"a":null,"b":[1,2]})"), "");
  EXPECT_EQ(why(R"({"b":[]})"), "$: lacks a");
  EXPECT_EQ(why(R"({"a":"","c":1})"), "$: does not know c");
  EXPECT_EQ(why(R"({"a":1})"), "$.a: is 1, not of type [\"string\",\"null\"]");
  EXPECT_EQ(why(R"({"a":"","b":[1,3]})"), "$.b[1]: is 3, not one of [1,2]");
  EXPECT_NE(WhyNot(document, *ParseJson(R"({"minimum":3})"), Json(4)), "");
}

}  // namespace
}  // namespace koeval::service
