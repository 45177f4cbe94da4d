// Queries of every JobStore.
#include <cmath>
#include <limits>
#include <map>

#include "tests/scheduler/store/contract.h"

namespace koeval::store {
namespace {

using core::RequestState;

class ReaderContract : public StoreContract {
 protected:
  // Twelve requests, with states and suites in turn.
  void CommitTwelve() {
    std::vector<core::Mutation> mutations;
    for (int64_t number = 1; number <= 12; ++number) {
      core::RequestRow row = MakeRequest(number, random_);
      row.state = static_cast<RequestState>(number % 4);
      row.phase = core::Phase::kDone;
      row.spec.model = number % 2 == 0 ? "upstage/SOLAR-10.7B" : "EleutherAI/polyglot-ko-1.3b";
      rows_.push_back(row);
      mutations.emplace_back(row);
    }
    ASSERT_TRUE(IsOk(Commit(std::move(mutations))));
  }

  std::vector<int64_t> Numbers(const RequestFilter& filter, const Page& page) {
    const auto rows = reader_->ListRequests(filter, page);
    EXPECT_TRUE(IsOk(rows));
    std::vector<int64_t> numbers;
    if (rows.ok()) {
      for (const core::RequestRow& row : *rows) numbers.push_back(row.number);
    }
    return numbers;
  }

