// What is left of texts for those who are no operators.
#include "scheduler/service/redaction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/json.h"
#include "scheduler/core/sentences.h"

namespace koeval::service {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const core::Actor kReader{"eve", "reader"};
const core::Actor kSubmitter{"alice", "submitter"};
const core::Actor kOperator{"olga", "operator"};

ServiceConfig Config() {
  ServiceConfig config;
  config.models_dir = "/srv/model store";
  return config;
}

class RedactionTest : public testing::Test {
 protected:
  Redaction redaction_{Config()};
};

TEST_F(RedactionTest, AWorkersAliasIsStableAndTellsNothing) {
  const std::string alias = redaction_.Alias("gpu-7");
  EXPECT_THAT(alias, StartsWith("node-"));
  EXPECT_THAT(alias, Not(HasSubstr("gpu-7")));
  EXPECT_EQ(redaction_.Alias("gpu-7"), alias);
  EXPECT_NE(redaction_.Alias("gpu-8"), alias);
  EXPECT_NE(Redaction(Config()).Alias("gpu-7"), alias) << "another start, another alias";
  EXPECT_EQ(redaction_.Alias(""), "");
}

TEST_F(RedactionTest, EverySentenceOfTheCoreNamesNoWorkerAndIsOtherwiseWhole) {
  for (const core::SentenceInfo& info : core::AllSentences()) {
    std::string text;
    std::string expected;
    std::string_view rest = info.text;
    for (size_t at = rest.find("{}"); at != std::string_view::npos; at = rest.find("{}")) {
      const std::string before(rest.substr(0, at));
      const bool is_worker = before.ends_with("worker ");
      text += before + (is_worker ? "planted" : "7");
      expected += before + (is_worker ? redaction_.Alias("planted") : "7");
      rest.remove_prefix(at + 2);
    }
    const std::string shown = Redaction(Config()).Text(text + std::string(rest));
    EXPECT_THAT(shown, Not(HasSubstr("planted"))) << info.text;
    EXPECT_EQ(redaction_.Text(text + std::string(rest)), expected + std::string(rest));
  }
}

TEST_F(RedactionTest, ANameIsFoundAlsoWithItsDomainAndWithoutTheWordWorker) {
  const std::string alias = redaction_.Alias("gpu-7");
  EXPECT_EQ(redaction_.Text("by alice: gpu-7 overheats, see gpu-7.cluster.example."),
            "by alice: " + alias + " overheats, see " + alias + ".");
  EXPECT_EQ(redaction_.Text("gpu-70 is another"), "gpu-70 is another");
}

TEST_F(RedactionTest, OfPathsTheLastNameStays) {
  EXPECT_EQ(redaction_.Text("/var/lib/koeval/x/model.safetensors: ends early"),
            "…/model.safetensors: ends early");
  EXPECT_EQ(redaction_.Text("cannot open '/a/b/c.json', nor (/d/e)."),
            "cannot open '…/c.json', nor (…/e).");
  EXPECT_EQ(redaction_.Text("in /srv/model store/org/name/config.json"), "in …/config.json");
  for (const char* text : {"org/name at main", "1/2 of it", "and/or", "a / b", "/", "//"}) {
    EXPECT_EQ(redaction_.Text(text), text);
  }
}

TEST_F(RedactionTest, AddressesAreLeftOutAndPublicUrlsStay) {
  EXPECT_EQ(redaction_.Text("10.1.2.3:7711 refused, then [fe80::1]:443"),
            "[address] refused, then [address]");
  EXPECT_EQ(redaction_.Text("http://hub.internal:8080/api/models/org/x gave 502"),
            "[address]/api/models/org/x gave 502");
  EXPECT_EQ(redaction_.Text("http://mirror/x"), "[address]/x");
  for (const char* text :
       {"https://huggingface.co/org/x", "version 2.13.0", "1.2.3.4.5", "300.1.1.1"}) {
    EXPECT_EQ(redaction_.Text(text), text);
  }
}

TEST_F(RedactionTest, JsonStaysJson) {
  const std::string text = R"({"a":["line\n/x/y.bin",7],"b":{"c":"ok"}})";
  const auto json = ParseJson(redaction_.JsonText(text));
  ASSERT_TRUE(json.ok());
  EXPECT_EQ((*json)["a"][0], "line\n…/y.bin");
  EXPECT_EQ((*json)["a"][1], 7);
  EXPECT_EQ(redaction_.JsonText(""), "");
  EXPECT_EQ(redaction_.JsonText("{ /x/y"), "{ …/y");
}

TEST_F(RedactionTest, OnlyOperatorsSeeEverythingAndSubmittersTheirOwnFolder) {
  v1::Request request;
  request.set_submitter("alice");
  request.mutable_spec()->set_model("/srv/secret/mine");
  request.set_reason("worker gpu-7: lost");
  request.mutable_progress()->add_workers("gpu-7");
  v1::Request shown = request;
  redaction_.Hide(kOperator, &shown);
  EXPECT_EQ(shown.SerializeAsString(), request.SerializeAsString());
  redaction_.Hide(kSubmitter, &shown);
  EXPECT_EQ(shown.spec().model(), "/srv/secret/mine");
  EXPECT_EQ(shown.progress().workers(0), redaction_.Alias("gpu-7"));
  EXPECT_EQ(shown.reason(), "worker " + redaction_.Alias("gpu-7") + ": lost");
  redaction_.Hide(kReader, &shown);
  EXPECT_EQ(shown.spec().model(), "local/mine");
}

}  // namespace
}  // namespace koeval::service
