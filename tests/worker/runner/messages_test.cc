// Frames to text and back, and what is refused.
#include "worker/runner/messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "worker/runner/failure.h"

namespace koeval::runner {
namespace {

using testing::HasSubstr;

std::vector<ParentFrame> ParentFrames() {
  TaskFrame task{.job = "r1",
                 .index = 0,
                 .total = 2,
                 .task = {{"rows", {1, 2}}, {"name", "한"}},
                 .num_fewshot = 5,
                 .limit = std::nullopt,
                 .seed = -7,
                 .chat = {{"chat_template", nullptr},
                          {"fewshot_as_multiturn", false},
                          {"system_instruction", "S"},
                          {"now_seconds", 5}}};
  RunFrame run{.job = "r1",
               .lease = LeaseId{9},
               .begin = 2,
               .end = 5,
               .plan_digest = "abc",
               .time_left_ms = 10'000};
  return {LoadFrame{.model_dir = "/m", .precision = "bfloat16", .device = "cuda:1", .threads = 2},
          task,
          PlanFrame{"r1"},
          run,
          RunFrame{.job = "all",
                   .lease = LeaseId{1},
                   .begin = 0,
                   .end = {},
                   .plan_digest = {},
                   .time_left_ms = {}},
          StopFrame{LeaseId{9}},
          ExtendFrame{LeaseId{9}, 5000},
          ForgetFrame{"r1"},
          QuitFrame{}};
}

std::vector<RunnerFrame> RunnerFrames() {
  const RunnerFacts facts{.architecture = "LlamaForCausalLM",
                          .model_type = "llama",
                          .parameters = 7,
                          .max_length = 2048,
                          .dtype = "bfloat16",
                          .logits_dtype = "float32",
                          .hardware_class = "cpu",
                          .tokenizer_digest = "ff",
                          .bos_id = 1,
                          .eos_id = std::nullopt};
  const PlannedTask planned{.task = "copa",
                            .batches = 3,
                            .requests = 8,
                            .documents = 4,
                            .truncated = 1,
                            .naive_tokens = 100,
                            .unique_tokens = 50};
  const Json results = {{"task", "copa"},
                        {"results", {{0, -1.2345678901234567, true}, {1, "-inf", false}}}};
  return {ReadyFrame{.protocol = 1, .pid = 42, .version = "0.1.0"},
          LoadedFrame{facts},
          PlannedFrame{.job = "r1", .digest = "d", .tasks = {planned}},
          BatchFrame{.job = "r1", .lease = LeaseId{9}, .batch = 2, .results = results, .run_ms = 3},
          LeaseDoneFrame{LeaseId{9}},
          LeaseStoppedFrame{LeaseId{9}, 4},
          LeaseExpiredFrame{LeaseId{9}, 4},
          FailedFrame{.lease = LeaseId{9},
                      .job = "r1",
                      .ending = "OUT_OF_MEMORY",
                      .message = "m\n\"q\"",
                      .remedy = "r"},
          FailedFrame{.lease = {}, .job = {}, .ending = "INTERNAL", .message = "m", .remedy = ""},
          AliveFrame{}};
}

std::string Line(const auto& frame) {
  std::string text = FormatFrame(frame);
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  text.pop_back();
  return text;
}

TEST(Frames, EveryFrameSurvivesTextAndBack) {
  for (const ParentFrame& frame : ParentFrames()) {
    const auto back = ParseParentFrame(Line(frame));
    ASSERT_TRUE(back.ok()) << Line(frame) << back.status().ToString();
    EXPECT_EQ(back->index(), frame.index());
    EXPECT_EQ(FormatFrame(*back), FormatFrame(frame));
  }
  for (const RunnerFrame& frame : RunnerFrames()) {
    const auto back = ParseRunnerFrame(Line(frame));
    ASSERT_TRUE(back.ok()) << Line(frame) << back.status().ToString();
    EXPECT_EQ(back->index(), frame.index());
    EXPECT_EQ(FormatFrame(*back), FormatFrame(frame));
  }
}

TEST(Frames, TextIsWhatTheProtocolSays) {
  EXPECT_EQ(FormatFrame(ParentFrame(QuitFrame{})), "{\"type\":\"quit\"}\n");
  EXPECT_EQ(FormatFrame(ParentFrame(ParentFrames()[3])),
            "{\"type\":\"run\",\"job\":\"r1\",\"lease\":9,\"begin\":2,\"end\":5,"
            "\"plan_digest\":\"abc\",\"time_left_ms\":10000}\n");
  EXPECT_EQ(FormatFrame(RunnerFrame(LeaseStoppedFrame{LeaseId{9}, 4})),
            "{\"type\":\"lease_stopped\",\"lease\":9,\"next\":4}\n");
}

TEST(Frames, OptionalFieldsMayBeNullOrAbsent) {
  const auto absent =
      ParseParentFrame(R"({"type":"task","job":"j","index":0,"total":1,"task":{}})");
  ASSERT_TRUE(absent.ok()) << absent.status().ToString();
  EXPECT_FALSE(std::get<TaskFrame>(*absent).limit);
  const auto null = ParseParentFrame(
      R"({"type":"task","job":"j","index":0,"total":1,"task":{},"limit":null,"seed":3})");
  ASSERT_TRUE(null.ok()) << null.status().ToString();
  EXPECT_EQ(std::get<TaskFrame>(*null).seed, 3);
}

TEST(Frames, WhatIsNotAFrameIsRefusedWithItsPlace) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "not valid JSON"},
      {"[]", "object"},
      {"null", "object"},
      {R"({"job":"x"})", "\"type\""},
      {R"({"type":7})", "\"type\""},
      {R"({"type":"batch"})", "unknown value"},
      {R"({"type":"plan"})", "\"job\""},
      {R"({"type":"plan","job":5})", "\"job\""},
      {R"({"type":"plan","job":"a","job":"b"})", "duplicate"},
      {R"({"type":"plan","job":"a","more":1})", "not known"},
      {R"({"type":"stop","lease":"9"})", "\"lease\""},
      {R"({"type":"stop","lease":1.5})", "\"lease\""},
      {R"({"type":"stop","lease":99999999999999999999})", "\"lease\""},
      {R"({"type":"task","job":"j","index":2,"total":2,"task":{}})", "\"index\""},
      {R"({"type":"task","job":"j","index":-1,"total":2,"task":{}})", "\"index\""},
      {R"({"type":"task","job":"j","index":0,"total":99999,"task":{}})", "\"total\""},
      {R"({"type":"task","job":"j","index":0,"total":1})", "\"task\""},
      {R"({"type":"run","job":"j","lease":1,"begin":-1})", "\"begin\""},
      {R"({"type":"quit"} {"type":"quit"})", "not valid JSON"},
  };
  for (const auto& [text, wanted] : cases) {
    const auto frame = ParseParentFrame(text);
    ASSERT_FALSE(frame.ok()) << text;
    EXPECT_EQ(frame.status().code(), Code::kInvalidArgument) << text;
    EXPECT_THAT(frame.status().message(), HasSubstr(wanted)) << text;
  }
}

