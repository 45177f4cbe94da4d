// Paths of the datasets: what may be written, and what names say.
#include "scheduler/board/board_path.h"

#include <gtest/gtest.h>

#include <vector>

namespace koeval::board {
namespace {

TEST(BoardPathTest, PathsOfTheLeaderboardsDatasetsAreFine) {
  for (const char* path : {"upstage/SOLAR-10.7B_eval_request_False_float16_Original.json", "a.json",
                           "org/model/result_2023-10-11 12:13:14.json", "한국어/모델/결과.json",
                           "a/b/c/d/e/f/g/h.json"}) {
    EXPECT_TRUE(CheckBoardPath(path).ok()) << path;
  }
}

TEST(BoardPathTest, HostilePathsAreRefused) {
  const std::vector<std::string> paths = {"",
                                          "/etc/x.json",
                                          "../x.json",
                                          "a/../x.json",
                                          "a//x.json",
                                          "a/./x.json",
                                          ".hidden/x.json",
                                          "a/.x.json",
                                          "a\\x.json",
                                          "a/x.txt",
                                          "a/x.json/",
                                          "a/\nx.json",
                                          std::string("a/\0x.json", 9),
                                          "a/\xff.json",
                                          "a/b/c/d/e/f/g/h/i.json",
                                          std::string(600, 'a') + ".json"};
  for (const std::string& path : paths) {
    EXPECT_EQ(CheckBoardPath(path).code(), Code::kInvalidArgument) << path;
  }
}

TEST(BoardPathTest, NamesAreThoseOfTheLeaderboard) {
  EXPECT_EQ(RequestPath("org/model", false, "float16", "Original"),
            "org/model_eval_request_False_float16_Original.json");
  EXPECT_EQ(ResultPath("org/model", {1'700'000'000'999'999}),
            "org/model/result_2023-11-14 22:13:20.json");
}

TEST(BoardPathTest, LocalDirectoriesLoseTheFoldersAboveThem) {
  EXPECT_EQ(PublicModelName("org/model"), "org/model");
  EXPECT_EQ(PublicModelName("/home/user/models/my-model"), "local/my-model");
  EXPECT_EQ(PublicModelName("/home/user/my-model//"), "local/my-model");
  EXPECT_EQ(PublicModelName("/"), "local/root");
  EXPECT_EQ(PublicModelName("/x/.hidden"), "local/_.hidden");
}

TEST(BoardPathTest, TimesOfNamesAreReadInEveryVersion) {
  const WallTime time{1'700'000'000'000'000};
  EXPECT_EQ(TimeOfName("org/model/result_2023-11-14 22:13:20.json"), time);
  EXPECT_EQ(TimeOfName("org/model/results_2023-11-14T22-13-20.500000.json"),
            (WallTime{1'700'000'000'500'000}));
  EXPECT_EQ(TimeOfName("results_2023-11-14T22:13:20.5.json"), (WallTime{1'700'000'000'500'000}));
  EXPECT_EQ(TimeOfName("results_20231114_221320.json"), time);
  for (const char* path : {"org/model.json", "results_.json", "results_2023-13-14 22:13:20.json",
                           "result_2023-11-14 25:13:20.json", "resultat_20231114_221320.json"}) {
    EXPECT_FALSE(TimeOfName(path).has_value()) << path;
  }
}

TEST(BoardPathTest, IsoTimesHaveNothingBehindThem) {
  EXPECT_EQ(ParseIsoTime("2023-11-14T22:13:20Z"), (WallTime{1'700'000'000'000'000}));
  EXPECT_EQ(ParseIsoTime("2024-02-29T00:00:00.000001"), (WallTime{1'709'164'800'000'001}));
  EXPECT_EQ(ParseIsoTime("1970-01-01 00:00:00"), WallTime{});
  EXPECT_FALSE(ParseIsoTime("2023-11-14T22:13:20+09:00").has_value());
  EXPECT_FALSE(ParseIsoTime("yesterday").has_value());
}

}  // namespace
}  // namespace koeval::board
