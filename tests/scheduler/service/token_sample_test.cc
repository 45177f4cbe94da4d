// Samples of prompts and what they say about all of them.
#include "scheduler/service/token_sample.h"

#include <gmock/gmock.h>

namespace koeval::service {
namespace {

// A task of `documents` documents with two requests each; document i has texts of i + 1 bytes.
evaluation::PreparedTask MakeTask(int documents) {
  evaluation::PreparedTask task;
  for (int i = 0; i < documents; ++i) {
    evaluation::Document document;
    document.first_request = static_cast<int32_t>(task.requests.size());
    document.request_count = 2;
    task.documents.push_back(document);
    for (int choice = 0; choice < 2; ++choice) {
      task.requests.push_back({i, choice, std::string(static_cast<size_t>(i), 'c'), "x"});
    }
  }
  return task;
}

std::vector<int64_t> OneForEachByte(const TokenSample& sample) {
  std::vector<int64_t> out;
  for (const std::string& text : sample.texts) out.push_back(static_cast<int64_t>(text.size()));
  return out;
}

TEST(TokenSample, AWholeTaskIsExact) {
  PreparedSuite suite;
  suite.tasks = {MakeTask(3), MakeTask(1)};
  const TokenSample sample = SampleTokens(suite, 1'000);
  EXPECT_EQ(sample.texts.size(), 8U);
  const auto tokens = TokensOf(sample, OneForEachByte(sample));
  ASSERT_EQ(tokens.size(), 2U);
  EXPECT_EQ(tokens[0].tokens, 2 * (1 + 2 + 3));
  EXPECT_TRUE(tokens[0].is_exact);
  EXPECT_EQ(tokens[1].tokens, 2);
}

TEST(TokenSample, ALargeTaskIsSampledWithinItsShareAndScaledByBytes) {
  PreparedSuite suite;
  suite.tasks = {MakeTask(200), MakeTask(2)};
  const TokenSample sample = SampleTokens(suite, 2'000);
  EXPECT_GE(sample.tasks[0].sampled_bytes, 1'000);
  EXPECT_LT(sample.tasks[0].sampled_bytes, 1'000 + 2 * 200) << "the last document may cross it";
  const auto tokens = TokensOf(sample, OneForEachByte(sample));
  EXPECT_FALSE(tokens[0].is_exact);
  EXPECT_EQ(tokens[0].tokens, 200 * 201) << "as many tokens as bytes";
  EXPECT_TRUE(tokens[1].is_exact);
}

TEST(TokenSample, EveryTaskHasOneDocumentAndTheDrawIsTheSameEachTime) {
  PreparedSuite suite;
  suite.tasks = {MakeTask(200), MakeTask(200)};
  const TokenSample least = SampleTokens(suite, 0);
  EXPECT_EQ(least.texts.size(), 4U);
  EXPECT_EQ(SampleTokens(suite, 5'000).texts, SampleTokens(suite, 5'000).texts);
  EXPECT_TRUE(SampleTokens({}, 1'000).texts.empty());
}

}  // namespace
}  // namespace koeval::service