TEST(Frames, LoadTakesKnownWordsOnly) {
  const std::string good = Line(ParentFrames()[0]);
  ASSERT_TRUE(ParseParentFrame(good).ok());
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{{"bfloat16", "int8"},
                                                        {"lm-eval-0.4", "lm-eval"},
                                                        {"\"plan\"", "\"fast\""},
                                                        {"\"threads\":2", "\"threads\":9999"}}) {
    std::string bad = good;
    bad.replace(bad.find(from), from.size(), to);
    EXPECT_FALSE(ParseParentFrame(bad).ok()) << bad;
  }
}

TEST(Frames, ResultsAreScoresWindowsOrTexts) {
  const std::string head = R"({"type":"batch","job":"j","lease":1,"batch":0,"run_ms":1,"results":)";
  for (const char* results : {R"([[0,1.0,true],[1,"-inf",false]])", R"([[0,1,3,-7.5],[2,0,0,0.0]])",
                              R"([[0,""],[1,"\u0000가\n"]])"}) {
    const std::string line = head + R"({"task":"t","results":)" + results + "}}";
    EXPECT_TRUE(ParseRunnerFrame(line).ok()) << results;
  }
  const auto text = [&](size_t bytes) {
    const std::string results = R"([[0,")" + std::string(bytes, 'x') + R"("]])";
    return ParseRunnerFrame(head + R"({"task":"t","results":)" + results + "}}").ok();
  };
  EXPECT_TRUE(text(kTextBytesMax));
  EXPECT_FALSE(text(kTextBytesMax + 1));
}

