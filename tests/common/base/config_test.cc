// Configuration files: values, places of errors, bounds.
#include "common/base/config.h"

#include <gtest/gtest.h>

#include <string>

#include "common/base/file.h"
#include "tests/common/temp_folder.h"

namespace koeval {
namespace {

ConfigMap Parsed(const std::string& text) {
  auto map = ConfigMap::Parse(text, "k.yaml");
  EXPECT_TRUE(map.ok()) << map.status().ToString();
  return *std::move(map);
}

std::string ParseError(const std::string& text) {
  const auto map = ConfigMap::Parse(text, "k.yaml");
  if (map.ok()) return "";
  EXPECT_EQ(map.status().code(), Code::kInvalidArgument);
  return map.status().message();
}

bool Contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(ConfigTest, GivesWhatIsThereAndTheFallbackElsewhere) {
  ConfigMap map = Parsed(
      "name: node-1\nport: 7711\nquick: true\ngrace: 5min\nroots: [/a, /b]\ntls:\n  cert: c.pem\n");
  EXPECT_EQ(map.String("name", "x"), "node-1");
  EXPECT_EQ(map.Int("port", 1, 1, 65535), 7711);
  EXPECT_TRUE(map.Bool("quick", false));
  EXPECT_EQ(map.DurationMs("grace", 1, 0, 1'000'000), 300'000);
  EXPECT_EQ(map.Strings("roots"), (std::vector<std::string>{"/a", "/b"}));
  ConfigMap tls = map.Map("tls");
  EXPECT_EQ(tls.String("cert", ""), "c.pem");
  EXPECT_TRUE(tls.Finish().ok());
  EXPECT_EQ(map.String("other", "x"), "x");
  EXPECT_EQ(map.Int("other2", 3, 1, 5), 3);
  EXPECT_TRUE(map.Bool("other3", true));
  EXPECT_EQ(map.DurationMs("other4", 9, 0, 10), 9);
  EXPECT_TRUE(map.Strings("other5").empty());
  EXPECT_TRUE(map.Map("other6").Finish().ok());
  EXPECT_TRUE(map.Maps("other7").empty());
  EXPECT_TRUE(map.Has("name"));
  EXPECT_FALSE(map.Has("other"));
  EXPECT_TRUE(map.Finish().ok());
}

TEST(ConfigTest, EmptyTextIsAnEmptyMapping) {
  for (const char* text : {"", "\n# only a comment\n", "---\n", "~\n"}) {
    EXPECT_TRUE(Parsed(text).Finish().ok()) << text;
  }
}

TEST(ConfigTest, UnknownKeysAreNamedWithTheirLine) {
  ConfigMap map = Parsed("port: 1\nprot: 2\n");
  (void)map.Int("port", 1, 1, 9);
  const Status status = map.Finish();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_TRUE(Contains(status.message(), "k.yaml:2: unknown key \"prot\"; known keys are port"))
      << status.message();
  ConfigMap nested = Parsed("tls:\n  cart: x\n");
  EXPECT_TRUE(Contains(nested.Map("tls").Finish().message(), "k.yaml:2: unknown key \"tls.cart\""));
}

TEST(ConfigTest, FirstErrorSticks) {
  ConfigMap map = Parsed("a: x\nb: y\n");
  EXPECT_EQ(map.Int("a", 4, 1, 9), 4);
  EXPECT_FALSE(map.Bool("b", false));
  map.Fail("b", "is wrong");
  EXPECT_EQ(map.Finish().message(), "k.yaml:1: a must be a whole number from 1 to 9, found \"x\"");
}

TEST(ConfigTest, CallersErrorsNameTheKey) {
  ConfigMap map = Parsed("a: x\nb: y\n");
  (void)map.String("a", "");
  (void)map.String("b", "");
  map.Fail("b", "is no folder");
  EXPECT_EQ(map.Finish().message(), "k.yaml:2: b is no folder");
}

TEST(ConfigTest, IntegersAreWholeAndInRange) {
  for (const char* value : {"0", "10", "1.5", "1e3", "0x5", "five", "''", "5 apples", "[5]", "{}",
                            "99999999999999999999", ""}) {
    ConfigMap map = Parsed(std::string("n: ") + value);
    EXPECT_EQ(map.Int("n", 7, 1, 9), 7) << value;
    EXPECT_FALSE(map.Finish().ok()) << value;
  }
  ConfigMap map = Parsed("low: 1\nhigh: 9\n");
  EXPECT_EQ(map.Int("low", 7, 1, 9), 1);
  EXPECT_EQ(map.Int("high", 7, 1, 9), 9);
  EXPECT_TRUE(map.Finish().ok());
}

TEST(ConfigTest, DurationsNeedAUnit) {
  const auto ms = [](const std::string& value) {
    ConfigMap map = Parsed("d: " + value);
    const int64_t out = map.DurationMs("d", -1, 0, 1'000'000'000'000);
    return map.Finish().ok() ? out : -1;
  };
  EXPECT_EQ(ms("250ms"), 250);
  EXPECT_EQ(ms("10s"), 10'000);
  EXPECT_EQ(ms("5min"), 300'000);
  EXPECT_EQ(ms("2h"), 7'200'000);
  EXPECT_EQ(ms("3d"), 259'200'000);
  EXPECT_EQ(ms("0s"), 0);
  for (const char* value : {"10", "s", "1.5s", "-1s", "10 s", "10m", "99999999999999999999s",
                            "9223372036854775807d", "1000001h00"}) {
    EXPECT_EQ(ms(value), -1) << value;
  }
}

TEST(ConfigTest, BoolsAreTrueOrFalse) {
  for (const char* value : {"yes", "True", "1", "[]"}) {
    ConfigMap map = Parsed(std::string("b: ") + value);
    EXPECT_FALSE(map.Bool("b", false));
    EXPECT_FALSE(map.Finish().ok()) << value;
  }
}

TEST(ConfigTest, ListsAndMappingsMustBeThat) {
  for (const char* text : {"v: x", "v: {a: b}", "v: [[a]]", "v: [{a: b}]"}) {
    ConfigMap map = Parsed(text);
    EXPECT_TRUE(map.Strings("v").empty());
    EXPECT_FALSE(map.Finish().ok()) << text;
  }
  for (const char* text : {"v: x", "v: [a]"}) {
    ConfigMap as_map = Parsed(text);
    EXPECT_TRUE(as_map.Map("v").Finish().ok());
    EXPECT_FALSE(as_map.Finish().ok()) << text;
    ConfigMap as_list = Parsed(text);
    EXPECT_TRUE(as_list.Maps("v").empty());
    EXPECT_FALSE(as_list.Finish().ok()) << text;
  }
}

TEST(ConfigTest, MappingsOfAListHaveTheirPlaces) {
  ConfigMap map = Parsed("tasks:\n  - name: a\n  - name: b\n    shots: many\n");
  auto tasks = map.Maps("tasks");
  ASSERT_EQ(tasks.size(), 2u);
  EXPECT_EQ(tasks[0].String("name", ""), "a");
  EXPECT_TRUE(tasks[0].Finish().ok());
  EXPECT_EQ(tasks[1].String("name", ""), "b");
  EXPECT_EQ(tasks[1].Int("shots", 0, 0, 9), 0);
  EXPECT_TRUE(Contains(tasks[1].Finish().message(), "k.yaml:4: tasks[1].shots"));
  EXPECT_TRUE(map.Finish().ok());
}

TEST(ConfigTest, BadTextsAreRefused) {
  EXPECT_TRUE(Contains(ParseError("a: [1\n"), "k.yaml:"));
  EXPECT_TRUE(Contains(ParseError("a: *nobody\n"), "not valid YAML"));
  EXPECT_TRUE(Contains(ParseError("- a\n- b\n"), "top level"));
  EXPECT_TRUE(Contains(ParseError("text"), "top level"));
  EXPECT_TRUE(Contains(ParseError("a: 1\na: 2\n"), "line 2: key \"a\" is given twice"));
  EXPECT_TRUE(Contains(ParseError("x:\n  - {b: 1, b: 2}\n"), "key \"b\" is given twice"));
  EXPECT_TRUE(Contains(ParseError("a: 1\n---\nb: 2\n"), "more than one document"));
  EXPECT_NE(ParseError("a: " + std::string(100'000, '[')), "");
}

// Aliases can make endless or exponential structure out of a few lines.
TEST(ConfigTest, AliasesCannotMakeItHuge) {
  EXPECT_TRUE(Contains(ParseError("a: &x [*x]\n"), "nested deeper"));
  EXPECT_TRUE(Contains(ParseError("a: &x {b: *x}\n"), "nested deeper"));
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    std::string line = "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 9; ++j) line += (j > 0 ? ", *a" : "*a") + std::to_string(i - 1);
    text += line + "]\n";
  }
  EXPECT_TRUE(Contains(ParseError(text), "over 100000 values"));
}

TEST(ConfigTest, LoadNamesTheFile) {
  const TempFolder folder;
  const std::string path = folder.File("config.yaml");
  ASSERT_TRUE(WriteFileAtomically(path, "a: b\n").ok());
  auto map = ConfigMap::Load(path);
  ASSERT_TRUE(map.ok());
  EXPECT_TRUE(Contains(map->Finish().message(), path + ":1"));
  EXPECT_EQ(ConfigMap::Load(path + ".none").status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace koeval
