// Prepare: order of documents, shots, prompts and requests of both profiles.
#include "common/evaluation/prepare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace koeval::evaluation {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const Options kNew{Profile::kLmEval04, {}, {}, {}};
const Options kOld{Profile::kLeaderboardV1, {}, {}, {}};

Options WithShots(Options options, int64_t shots) {
  options.num_fewshot = shots;
  return options;
}

// Rows {"q": letter, "choices": ["n", "y"], "gold": 1}.
std::vector<Json> Rows(const std::string& letters) {
  std::vector<Json> rows;
  for (const char letter : letters) {
    rows.push_back(Json{{"q", std::string(1, letter)}, {"choices", {"n", "y"}}, {"gold", 1}});
  }
  return rows;
}

Task LetterTask(const std::string& docs, const std::string& pool) {
  Task task;
  task.config.task = "letters";
  task.config.test_split = "test";
  task.config.training_split = "train";
  task.config.fewshot_split = "train";
  task.config.doc_to_text = "{{q}}";
  task.config.doc_to_choice = "choices";
  task.config.doc_to_target = "gold";
  task.config.overrides = Json::object();
  task.docs = Rows(docs);
  task.fewshot_docs = Rows(pool);
  return task;
}

PreparedTask Must(const Task& task, const Options& options) {
  auto prepared = Prepare(task, options);
  EXPECT_TRUE(prepared.ok()) << prepared.status().ToString();
  return prepared.ok() ? *std::move(prepared) : PreparedTask();
}

std::string ErrorOf(const Task& task, const Options& options = kNew) {
  const auto prepared = Prepare(task, options);
  EXPECT_FALSE(prepared.ok());
  return prepared.ok() ? "" : prepared.status().message();
}

// The letters of the shots of each document, in prompt order.
std::vector<std::string> Shots(const PreparedTask& prepared) {
  std::vector<std::string> out;
  for (const Document& document : prepared.documents) {
    std::string& letters = out.emplace_back();
    for (size_t at = 0; (at = document.context.find(" y\n\n", at)) != std::string::npos; ++at) {
      letters += document.context[at - 1];
    }
  }
  return out;
}

std::string Order(const PreparedTask& prepared) {
  std::string out;
  for (const Document& document : prepared.documents) out += document.doc.at("q");
  return out;
}

TEST(PrepareTest, RequestsAreContextAndDelimiterAndChoice) {
  const PreparedTask prepared = Must(LetterTask("ab", ""), kNew);
  ASSERT_EQ(prepared.requests.size(), 4U);
  EXPECT_EQ(prepared.requests[1].context, "a");
  EXPECT_EQ(prepared.requests[1].continuation, " y");
  EXPECT_EQ(prepared.requests[1].choice, 1);
  EXPECT_EQ(prepared.requests[2].document, 1);
  EXPECT_EQ(prepared.documents[1].first_request, 2);
  EXPECT_EQ(prepared.documents[1].request_count, 2);
  EXPECT_THAT(prepared.documents[1].choices, ElementsAre("n", "y"));
  EXPECT_THAT(prepared.documents[1].gold, ElementsAre(1));
  EXPECT_EQ(prepared.num_fewshot, 0);
}

// The letters below were drawn by CPython's random with the harness's calls.
TEST(PrepareTest, CurrentProfileDrawsFromItsOwnStream) {
  const PreparedTask prepared = Must(LetterTask("abcdef", "abcdef"), WithShots(kNew, 2));
  EXPECT_EQ(Order(prepared), "abcdef");
  EXPECT_THAT(Shots(prepared), ElementsAre("da", "af", "ea", "fa", "ac", "ba"));
  EXPECT_EQ(prepared.documents[0].context, "d y\n\na y\n\na");
}