TEST(Frames, ResultsAreChecked) {
  const std::string head = R"({"type":"batch","job":"j","lease":1,"batch":0,"run_ms":1,"results":)";
  EXPECT_TRUE(ParseRunnerFrame(head + R"({"task":"t","results":[]}})").ok());
  for (const char* results :
       {R"([])", R"({"task":"t"})", R"({"task":"t","results":[[0,1.0]]})",
        R"({"task":"t","results":[[-1,1.0,true]]})", R"({"task":"t","results":[[0,"x",true]]})",
        R"({"task":"t","results":[[0,1.0,1]]})", R"({"task":"t","results":[],"more":1})",
        R"({"task":"t","results":[[0]]})", R"({"task":"t","results":[[0,null]]})",
        R"({"task":"t","results":[[0,"a"],[1,1.0,true]]})",
        R"({"task":"t","results":[[0,0,1,"x"]]})", R"({"task":"t","results":[[0,-1,1,1.0]]})",
        R"({"task":"t","results":[[0,0,1,1.0,true]]})"}) {
    EXPECT_FALSE(ParseRunnerFrame(head + results + "}").ok()) << results;
  }
}

TEST(Frames, TextThatIsNotUtf8BecomesReplacementCharacters) {
  const FailedFrame failed{
      .lease = {}, .job = {}, .ending = "INTERNAL", .message = "a\xff z", .remedy = ""};
  EXPECT_THAT(FormatFrame(RunnerFrame(failed)), HasSubstr("a\xef\xbf\xbd z"));
}

// Damaged frames: whatever comes, the answer is a frame or a Status, and a frame reads back.
TEST(Frames, DamagedFramesNeverBreakTheParser) {
  std::vector<std::string> lines;
  for (const auto& frame : ParentFrames()) lines.push_back(Line(frame));
  for (const auto& frame : RunnerFrames()) lines.push_back(Line(frame));
  constexpr uint32_t kSeed = 20'240'812;
  std::mt19937 random(kSeed);
  int refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = lines[random() % lines.size()];
    for (uint32_t changes = random() % 4 + 1; changes > 0 && !text.empty(); --changes) {
      const size_t at = random() % text.size();
      const uint32_t kind = random() % 4;
      if (kind == 0) text[at] = static_cast<char>(random());
      if (kind == 1) text.erase(at, random() % 8 + 1);
      if (kind == 2) text.insert(at, std::string(random() % 90 + 1, "[{\"9,"[random() % 5]));
      if (kind == 3) text.insert(at, lines[random() % lines.size()].substr(0, random() % 40));
    }
    const auto parent = ParseParentFrame(text);
    const auto runner = ParseRunnerFrame(text);
    refused += parent.ok() || runner.ok() ? 0 : 1;
    if (parent.ok()) {
      EXPECT_TRUE(ParseParentFrame(Line(*parent)).ok()) << "seed " << kSeed << ": " << text;
    }
    if (runner.ok()) {
      EXPECT_TRUE(ParseRunnerFrame(Line(*runner)).ok()) << "seed " << kSeed << ": " << text;
    }
  }
  EXPECT_GT(refused, 10'000);
}

TEST(Failures, TravelAsAStatusAndBack) {
  const Failure failure{Ending::kOutOfMemory, "slot 1: no room; sorry", "Use less."};
  const Status status = FailureStatus(failure);
  EXPECT_EQ(status.code(), Code::kResourceExhausted);
  EXPECT_EQ(status.message(), "OUT_OF_MEMORY: slot 1: no room; sorry; remedy: Use less.");
  const Failure back = FailureOf(status);
  EXPECT_EQ(back.ending, failure.ending);
  EXPECT_EQ(back.message, failure.message);
  EXPECT_EQ(back.remedy, failure.remedy);
}

TEST(Failures, StatusWithoutAnEndingTakesTheFallback) {
  const Failure failure = FailureOf(InvalidArgument("config.json: bad"), Ending::kBadCheckpoint);
  EXPECT_EQ(failure.ending, Ending::kBadCheckpoint);
  EXPECT_EQ(failure.message, "config.json: bad");
  EXPECT_EQ(failure.remedy, InfoOf(Ending::kBadCheckpoint).submitter_text);
}

}  // namespace
}  // namespace koeval::runner
