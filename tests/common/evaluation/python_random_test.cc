// Draws of PythonRandom against what CPython 3.11 draws.
#include "common/evaluation/python_random.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace koeval::evaluation {
namespace {

using testing::ElementsAre;

std::vector<size_t> Range(size_t n) {
  std::vector<size_t> out(n);
  std::iota(out.begin(), out.end(), size_t{0});
  return out;
}

std::vector<size_t> Head(std::vector<size_t> items, size_t n) {
  items.resize(n);
  return items;
}

TEST(PythonRandomTest, WordsAreThoseOfCpython) {
  PythonRandom of42(42);
  EXPECT_EQ(of42.NextWord(), 2746317213U);
  EXPECT_EQ(of42.NextWord(), 478163327U);
  EXPECT_EQ(of42.NextWord(), 107420369U);
  EXPECT_EQ(of42.NextWord(), 3184935163U);
  PythonRandom of1234(1234);
  EXPECT_EQ(of1234.NextWord(), 4150886329U);
  EXPECT_EQ(of1234.NextWord(), 3342196574U);
  EXPECT_EQ(of1234.NextWord(), 1892932127U);
  EXPECT_EQ(of1234.NextWord(), 501869158U);
}

TEST(PythonRandomTest, SmallSamplesAreThoseOfCpython) {
  PythonRandom random(42);
  EXPECT_THAT(random.Sample(5, 2), ElementsAre(0, 4));
  EXPECT_THAT(random.Sample(5, 2), ElementsAre(2, 1));
  EXPECT_THAT(random.Sample(5, 2), ElementsAre(1, 4));
  EXPECT_THAT(random.Sample(5, 2), ElementsAre(0, 4));
  EXPECT_THAT(random.Sample(5, 2), ElementsAre(4, 3));
  EXPECT_THAT(random.Sample(5, 2), ElementsAre(0, 4));
  EXPECT_THAT(random.Sample(5, 2), ElementsAre(0, 1));
  EXPECT_THAT(random.Sample(5, 2), ElementsAre(1, 0));
}

TEST(PythonRandomTest, SampleContinuesAfterShuffle) {
  PythonRandom random(42);
  std::vector<size_t> items = Range(10);
  random.Shuffle(items);
  EXPECT_THAT(items, ElementsAre(7, 3, 2, 8, 5, 6, 9, 4, 0, 1));
  EXPECT_THAT(random.Sample(20, 5), ElementsAre(18, 13, 1, 0, 2));
}

TEST(PythonRandomTest, LargeShuffleAndSampleAreThoseOfCpython) {
  PythonRandom random(42);
  std::vector<size_t> items = Range(1172);
  random.Shuffle(items);
  EXPECT_THAT(Head(items, 8), ElementsAre(595, 716, 511, 906, 148, 368, 930, 121));
  EXPECT_THAT(Head(random.Sample(1119, 25), 10),
              ElementsAre(888, 201, 205, 908, 340, 613, 59, 94, 664, 114));
}

TEST(PythonRandomTest, SecondSampleGoesOnWhereTheFirstEnded) {
  PythonRandom random(1234);
  EXPECT_THAT(Head(random.Sample(1119, 25), 10),
              ElementsAre(902, 239, 15, 185, 71, 171, 201, 726, 484, 35));
  EXPECT_THAT(Head(random.Sample(1119, 25), 6), ElementsAre(954, 140, 182, 1054, 94, 552));
  PythonRandom other(1234);
  EXPECT_THAT(other.Sample(100, 5), ElementsAre(99, 56, 14, 0, 11));
  EXPECT_THAT(other.Sample(100, 5), ElementsAre(74, 4, 85, 88, 10));
}

TEST(PythonRandomTest, PoolAndSetBranchesMeetAt21) {
  EXPECT_THAT(PythonRandom(1234).Sample(21, 5), ElementsAre(14, 3, 0, 2, 1));
  EXPECT_THAT(PythonRandom(1234).Sample(22, 5), ElementsAre(14, 3, 0, 2, 18));
}

TEST(PythonRandomTest, ChoicesAreThoseOfCpython) {
  EXPECT_THAT(PythonRandom(0).Choices(10, 5), ElementsAre(8, 7, 4, 2, 5));
}

TEST(PythonRandomTest, SignOfTheSeedDoesNotMatter) {
  EXPECT_EQ(PythonRandom(-42).NextWord(), PythonRandom(42).NextWord());
}

TEST(PythonRandomTest, RandomIsThatOfCpython) {
  PythonRandom random(42);
  EXPECT_EQ(random.Random(), 0.6394267984578837);
  EXPECT_EQ(random.Random(), 0.025010755222666936);
}

TEST(PythonRandomTest, WideDrawsAndSeedsAreThoseOfCpython) {
  EXPECT_EQ(PythonRandom(7).GetRandBits(40), 1040772936760U);
  EXPECT_EQ(PythonRandom(7).GetRandBits(64), 17485029721327973432U);
  EXPECT_EQ(PythonRandom((int64_t{1} << 40) + 5).NextWord(), 2166296868U);
}

struct Edge {
  size_t population, count;
  std::vector<size_t> last_six;
};

TEST(PythonRandomTest, BranchesChangeWhereCpythonChangesThem) {
  for (const Edge& edge : std::vector<Edge>{{85, 6, {59, 78, 47, 34, 17, 23}},
                                            {86, 6, {59, 78, 47, 34, 17, 23}},
                                            {85, 21, {21, 57, 54, 20, 69, 30}},
                                            {86, 21, {21, 57, 54, 20, 30, 6}},
                                            {277, 22, {80, 263, 121, 26, 56, 67}},
                                            {278, 22, {121, 26, 56, 67, 259, 32}},
                                            {1000, 86, {434, 753, 871, 114, 611, 3}}}) {
    std::vector<size_t> drawn = PythonRandom(9).Sample(edge.population, edge.count);
    drawn.erase(drawn.begin(), drawn.end() - 6);
    EXPECT_EQ(drawn, edge.last_six) << edge.population << " " << edge.count;
  }
}
}  // namespace
}  // namespace koeval::evaluation
