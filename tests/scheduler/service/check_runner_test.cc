// Submission checks: reports, and processes that fail in every way.
#include "scheduler/service/check_runner.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "common/base/json.h"
#include "tests/scheduler/service/harness.h"

namespace koeval::service {
namespace {

class ProcessChecks : public testing::Test {
 protected:
  // A checker that is a shell script.
  std::unique_ptr<ProcessCheckRunner> Runner(const std::string& script,
                                             int64_t time_limit_ms = 60'000,
                                             int64_t memory_bytes = 0) {
    const std::string path = dir_.path("koeval-check");
    WriteText(path, "#!/bin/sh\n# A stand-in for koeval-check.\n" + script);
    ::chmod(path.c_str(), 0700);
    CheckConfig config;
    config.time_limit_ms = time_limit_ms;
    config.memory_bytes = memory_bytes;
    return std::make_unique<ProcessCheckRunner>(path, dir_.path("models"), config, Clock::Real());
  }

  CheckSpec Model() { return {dir_.path(), "main", "bfloat16"}; }

  TempDir dir_;
};

constexpr const char* kGood = R"(echo '{"ok":true,"findings":[],"facts":{"model_type":"llama"}}')";

TEST_F(ProcessChecks, AReportIsRead) {
  const auto report = Runner(kGood)->Check(Model());
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_TRUE(report->ok());
  EXPECT_EQ(CompactJson(report->facts), R"({"model_type":"llama"})");
}

TEST_F(ProcessChecks, ArgumentsNamePrecisionAndFolder) {
  const auto report =
      Runner(R"(printf '{"ok":true,"findings":[],"facts":{"args":"%s"}}' "$*")")->Check(Model());
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_EQ(CompactJson(report->facts),
            "{\"args\":\"--json --precision bfloat16 " + dir_.path() + "\"}");
}

TEST_F(ProcessChecks, AChatTemplateIsAskedForByName) {
  CheckSpec spec = Model();
  spec.chat_template = "tool_use";
  const auto report =
      Runner(R"(printf '{"ok":true,"findings":[],"facts":{"args":"%s"}}' "$*")")->Check(spec);
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_NE(CompactJson(report->facts).find("--chat-template=tool_use " + dir_.path()),
            std::string::npos)
      << CompactJson(report->facts);
  spec.chat_template = "";
  const auto by_default =
      Runner(R"(printf '{"ok":true,"findings":[],"facts":{"args":"%s"}}' "$*")")->Check(spec);
  ASSERT_TRUE(by_default.ok());
  EXPECT_NE(CompactJson(by_default->facts).find("--chat-template=default "), std::string::npos);
}

TEST_F(ProcessChecks, TheEnvironmentIsNotHandedOn) {
  ::setenv("KOEVAL_TEST_SECRET", "secret", 1);
  const auto report =
      Runner(R"(printf '{"ok":true,"findings":[],"facts":{"v":"%s"}}' "$KOEVAL_TEST_SECRET")")
          ->Check(Model());
  ::unsetenv("KOEVAL_TEST_SECRET");
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_EQ(CompactJson(report->facts), R"({"v":""})");
}

TEST_F(ProcessChecks, AModelBelowModelsDirIsFound) {
  WriteText(dir_.path("models/org/name/config.json"), "{}");
  auto runner = Runner(kGood);
  EXPECT_TRUE(runner->Check({"org/name", "main", "float32"})->ok());
  const auto missing = runner->Check({"org/other", "main", "float32"});
  ASSERT_TRUE(missing.ok());
  EXPECT_FALSE(missing->ok());
  EXPECT_EQ(missing->findings.at(0).code, Ending::kModelNotFound);
}

TEST_F(ProcessChecks, ACrashIsTheModelsFault) {
  const auto report = Runner("kill -SEGV $$")->Check(Model());
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_FALSE(report->ok());
  EXPECT_EQ(report->findings.at(0).code, Ending::kBadCheckpoint);
}

TEST_F(ProcessChecks, TooMuchTimeEndsTheCheckAndItsChildren) {
  const auto report = Runner("sleep 600 & sleep 600", 200)->Check(Model());
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_FALSE(report->ok());
  EXPECT_EQ(report->findings.at(0).code, Ending::kTimedOut);
}

TEST_F(ProcessChecks, MemoryIsBounded) {
  const std::string buffer_of_1_gib = "dd if=/dev/zero of=/dev/null bs=1G count=1 && ";
  const auto free = Runner(buffer_of_1_gib + kGood)->Check(Model());
  EXPECT_TRUE(free.ok()) << free.status().ToString();
  const auto bounded = Runner(buffer_of_1_gib + kGood, 60'000, int64_t{256} << 20)->Check(Model());
  EXPECT_EQ(bounded.status().code(), Code::kInternal);
}

TEST_F(ProcessChecks, TooMuchOutputEndsTheCheck) {
  const auto report = Runner("yes | head -c 3000000")->Check(Model());
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_EQ(report->findings.at(0).code, Ending::kBadCheckpoint);
}

TEST_F(ProcessChecks, GarbageIsAFaultOfOurs) {
  const auto report = Runner("echo nonsense; echo the last words >&2; exit 3")->Check(Model());
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.status().code(), Code::kInternal);
  EXPECT_NE(report.status().message().find("the last words"), std::string::npos);
}

TEST_F(ProcessChecks, AMissingCheckerIsAFaultOfOurs) {
  ProcessCheckRunner runner(dir_.path("nothing"), "", {}, Clock::Real());
  EXPECT_FALSE(runner.Check(Model()).ok());
}

TEST_F(ProcessChecks, StopEndsARunningCheck) {
  auto runner = Runner("sleep 600");
  Result<CheckReport> report = Internal("not run");
  std::thread thread([&] { report = runner->Check(Model()); });
  runner->Stop();
  thread.join();
  EXPECT_EQ(report.status().code(), Code::kCancelled);
}

TEST(CheckReports, FieldsAreChecked) {
  for (const char* bad : {
           "",
           "[]",
           "{}",
           R"({"ok":1,"findings":[]})",
           R"({"ok":true})",
           R"({"ok":true,"findings":{}})",
           R"({"ok":true,"findings":[1]})",
           R"({"ok":false,"findings":[]})",
           R"({"ok":true,"findings":[],"facts":[]})",
           R"({"ok":true,"ok":true,"findings":[]})",
           R"({"ok":true,"findings":[{"code":"A","severity":"error","message":"","remedy":""}]})",
           R"({"ok":false,"findings":[{"code":"A","severity":"bad","message":"","remedy":""}]})",
       }) {
    EXPECT_FALSE(ParseCheckReport(bad).ok()) << bad;
  }
}

TEST(CheckReports, FindingsAreKeptInTheFacts) {
  const auto report = ParseCheckReport(
      R"({"ok":false,"findings":[{"code":"BAD_TOKENIZER","severity":"error","message":"m",)"
      R"("remedy":"r"}],"facts":{"parameters":7}})");
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  const auto facts = ParseJson(CheckFactsJson(*report));
  ASSERT_TRUE(facts.ok());
  EXPECT_EQ((*facts)["facts"]["parameters"], 7);
  EXPECT_EQ((*facts)["findings"][0]["code"], "BAD_TOKENIZER");
}

}  // namespace
}  // namespace koeval::service
