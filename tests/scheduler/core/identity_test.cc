// Submissions that are known by what they evaluate, and previews of submissions.
#include <gmock/gmock.h>

#include "tests/scheduler/core/bench.h"

namespace koeval::core {
namespace {

using testing::HasSubstr;

constexpr int64_t kGib = int64_t{1} << 30;

Reply SubmitAs(Bench& b, const std::string& id, const std::string& identity, bool force = false) {
  b.Do(
      Submit{ReplyToken{1}, {"ann", "submitter"}, RequestId{id}, Bench::Spec(id), identity, force});
  return b.Only<Reply>();
}

TEST(Identity, AnEqualOneIsAnsweredWithTheStoredRequestAlsoAcrossARestart) {
  Bench b;
  EXPECT_FALSE(SubmitAs(b, "a", "digest").already_known);
  EXPECT_EQ(SubmitAs(b, "b", "digest").request->id.text, "a");
  b.Restart();
  const Reply reply = SubmitAs(b, "c", "digest");
  EXPECT_TRUE(reply.already_known);
  EXPECT_EQ(reply.request->id.text, "a");
  EXPECT_EQ(b.core->FindSame("digest")->id.text, "a");
  EXPECT_EQ(b.core->FindSame(""), nullptr);
  EXPECT_EQ(b.mirror.requests.size(), 1U);
}

TEST(Identity, AnotherOneOrNoneIsARequestOfItsOwn) {
  Bench b;
  SubmitAs(b, "a", "digest");
  EXPECT_FALSE(SubmitAs(b, "b", "other").already_known);
  EXPECT_FALSE(SubmitAs(b, "c", "").already_known);
  EXPECT_FALSE(SubmitAs(b, "d", "").already_known);
}

TEST(Identity, ForceEvaluatesAgainAndIsTheNewestThen) {
  Bench b;
  SubmitAs(b, "a", "digest");
  EXPECT_FALSE(SubmitAs(b, "b", "digest", /*force=*/true).already_known);
  EXPECT_EQ(SubmitAs(b, "c", "digest").request->id.text, "b");
}

TEST(Identity, ARequestThatFailedIsEvaluatedAgain) {
  Bench b;
  SubmitAs(b, "a", "digest");
  b.Do(Cancel{ReplyToken{1}, {"ann", "submitter"}, RequestId{"a"}});
  EXPECT_EQ(b.core->FindSame("digest"), nullptr);
  EXPECT_FALSE(SubmitAs(b, "b", "digest").already_known);
}

TEST(Preview, ItSaysWhatWouldHappenAndChangesNothing) {
  Bench b;
  const RequestSpec spec = Bench::Spec("x");
  Preview none = b.core->PreviewOf(spec, kGib, 10);
  EXPECT_THAT(none.explanation.answer, HasSubstr("no worker is connected"));
  EXPECT_EQ(none.start_ms, std::nullopt);
  WorkerHello hello{SessionId{1}, WorkerId{"w"}, "0.1.0", {{0, "cuda:0", 10 * kGib, "c"}}, {}};
  b.Do(hello);
  const Preview open = b.core->PreviewOf(spec, kGib, 10);
  EXPECT_EQ(open.start_ms, 0);
  EXPECT_TRUE(open.fits);
  ASSERT_EQ(open.explanation.slots.size(), 1U);
  EXPECT_TRUE(open.explanation.slots[0].is_open);
  const Preview large = b.core->PreviewOf(spec, 18 * kGib, 10);
  EXPECT_FALSE(large.fits);
  EXPECT_THAT(large.explanation.answer, HasSubstr("the largest slot has 10.0 GiB"));
  EXPECT_FALSE(large.remedy.empty());
  EXPECT_TRUE(b.mirror.requests.empty());
}

TEST(Preview, ThoseAheadAndWhatRunsDecideTheStart) {
  Bench b;
  b.Hello("w", 1);
  b.Queue("a");
  b.Planned(b.LeaseOf("a").id, 4);
  const Preview unmeasured = b.core->PreviewOf(Bench::Spec("x"), 0, 10);
  EXPECT_EQ(unmeasured.start_ms, std::nullopt) << "no batch has been measured";
  b.Batch(b.LeaseOf("a").id, 0);
  const Preview next = b.core->PreviewOf(Bench::Spec("x"), 0, 10);
  EXPECT_EQ(next.ahead, 0);
  EXPECT_EQ(next.start_ms, b.core->ProgressOf(RequestId{"a"}).eta_ms);
  b.Queue("b");
  const Preview second = b.core->PreviewOf(Bench::Spec("x"), 0, 10);
  EXPECT_EQ(second.ahead, 1);
  EXPECT_EQ(second.start_ms, std::nullopt) << "nobody knows how long b will take";
  EXPECT_EQ(b.core->PreviewOf(Bench::Spec("x", /*priority=*/5), 0, 10).ahead, 0);
}

}  // namespace
}  // namespace koeval::core