TEST(PrepareTest, CurrentProfileDrawsOneMoreWhereSplitNamesAreEqual) {
  Task task = LetterTask("abcdef", "");
  task.config.training_split.clear();
  task.config.fewshot_split = "test";
  task.fewshot_pool_is_docs = true;
  EXPECT_THAT(Shots(Must(task, WithShots(kNew, 2))),
              ElementsAre("de", "ae", "fa", "cb", "af", "ed"));
  // Neither split is named: equal too, although the pool is another one.
  task.config.fewshot_split.clear();
  task.config.test_split.clear();
  task.config.validation_split = "validation";
  task.config.training_split = "train";
  task.fewshot_pool_is_docs = false;
  task.fewshot_docs = Rows("abcdef");
  EXPECT_THAT(Shots(Must(task, WithShots(kNew, 2))),
              ElementsAre("de", "ae", "fa", "cb", "af", "ed"));
}

TEST(PrepareTest, OldProfileShufflesAndDrawsFromTheSameStream) {
  const PreparedTask prepared = Must(LetterTask("abcdef", "uvwxyz"), WithShots(kOld, 2));
  EXPECT_EQ(Order(prepared), "dbceaf");
  EXPECT_THAT(Shots(prepared), ElementsAre("vz", "vu", "zy", "uy", "xu", "uz"));
  EXPECT_EQ(prepared.documents[0].doc_id, 3);
}

TEST(PrepareTest, OldProfileDrawsOneMoreWithoutATrainingSplit) {
  Task task = LetterTask("abcdef", "");
  task.config.training_split.clear();
  task.config.fewshot_split.clear();
  task.fewshot_pool_is_docs = true;
  EXPECT_THAT(Shots(Must(task, WithShots(kOld, 2))),
              ElementsAre("bf", "fa", "ed", "af", "be", "eb"));
}

TEST(PrepareTest, EqualRowsAreDrawnAgainOnlyByTheCurrentProfile) {
  Task task = LetterTask("aaab", "");
  task.config.training_split.clear();
  task.config.fewshot_split = "test";
  task.fewshot_pool_is_docs = true;
  EXPECT_THAT(Shots(Must(task, WithShots(kNew, 1))), ElementsAre("b", "b", "b", "a"));
  EXPECT_THAT(Shots(Must(task, WithShots(kOld, 1))), ElementsAre("", "", "a", ""));
}

TEST(PrepareTest, ShuffleCanBePinnedByTheTask) {
  Task task = LetterTask("abcdef", "uvwxyz");
  task.config.overrides["shuffle_documents"] = false;
  EXPECT_EQ(Order(Must(task, kOld)), "abcdef");
  task.config.overrides["shuffle_documents"] = true;
  EXPECT_EQ(Order(Must(task, kNew)), "dbceaf");
}

TEST(PrepareTest, FirstNTakesTheFirstRowsOfThePoolWithoutTheDocument) {
  Task task = LetterTask("abcdef", "uvwxyz");
  task.config.fewshot_sampler = "first_n";
  EXPECT_EQ(Shots(Must(task, WithShots(kNew, 2)))[3], "uv");
  task.config.fewshot_split = "test";
  task.fewshot_pool_is_docs = true;
  EXPECT_EQ(Shots(Must(task, WithShots(kNew, 2)))[0], "bc");
  EXPECT_EQ(Shots(Must(task, WithShots(kNew, 2)))[3], "ab");
}

TEST(PrepareTest, LimitCutsAfterTheShuffle) {
  Options options = kOld;
  options.limit = 2;
  EXPECT_EQ(Order(Must(LetterTask("abcdef", ""), options)), std::string("dbceaf").substr(0, 2));
  options.limit = 0;
  EXPECT_THAT(ErrorOf(LetterTask("abcdef", ""), options), HasSubstr("limit"));
}

TEST(PrepareTest, OwnZeroShotsAreNeverOverridden) {
  Task task = LetterTask("ab", "uvw");
  task.config.num_fewshot = 0;
  EXPECT_EQ(Must(task, WithShots(kNew, 2)).num_fewshot, 0);
  task.config.num_fewshot = 1;
  EXPECT_EQ(Must(task, kNew).num_fewshot, 1);
  EXPECT_EQ(Must(task, WithShots(kNew, 2)).num_fewshot, 2);
  EXPECT_EQ(Must(task, WithShots(kNew, 0)).num_fewshot, 0);
}