  std::vector<core::RequestRow> rows_;
};
INSTANTIATE_TEST_SUITE_P(All, ReaderContract, testing::ValuesIn(Backends()), BackendName);

using Numbers64 = std::vector<int64_t>;

RequestFilter OfStates(std::vector<RequestState> states) {
  RequestFilter filter;
  filter.states = std::move(states);
  return filter;
}

// Each text "" for all.
RequestFilter OfTexts(std::string suite, std::string model, std::string submitter) {
  return {{}, std::move(suite), std::move(model), std::move(submitter)};
}

TEST_P(ReaderContract, RequestsOfABundleAreCountedInEveryState) {
  CommitTwelve();
  core::RequestRow other = MakeRequest(13, random_);
  other.spec.bundle_digest = "another";
  ASSERT_TRUE(IsOk(Commit({other})));
  std::map<std::string, int64_t> wanted = {{"another", 1}, {"unknown", 0}};
  for (const core::RequestRow& row : rows_) ++wanted[row.spec.bundle_digest];
  for (const auto& [digest, count] : wanted) {
    const auto found = reader_->CountRequestsOf(digest);
    ASSERT_TRUE(IsOk(found));
    EXPECT_EQ(*found, count) << digest;
  }
}

TEST_P(ReaderContract, GetRequestGivesTheWholeRow) {
  CommitTwelve();
  for (const core::RequestRow& row : rows_) {
    const auto found = reader_->GetRequest(row.id);
    ASSERT_TRUE(IsOk(found));
    EXPECT_EQ(TextOf(*found), TextOf(row));
  }
  const auto missing = reader_->GetRequest({"nobody"});
  EXPECT_EQ(missing.status().code(), Code::kNotFound);
  EXPECT_NE(missing.status().message().find("nobody"), std::string::npos);
}

TEST_P(ReaderContract, PagesWalkForwards) {
  CommitTwelve();
  EXPECT_EQ(Numbers({}, {}), (Numbers64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
  EXPECT_EQ(Numbers({}, {0, 5, false}), (Numbers64{1, 2, 3, 4, 5}));
  EXPECT_EQ(Numbers({}, {5, 5, false}), (Numbers64{6, 7, 8, 9, 10}));
  EXPECT_EQ(Numbers({}, {10, 5, false}), (Numbers64{11, 12}));
  EXPECT_EQ(Numbers({}, {12, 5, false}), Numbers64{});
}

TEST_P(ReaderContract, PagesWalkBackwards) {
  CommitTwelve();
  EXPECT_EQ(Numbers({}, {0, 4, true}), (Numbers64{12, 11, 10, 9}));
  EXPECT_EQ(Numbers({}, {9, 4, true}), (Numbers64{8, 7, 6, 5}));
  EXPECT_EQ(Numbers({}, {1, 4, true}), Numbers64{});
}

TEST_P(ReaderContract, PageOfNoRowsIsEmpty) {
  CommitTwelve();
  EXPECT_EQ(Numbers({}, {0, 0, false}), Numbers64{});
  EXPECT_EQ(Numbers({}, {0, -1, false}), Numbers64{});
}

TEST_P(ReaderContract, FiltersOfStatesKeepTheOrder) {
  CommitTwelve();
  EXPECT_EQ(Numbers(OfStates({RequestState::kPending}), {}), (Numbers64{4, 8, 12}));
  const RequestFilter two =
      OfStates({RequestState::kFinished, RequestState::kRunning, RequestState::kFinished});
  EXPECT_EQ(Numbers(two, {}), (Numbers64{1, 2, 5, 6, 9, 10}));
  EXPECT_EQ(Numbers(two, {2, 3, false}), (Numbers64{5, 6, 9}));
  EXPECT_EQ(Numbers(two, {9, 3, true}), (Numbers64{6, 5, 2}));
}

TEST_P(ReaderContract, FiltersOfTextsCombine) {
  CommitTwelve();
  EXPECT_EQ(Numbers(OfTexts("suite-0", "", ""), {}), (Numbers64{3, 6, 9, 12}));
  EXPECT_EQ(Numbers(OfTexts("", "SOLAR", ""), {}), (Numbers64{2, 4, 6, 8, 10, 12}));
  EXPECT_EQ(Numbers(OfTexts("", "solar", ""), {}), Numbers64{});
  EXPECT_EQ(Numbers(OfTexts("", "%", ""), {}), Numbers64{});
  EXPECT_EQ(Numbers(OfTexts("", "", "submitter-1"), {}), (Numbers64{1, 3, 5, 7, 9, 11}));
  const RequestFilter all = {{RequestState::kFinished}, "suite-1", "SOLAR", "submitter-0"};
  EXPECT_EQ(Numbers(all, {}), Numbers64{10});
  EXPECT_EQ(Numbers(OfTexts("' OR 1 = 1 --", "", ""), {}), Numbers64{});
}

TEST_P(ReaderContract, AttemptsComeInOrder) {
  const RequestId id{"r"};
  ASSERT_TRUE(IsOk(Commit({MakeAttempt(id, 2, 1), MakeAttempt(id, 1, 2), MakeAttempt(id, 1, 1),
                           MakeAttempt({"r2"}, 1, 1)})));
  EXPECT_EQ(
      TextsOf(reader_->Attempts(id).value()),
      TextsOf(std::vector{MakeAttempt(id, 1, 1), MakeAttempt(id, 1, 2), MakeAttempt(id, 2, 1)}));
  EXPECT_TRUE(reader_->Attempts({"nobody"})->empty());
}

TEST_P(ReaderContract, BatchesComeInOrderOfOneRound) {
  const RequestId id{"r"};
  ASSERT_TRUE(IsOk(Commit(
      {MakeBatch(id, 1, 10), MakeBatch(id, 1, 2), MakeBatch(id, 2, 1), MakeBatch({"r2"}, 1, 1)})));
  EXPECT_EQ(TextsOf(reader_->Batches(id, 1).value()),
            TextsOf(std::vector{MakeBatch(id, 1, 2), MakeBatch(id, 1, 10)}));
  EXPECT_EQ(TextsOf(reader_->Batches(id, 2).value()), TextsOf(std::vector{MakeBatch(id, 2, 1)}));
  EXPECT_TRUE(reader_->Batches(id, 3)->empty());
}

TEST_P(ReaderContract, ScoresKeepEveryDouble) {
  const std::vector<double> averages = {0.1,
                                        0.0,
                                        std::numeric_limits<double>::denorm_min(),
                                        std::numeric_limits<double>::infinity(),
                                        -std::numeric_limits<double>::infinity(),
                                        std::nextafter(1.0, 2.0)};
  const RequestId id{"r"};
  for (size_t i = 0; i < averages.size(); ++i) {
    const core::ScoreRow row = MakeScore(id, static_cast<int64_t>(i), averages[i]);
    ASSERT_TRUE(IsOk(Commit({row})));
    EXPECT_EQ(TextOf(*reader_->Score(id, row.round).value()), TextOf(row));
  }
  ASSERT_TRUE(IsOk(Commit({MakeScore(id, 99, std::nan(""))})));
  EXPECT_TRUE(std::isnan(reader_->Score(id, 99).value()->average));
  EXPECT_FALSE(reader_->Score(id, 98).value().has_value());
  EXPECT_FALSE(reader_->Score({"nobody"}, 1).value().has_value());
}

TEST_P(ReaderContract, EventsFollowTheirSequence) {
  const RequestId a{"a"}, b{"b"};
  ASSERT_TRUE(IsOk(Commit(
      {MakeEvent(1, a), MakeEvent(2, b), MakeEvent(3, {}), MakeEvent(4, a), MakeEvent(5, b)})));
  const auto seqs = [&](int64_t after, const RequestId& id, int64_t limit) {
    Numbers64 out;
    const auto rows = reader_->Events(after, id, limit);
    for (const core::EventRow& row : rows.value()) {
      EXPECT_EQ(TextOf(row), TextOf(MakeEvent(row.seq, row.request)));
      out.push_back(row.seq);
    }
    return out;
  };
  EXPECT_EQ(seqs(0, {}, 100), (Numbers64{1, 2, 3, 4, 5}));
  EXPECT_EQ(seqs(2, {}, 2), (Numbers64{3, 4}));
  EXPECT_EQ(seqs(0, a, 100), (Numbers64{1, 4}));
  EXPECT_EQ(seqs(1, a, 100), (Numbers64{4}));
  EXPECT_EQ(seqs(5, {}, 100), Numbers64{});
  EXPECT_EQ(seqs(0, {}, 0), Numbers64{});
  EXPECT_EQ(seqs(0, {"nobody"}, 100), Numbers64{});
}

TEST_P(ReaderContract, ModelsComeInOrderOfNamesAndTheNewestWordCounts) {
  core::ModelRow unknown;
  unknown.model = "org/b";
  ASSERT_TRUE(IsOk(Commit({MakeModel("org/c"), MakeModel("org/a"), unknown})));
  core::ModelRow gone = MakeModel("org/a");
  gone.deleted_at = {9};
  gone.likes.reset();
  ASSERT_TRUE(IsOk(Commit({gone})));
  const std::vector<core::ModelRow> all = {gone, unknown, MakeModel("org/c")};
  EXPECT_EQ(TextsOf(reader_->Models("", 10).value()), TextsOf(all));
  EXPECT_EQ(TextsOf(reader_->Models("org/a", 1).value()), TextsOf(std::vector{unknown}));
  EXPECT_TRUE(reader_->Models("org/c", 10)->empty());
  EXPECT_EQ(TextOf(*reader_->Model("org/a").value()), TextOf(gone));
  EXPECT_FALSE(reader_->Model("org/d").value().has_value());
}

TEST_P(ReaderContract, FlagsInForceAndEarlierOnesAreToldApart) {
  ASSERT_TRUE(IsOk(Commit({MakeFlag("org/b", 7), MakeFlag("org/a", 3), MakeFlag("org/a", 9)})));
  ASSERT_TRUE(IsOk(Commit({MakeFlag("org/a", 3, 5)})));
  EXPECT_EQ(TextsOf(reader_->Flags("", false, 10).value()),
            TextsOf(std::vector{MakeFlag("org/a", 9), MakeFlag("org/b", 7)}));
  EXPECT_EQ(TextsOf(reader_->Flags("org/a", true, 10).value()),
            TextsOf(std::vector{MakeFlag("org/a", 3, 5), MakeFlag("org/a", 9)}));
  EXPECT_EQ(reader_->Flags("", true, 1)->size(), 1u);
  EXPECT_TRUE(reader_->Flags("org", true, 10)->empty());
}

TEST_P(ReaderContract, ImportedFilesKeepTheirBytesByKindAndPath) {
  const std::string text = std::string("{\"모델\": \"a\"}\r\n\0 ", 18);
  ASSERT_TRUE(IsOk(Commit(
      {MakeImport("requests", "org/b.json"), MakeImport("requests", "org/a.json"),
       MakeImport("results", "org/a.json"), core::ImportTextRow{"requests", "org/a.json", "old"},
       core::ImportTextRow{"results", "org/a.json", "other"}})));
  ASSERT_TRUE(IsOk(Commit({core::ImportTextRow{"requests", "org/a.json", text}})));
  EXPECT_EQ(TextsOf(reader_->Imports("requests", "", 10).value()),
            TextsOf(std::vector{MakeImport("requests", "org/a.json"),
                                MakeImport("requests", "org/b.json")}));
  EXPECT_EQ(reader_->Imports("requests", "org/a.json", 10)->size(), 1u);
  EXPECT_EQ(reader_->Imports("requests", "", 1)->size(), 1u);
  EXPECT_EQ(reader_->ImportText("requests", "org/a.json").value(), text);
  EXPECT_EQ(reader_->ImportText("results", "org/a.json").value(), "other");
  EXPECT_EQ(reader_->ImportText("results", "org/b.json").status().code(), Code::kNotFound);
  EXPECT_EQ(TextOf(*reader_->Import("results", "org/a.json").value()),
            TextOf(MakeImport("results", "org/a.json")));
  EXPECT_FALSE(reader_->Import("results", "org/b.json").value().has_value());
}

TEST_P(ReaderContract, AuditComesNewestFirst) {
  ASSERT_TRUE(IsOk(Commit({MakeAudit("1"), MakeAudit("2")})));
  ASSERT_TRUE(IsOk(Commit({MakeAudit("3")})));
  EXPECT_EQ(TextsOf(reader_->Audit(2).value()),
            TextsOf(std::vector{MakeAudit("3"), MakeAudit("2")}));
  EXPECT_EQ(reader_->Audit(100)->size(), 3u);
}

}  // namespace
}  // namespace koeval::store
