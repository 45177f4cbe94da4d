// The safetensors reader on good, damaged and hostile files.
#include "common/model/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/common/model/checkpoint_maker.h"

namespace koeval::model {
namespace {

using testing::HasSubstr;

Result<std::vector<TensorInfo>> Parse(const std::string& file) {
  return ParseSafetensorsHeader(file, file.size(), "x.safetensors");
}

Result<std::vector<TensorInfo>> Parse(const std::string& header, const std::string& data) {
  return Parse(MakeSafetensors(header, data));
}

TEST(SafetensorsTest, TensorsComeInTheOrderOfTheirData) {
  const auto tensors = Parse(R"({"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]},)"
                             R"("a":{"dtype":"F16","shape":[1,2],"data_offsets":[0,4]}}   )",
                             std::string(12, 'x'));
  ASSERT_TRUE(tensors.ok()) << tensors.status().ToString();
  ASSERT_EQ(tensors->size(), 2u);
  EXPECT_EQ((*tensors)[0].name, "a");
  EXPECT_EQ((*tensors)[0].dtype, "F16");
  EXPECT_THAT((*tensors)[0].shape, testing::ElementsAre(1, 2));
  EXPECT_EQ((*tensors)[1].name, "b");
  EXPECT_EQ((*tensors)[1].end - (*tensors)[1].begin, 8u);
}

TEST(SafetensorsTest, ScalarsEmptyTensorsAndEmptyFilesAreLegal) {
  EXPECT_TRUE(Parse("{}", "").ok());
  const auto tensors = Parse(R"({"scalar":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
                             R"("empty":{"dtype":"F32","shape":[3,0],"data_offsets":[4,4]},)"
                             R"("__metadata__":{"format":"pt"}})",
                             "abcd");
  ASSERT_TRUE(tensors.ok()) << tensors.status().ToString();
  EXPECT_EQ(tensors->size(), 2u);
}

TEST(SafetensorsTest, OpenMapsTheBytes) {
  const ScratchModel scratch;
  scratch.WriteFile("m.safetensors", MakeSafetensors({{"w", "U8", {4}, "abcd"}}));
  const auto file = SafetensorsFile::Open(scratch.dir() + "/m.safetensors");
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  EXPECT_EQ((*file)->Bytes((*file)->tensors()[0]), "abcd");
  EXPECT_EQ(SafetensorsFile::Open(scratch.dir() + "/none").status().code(), Code::kNotFound);
}

struct Hostile {
  const char* name;
  std::string header;
  std::string data;
  const char* problem;
};

void PrintTo(const Hostile& hostile, std::ostream* out) {
  *out << hostile.name;
}

// One tensor "t" with these fields.
std::string One(const std::string& fields) {
  return R"({"t":{)" + fields + "}}";
}

std::vector<Hostile> HostileHeaders() {
  const std::string eight(8, 'x');
  return {
      {"NotAnObject", "[1]", "", "does not begin with '{'"},
      {"LeadingSpace", " {}", "", "does not begin with '{'"},
      {"EmptyHeader", "", "", "does not begin with '{'"},
      {"BrokenJson", R"({"t":)", "", "header: "},
      {"InvalidUtf8", "{\"\xff\":1}", "", "header: "},
      {"TrailingText", "{} x", "", "header: "},
      {"DuplicateTensor",
       R"({"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
       R"("t":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
       eight, "duplicate key"},
      {"DuplicateField", R"({"t":{"dtype":"U8","dtype":"U8","shape":[8],"data_offsets":[0,8]}})",
       eight, "duplicate key"},
      {"DeepNesting", One(R"("dtype":"U8","shape":[[[[[8]]]]],"data_offsets":[0,8])"), eight,
       "header: "},
      {"EntryIsNoObject", R"({"t":[1]})", eight, "is no object"},
      {"UnknownField", One(R"("dtype":"U8","shape":[8],"data_offsets":[0,8],"z":1)"), eight,
       "unknown fields"},
      {"NoDtype", One(R"("shape":[8],"data_offsets":[0,8])"), eight, "\"dtype\""},
      {"UnknownDtype", One(R"("dtype":"F128","shape":[8],"data_offsets":[0,8])"), eight, "F128"},
      {"NoShape", One(R"("dtype":"U8","data_offsets":[0,8])"), eight, "\"shape\""},
      {"NegativeShape", One(R"("dtype":"U8","shape":[-8],"data_offsets":[0,8])"), eight, "no size"},
      {"FractionalShape", One(R"("dtype":"U8","shape":[8.0],"data_offsets":[0,8])"), eight,
       "no size"},
      {"HugeDimension", One(R"("dtype":"U8","shape":[18446744073709551615],"data_offsets":[0,8])"),
       eight, "no size"},
      {"OverflowingShape",
       One(R"("dtype":"U8","shape":[4294967296,4294967296,8],"data_offsets":[0,8])"), eight,
       "overflows"},
      {"OverflowingBits",
       One(R"("dtype":"F64","shape":[9223372036854775807],"data_offsets":[0,8])"), eight,
       "overflows"},
      {"HiddenOverflow",
       One(R"("dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,8])"), eight,
       "need"},
      {"NoOffsets", One(R"("dtype":"U8","shape":[8])"), eight, "data_offsets"},
      {"ThreeOffsets", One(R"("dtype":"U8","shape":[8],"data_offsets":[0,8,8])"), eight,
       "data_offsets"},
      {"ReversedOffsets", One(R"("dtype":"U8","shape":[8],"data_offsets":[8,0])"), eight,
       "data_offsets"},
      {"NegativeOffset", One(R"("dtype":"U8","shape":[8],"data_offsets":[-8,0])"), eight,
       "data_offsets"},
      {"OffsetsOverflow",
       One(R"("dtype":"U8","shape":[8],"data_offsets":[9223372036854775800,9223372036854775808])"),
       eight, "data_offsets"},
      {"FarOffsets",
       One(R"("dtype":"U8","shape":[8],"data_offsets":[9223372036854775799,9223372036854775807])"),
       eight, "a hole"},
      {"SizeMismatch", One(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])"), eight,
       "8 bytes of data, its shape and dtype need 12"},
      {"HalfByte", One(R"("dtype":"F4","shape":[3],"data_offsets":[0,1])"), "x", "need"},
      {"Hole",
       R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
       R"("b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
       eight, "a hole"},
      {"HoleAtStart", One(R"("dtype":"U8","shape":[4],"data_offsets":[4,8])"), eight, "a hole"},
      {"Overlap",
       R"({"a":{"dtype":"U8","shape":[6],"data_offsets":[0,6]},)"
       R"("b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
       eight, "an overlap"},
      {"SameBytesTwice",
       R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},)"
       R"("b":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}})",
       eight, "an overlap"},
      {"TrailingBytes", One(R"("dtype":"U8","shape":[4],"data_offsets":[0,4])"), eight,
       "the tensors end at byte"},
      {"MissingBytes", One(R"("dtype":"U8","shape":[16],"data_offsets":[0,16])"), eight,
       "the tensors end at byte"},
      {"MetadataNoObject", R"({"__metadata__":[]})", "", "__metadata__"},
      {"MetadataNumber", R"({"__metadata__":{"a":1}})", "", "__metadata__"},
  };
}

