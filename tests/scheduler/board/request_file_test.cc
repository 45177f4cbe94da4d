// Request files of every version.
#include "scheduler/board/request_file.h"

#include <gtest/gtest.h>

#include <vector>

#include "scheduler/board/python_json.h"

namespace koeval::board {
namespace {

RequestFile MustParse(const std::string& text) {
  auto file = ParseRequestFile(text);
  EXPECT_TRUE(file.ok()) << file.status().ToString();
  return file.ok() ? *file : RequestFile{};
}

TEST(RequestFileTest, FirstVersionIsRead) {
  const RequestFile file = MustParse(
      R"({"model": "org/m", "base_model": "org/b", "revision": "main", "private": false, )"
      R"("precision": "float16", "weight_type": "Original", "status": "FINISHED", )"
      R"("submitted_time": "2023-09-20T11:12:13Z", "model_type": "\ud83d\udd36 : fine-tuned", )"
      R"("likes": 7, "params": 12.801, "license": "cc-by-nc-4.0", "job_id": 46})");
  EXPECT_EQ(file.model, "org/m");
  EXPECT_EQ(file.base_model, "org/b");
  EXPECT_EQ(file.status, "FINISHED");
  EXPECT_EQ(file.model_type, "🔶 : fine-tuned");
  EXPECT_EQ(file.likes, 7);
  EXPECT_EQ(file.params, 12.801);
  EXPECT_EQ(file.license, "cc-by-nc-4.0");
  EXPECT_EQ(file.job_id, 46);
  EXPECT_EQ(file.is_private, false);
  EXPECT_FALSE(file.use_chat_template.has_value());
}

TEST(RequestFileTest, SecondVersionIsRead) {
  const RequestFile file = MustParse(
      R"({"model": "org/m", "status": "PENDING", "architectures": "A;B", "sender": "otto",)"
      R"("use_chat_template": true, "job_start_time": null, "job_id": -1})");
  EXPECT_EQ(file.architectures, "A;B");
  EXPECT_EQ(file.sender, "otto");
  EXPECT_EQ(file.use_chat_template, true);
  EXPECT_EQ(file.job_start_time, "");
  EXPECT_EQ(file.job_id, -1);
}

TEST(RequestFileTest, OldestVersionTellsPrecisionAndWeightsByFlags) {
  const RequestFile file = MustParse(
      R"({"model": "org/m", "status": "FINISHED", "8bit_eval": true, "is_delta_weight": true})");
  EXPECT_EQ(file.precision, "8bit");
  EXPECT_EQ(file.weight_type, "Delta");
  const RequestFile plain =
      MustParse(R"({"model": "m", "status": "x", "8bit_eval": false, "is_delta_weight": false})");
  EXPECT_EQ(plain.precision, "float16");
  EXPECT_EQ(plain.weight_type, "Original");
}

TEST(RequestFileTest, OnlyModelAndStatusAreNeededAndStatusesAreKeptAsTheyAre) {
  const RequestFile file = MustParse(R"({"status": "PENDING_NEW_EVAL", "model": "org/m"})");
  EXPECT_EQ(file.status, "PENDING_NEW_EVAL");
  EXPECT_EQ(file.revision, "");
}

TEST(RequestFileTest, FieldsOfAnotherFormAreLeftOut) {
  const RequestFile file = MustParse(
      R"({"model": "org/m", "status": "RERUN", "likes": "many", "params": NaN, "private": 0,)"
      R"("architectures": ["A", "B", 3], "precision": null, "license": ["mit"]})");
  EXPECT_FALSE(file.likes.has_value());
  EXPECT_FALSE(file.params.has_value());
  EXPECT_FALSE(file.is_private.has_value());
  EXPECT_EQ(file.architectures, "A;B");
  EXPECT_EQ(file.precision, "");
  EXPECT_EQ(file.license, "");
}

TEST(RequestFileTest, OtherTextsAreRefusedWithThePlace) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "byte"},
      {"[]", "object"},
      {"{\"model\": \"a\"", "byte"},
      {"{\"model\": \"a\"}", "\"status\""},
      {"{\"status\": \"PENDING\"}", "\"model\""},
      {"{\"model\": 3, \"status\": \"PENDING\"}", "\"model\""},
      {"{\"model\": \"a\\nb\", \"status\": \"PENDING\"}", "\"model\""},
      {"{\"model\": \"" + std::string(600, 'a') + "\", \"status\": \"PENDING\"}", "\"model\""},
      {"{\"model\": \"a\", \"model\": \"b\", \"status\": \"PENDING\"}", "model"},
      {std::string(200, '[') + std::string(200, ']'), ""}};
  for (const auto& [text, word] : cases) {
    const auto file = ParseRequestFile(text);
    EXPECT_EQ(file.status().code(), Code::kInvalidArgument) << text;
    EXPECT_NE(file.status().message().find(word), std::string::npos)
        << text << ": " << file.status().message();
  }
}

TEST(RequestFileTest, OurFilesAreOneLineInTheLeaderboardsOrderAndReadBack) {
  RequestFile file;
  file.model = "org/모델";
  file.status = "RUNNING";
  file.revision = "main";
  file.precision = "float16";
  file.weight_type = "Original";
  file.submitted_time = "2023-11-14T22:13:20Z";
  file.model_type = "🟢 : pretrained";
  file.license = "?";
  file.is_private = false;
  file.use_chat_template = false;
  file.params = 10.7;
  file.job_id = 5;
  file.job_start_time = "2023-11-14T22:13:21.000000";
  file.sender = "otto";
  const std::string text = RequestFileText(file);
  EXPECT_EQ(text, R"({"model": "org/\ubaa8\ub378", "base_model": "", "revision": "main", )"
                  R"("private": false, "precision": "float16", "params": 10.7, )"
                  R"("weight_type": "Original", "status": "RUNNING", )"
                  R"("submitted_time": "2023-11-14T22:13:20Z", )"
                  R"("model_type": "\ud83d\udfe2 : pretrained", "license": "?", "job_id": 5, )"
                  R"("job_start_time": "2023-11-14T22:13:21.000000", "use_chat_template": false, )"
                  R"("sender": "otto"})");
  EXPECT_EQ(RequestFileText(MustParse(text)), text);
}

TEST(RequestFileTest, FieldsThatWeDoNotKnowFollowAsTheyWere) {
  RequestFile file;
  file.model = "org/m";
  file.status = "PENDING";
  const auto previous =
      ParsePythonObject(R"({"model": "old", "status": "FAILED", "note": {"a": [1, 2.5]}, "x": 1})");
  EXPECT_EQ(RequestFileText(file, *previous),
            R"({"model": "org/m", "base_model": "", "status": "PENDING", "job_id": -1, )"
            R"("job_start_time": null, "note": {"a": [1, 2.5]}, "x": 1})");
}

TEST(PythonJsonTest, NotANumberIsAWordOutsideOfStringsAlone) {
  const auto json =
      ParsePythonObject(R"({"a": NaN, "b": [-Infinity, Infinity], "NaN \" NaN": "Infinity \\"})");
  ASSERT_TRUE(json.ok()) << json.status().ToString();
  EXPECT_EQ(json->dump(), R"({"a":"NaN","b":["-Infinity","Infinity"],"NaN \" NaN":"Infinity \\"})");
  EXPECT_FALSE(ParsePythonObject("{\"a\": NaN").ok());
  EXPECT_FALSE(ParsePythonObject("NaN").ok());
}

}  // namespace
}  // namespace koeval::board