TEST(PrepareTest, DescriptionIsJoinedAsTheProfileDoes) {
  Task task = LetterTask("a", "");
  task.config.description = "About {{q}}.";
  EXPECT_EQ(Must(task, kNew).documents[0].context, "About a.a");
  EXPECT_EQ(Must(task, kOld).documents[0].context, "About a.\n\na");
}

TEST(PrepareTest, EmptyTargetOfAShotDropsBothDelimitersInTheCurrentProfileOnly) {
  Task task = LetterTask("a", "u");
  task.config.training_split = "train";
  task.config.fewshot_config = Json{{"doc_to_target", "{{ '' }}"}};
  EXPECT_EQ(Must(task, WithShots(kNew, 1)).documents[0].context, "ua");
  EXPECT_EQ(Must(task, WithShots(kOld, 1)).documents[0].context, "u \n\na");
}

TEST(PrepareTest, AnEmptyChoiceIsAnAnswerOfAShot) {
  Task task = LetterTask("a", "u");
  task.config.training_split = "train";
  task.fewshot_docs[0]["choices"] = {"n", ""};
  EXPECT_EQ(Must(task, WithShots(kNew, 1)).documents[0].context, "u \n\na");
  EXPECT_EQ(Must(task, WithShots(kOld, 1)).documents[0].context, "u \n\na");
}

TEST(PrepareTest, DelimitersAndShotFieldsCanDiffer) {
  Task task = LetterTask("a", "u");
  task.config.target_delimiter = "=";
  task.config.fewshot_delimiter = ";";
  EXPECT_EQ(Must(task, WithShots(kNew, 1)).documents[0].context, "u=y;a");
  EXPECT_EQ(Must(task, kNew).requests[0].continuation, "=n");
  task.config.fewshot_config = Json{{"doc_to_text", "Shot {{q}}"}, {"target_delimiter", ": "}};
  EXPECT_EQ(Must(task, WithShots(kNew, 1)).documents[0].context, "Shot u: y;a");
}

TEST(PrepareTest, TargetsAreReadAsTheHarnessReadsThem) {
  Task task = LetterTask("a", "");
  const auto gold = [&](const Json& target) {
    task.config.doc_to_target = target;
    return Must(task, kNew).documents[0].gold;
  };
  EXPECT_THAT(gold("{{gold}}"), ElementsAre(1));
  EXPECT_THAT(gold("{{ choices.index('n') }}"), ElementsAre(0));
  EXPECT_THAT(gold("y"), ElementsAre(1));
  EXPECT_THAT(gold("{{ [0, 1] }}"), ElementsAre(0, 1));
  EXPECT_THAT(gold(0), ElementsAre(0));
  EXPECT_THAT(gold("nowhere"), ElementsAre(-100));
  task.docs[0]["flag"] = true;
  EXPECT_THAT(gold("flag"), ElementsAre(1));
}

TEST(PrepareTest, ChoicesComeFromListsMappingsAndTemplates) {
  Task task = LetterTask("a", "");
  const auto choices = [&](const Json& field) {
    task.config.doc_to_choice = field;
    return Must(task, kNew).documents[0].choices;
  };
  EXPECT_THAT(choices(Json{"p", "q"}), ElementsAre("p", "q"));
  EXPECT_THAT(choices(Json{{"x", "p"}, {"y", "q"}}), ElementsAre("p", "q"));
  EXPECT_THAT(choices("{{ [q + '1', \"it's\"] }}"), ElementsAre("a1", "it's"));
}

TEST(PrepareTest, LoglikelihoodAsksForTheTargetAsItIs) {
  Task task = LetterTask("a", "u");
  task.config.output_type = OutputType::kLoglikelihood;
  task.config.doc_to_choice = nullptr;
  task.config.doc_to_target = "{{ ' ' ~ gold }}";
  const PreparedTask prepared = Must(task, WithShots(kNew, 1));
  ASSERT_EQ(prepared.requests.size(), 1U);
  EXPECT_EQ(prepared.requests[0].context, "u  1\n\na");
  EXPECT_EQ(prepared.requests[0].continuation, " 1");
  EXPECT_TRUE(prepared.documents[0].choices.empty());
}