class HostileHeaderTest : public testing::TestWithParam<Hostile> {};

TEST_P(HostileHeaderTest, IsRefusedWithItsProblem) {
  const auto tensors = Parse(GetParam().header, GetParam().data);
  ASSERT_FALSE(tensors.ok());
  EXPECT_EQ(tensors.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(tensors.status().message(), HasSubstr("BAD_CHECKPOINT: x.safetensors: "));
  EXPECT_THAT(tensors.status().message(), HasSubstr(GetParam().problem));
}

INSTANTIATE_TEST_SUITE_P(Headers, HostileHeaderTest, testing::ValuesIn(HostileHeaders()),
                         [](const auto& hostile) { return hostile.param.name; });

TEST(HostileFileTest, HeaderLengthsThatLieAreRefused) {
  EXPECT_THAT(Parse("").status().message(), HasSubstr("shorter"));
  EXPECT_THAT(Parse("1234567").status().message(), HasSubstr("shorter"));
  EXPECT_THAT(Parse(std::string(8, '\xff')).status().message(), HasSubstr("at most 100000000"));
  std::string longer = MakeSafetensors("{}", "");
  longer[0] = 3;
  EXPECT_THAT(Parse(longer).status().message(), HasSubstr("claims 3 bytes"));
  const uint64_t just_over = 100'000'001;
  std::string over;
  for (int i = 0; i < 8; ++i) over += static_cast<char>(just_over >> (8 * i) & 0xff);
  EXPECT_THAT(Parse(over).status().message(), HasSubstr("at most"));
}

// Whatever the bytes are: an error, or tensors that lie inside the file.
TEST(HostileFileTest, RandomDamageNeverLeadsOutOfTheFile) {
  const std::string good = MakeSafetensors({{"a", "F32", {2, 3}, std::string(24, 'a')},
                                            {"b", "BF16", {4}, std::string(8, 'b')},
                                            {"c", "I64", {}, std::string(8, 'c')}});
  int refused = 0;
  constexpr uint64_t kSeed = 20240101;
  std::mt19937_64 random(kSeed);
  for (int round = 0; round < 20'000; ++round) {
    std::string bad = good;
    const int changes = 1 + static_cast<int>(random() % 3);
    for (int i = 0; i < changes; ++i) bad[random() % bad.size()] = static_cast<char>(random());
    if (random() % 4 == 0) bad.resize(random() % (bad.size() + 1));
    const auto tensors = Parse(bad);
    refused += tensors.ok() ? 0 : 1;
    if (!tensors.ok()) continue;
    for (const TensorInfo& info : *tensors) {
      ASSERT_LE(info.begin, info.end) << "seed " << kSeed << ", round " << round;
      ASSERT_LE(info.end, bad.size()) << "seed " << kSeed << ", round " << round;
    }
  }
  EXPECT_GT(refused, 10'000);
}

}  // namespace
}  // namespace koeval::model