TEST(PrepareTest, ChoicesCanBeTheQuestions) {
  Task task = LetterTask("a", "u");
  for (std::vector<Json>* rows : {&task.docs, &task.fewshot_docs}) {
    (*rows)[0]["choices"] = {"The n", "The y"};
    (*rows)[0]["rest"] = "is right.";
  }
  task.config.doc_to_text = "{{gold}}";
  task.config.doc_to_target = "rest";
  const PreparedTask prepared = Must(task, WithShots(kNew, 1));
  ASSERT_EQ(prepared.requests.size(), 2U);
  EXPECT_EQ(prepared.requests[0].context, "The y is right.\n\nThe n");
  EXPECT_EQ(prepared.requests[1].context, "The y is right.\n\nThe y");
  EXPECT_EQ(prepared.requests[1].continuation, " is right.");
  EXPECT_THAT(prepared.documents[0].gold, ElementsAre(1));
}

TEST(PrepareTest, ErrorsNameTaskDocumentAndFieldButNoText) {
  Task task = LetterTask("a", "u");
  task.docs[0]["q"] = "secret";
  task.docs[0]["gold"] = 7;
  EXPECT_THAT(ErrorOf(task), HasSubstr("task letters, document 0: doc_to_target: index 7"));
  task.docs[0]["gold"] = -1;
  EXPECT_THAT(ErrorOf(task), HasSubstr("index -1"));
  task.docs[0]["gold"] = 1;
  task.docs[0]["choices"] = {1, 2};
  EXPECT_THAT(ErrorOf(task), HasSubstr("not text"));
  task.docs[0]["choices"] = Json::array();
  EXPECT_THAT(ErrorOf(task), HasSubstr("empty list"));
  task = LetterTask("a", "u");
  task.docs[0]["q"] = "secret";
  task.config.doc_to_text = "{{ q.index('zzz') }}";
  EXPECT_THAT(ErrorOf(task), HasSubstr("doc_to_text: template line 1, column 5"));
  EXPECT_EQ(ErrorOf(task).find("secret"), std::string::npos);
  task.config.doc_to_text = "{{ broken";
  EXPECT_THAT(ErrorOf(task), HasSubstr("task letters: doc_to_text: template line 1"));
}

TEST(PrepareTest, AColumnThatARowLacksIsAnErrorAndNotItsName) {
  Task task = LetterTask("ab", "");
  task.docs[1].erase("gold");
  EXPECT_THAT(ErrorOf(task), HasSubstr("document 1: doc_to_target: the row has no column"));
}

TEST(PrepareTest, ShotsWithoutAPoolAreRefused) {
  EXPECT_THAT(ErrorOf(LetterTask("ab", ""), WithShots(kNew, 1)), HasSubstr("fewshot_split"));
  EXPECT_THAT(ErrorOf(LetterTask("ab", "uv"), WithShots(kNew, 3)), HasSubstr("2 rows"));
  EXPECT_THAT(ErrorOf(LetterTask("ab", "uv"), WithShots(kNew, -1)), HasSubstr("negative"));
}

TEST(PrepareTest, TasksSurviveTheirJson) {
  Task task = LetterTask("ab", "uv");
  task.docs[0]["values"] = Json{1, 1.0, "1", nullptr, true, 1e-7};
  task.config.fewshot_config = Json{{"doc_to_text", "x"}};
  task.config.num_fewshot = 1;
  const auto json = ParseJson(CompactJson(TaskToJson(task)));
  ASSERT_TRUE(json.ok());
  const auto back = TaskFromJson(*json);
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_EQ(TaskDigest(*back), TaskDigest(task));
  EXPECT_EQ(CompactJson(TaskToJson(*back)), CompactJson(TaskToJson(task)));
  EXPECT_TRUE(back->docs[0]["values"][1].is_number_float());
  EXPECT_TRUE(back->docs[0]["values"][0].is_number_integer());
  task.docs[0]["values"][0] = 1.0;
  EXPECT_NE(TaskDigest(*back), TaskDigest(task));
}

}  // namespace
}  // namespace koeval::evaluation
