// Parquet rows are those that pyarrow reads; what a row cannot hold, and damaged files, are
// refused.
#include "common/evaluation/parquet.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <random>

#include "common/base/file.h"
#include "common/evaluation/dataset.h"
#include "common/evaluation/task_folder.h"
#include "tests/common/temp_folder.h"

namespace koeval::evaluation {
namespace {

using ::testing::HasSubstr;

std::string Golden(const std::string& name) {
  return std::string(std::getenv("KOEVAL_SOURCE_DIR")) + "/tests/golden/parquet/" + name;
}

bool HasArrow() {
  return ReadParquetFile(Golden("rows.parquet")).status().code() != Code::kUnimplemented;
}

#define SKIP_WITHOUT_ARROW()                                                              \
  if (!HasArrow()) {                                                                      \
    GTEST_SKIP() << "this build cannot read Parquet; deploy/setup.sh --parquet installs " \
                    "what it needs";                                                      \
  }

TEST(ParquetTest, RowsAreThoseOfPyarrow) {
  SKIP_WITHOUT_ARROW();
  const auto rows = ReadParquetFile(Golden("rows.parquet"));
  ASSERT_TRUE(rows.ok()) << rows.status().ToString();
  const auto wanted = ReadDatasetFile(Golden("rows.jsonl"), {});
  ASSERT_TRUE(wanted.ok()) << wanted.status().ToString();
  ASSERT_EQ(rows->size(), wanted->size());
  for (size_t i = 0; i < rows->size(); ++i) EXPECT_EQ((*rows)[i].dump(), (*wanted)[i].dump()) << i;
}

TEST(ParquetTest, ColumnThatARowCannotHoldIsNamedWithItsRemedy) {
  SKIP_WITHOUT_ARROW();
  for (const char* kind : {"bytes", "time", "decimal", "map"}) {
    const std::string path = Golden(std::string("refused_") + kind + ".parquet");
    const auto rows = ReadParquetFile(path);
    EXPECT_EQ(rows.status().code(), Code::kUnimplemented) << kind;
    EXPECT_THAT(rows.status().message(), HasSubstr(path + ": column column is of type "));
    EXPECT_THAT(rows.status().message(), HasSubstr("convert the column"));
  }
}

TEST(ParquetTest, NumberThatIsNotFiniteIsNamedByColumnAndRow) {
  SKIP_WITHOUT_ARROW();
  const auto rows = ReadParquetFile(Golden("refused_not_finite.parquet"));
  EXPECT_EQ(rows.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(rows.status().message(),
              HasSubstr("column column, row 1: it is not a finite number"));
}

TEST(ParquetTest, MissingFileIsNotFound) {
  SKIP_WITHOUT_ARROW();
  EXPECT_EQ(ReadParquetFile(Golden("none.parquet")).status().code(), Code::kNotFound);
  EXPECT_EQ(ReadParquetFile(Golden("")).status().code(), Code::kNotFound);
}

TEST(ParquetTest, DamagedFilesAreRefusedOrReadAndNeverCrash) {
  SKIP_WITHOUT_ARROW();
  const auto bytes = ReadFile(Golden("rows.parquet"));
  ASSERT_TRUE(bytes.ok()) << bytes.status().ToString();
  const TempFolder folder;
  const std::string path = folder.File("damaged.parquet");
  constexpr uint32_t kSeed = 20241;
  std::mt19937 random(kSeed);
  int refused = 0;
  for (int round = 0; round < 400; ++round) {
    std::string damaged = *bytes;
    if (round % 4 == 0) {
      damaged.resize(random() % damaged.size());
    } else {
      for (uint32_t i = 0; i <= random() % 8; ++i) {
        damaged[random() % damaged.size()] = static_cast<char>(random());
      }
    }
    std::ofstream(path, std::ios::binary) << damaged;
    const auto rows = ReadParquetFile(path);
    if (rows.ok()) continue;
    ++refused;
    EXPECT_THAT(rows.status().message(), HasSubstr(path)) << "seed " << kSeed << " round " << round;
  }
  EXPECT_GT(refused, 200);
}

TEST(ParquetTest, TaskReadsItsSplitsByNameOfFileOrBuilder) {
  SKIP_WITHOUT_ARROW();
  const TempFolder folder;
  std::filesystem::create_directories(folder.File("rows"));
  std::filesystem::copy_file(Golden("rows.parquet"), folder.File("rows/test.parquet"));
  std::filesystem::copy_file(Golden("rows.parquet"), folder.File("no_name"));
  const std::string rest =
      "test_split: test\noutput_type: generate_until\ndoc_to_text: '{{question}}'\ndoc_to_target: "
      "'{{subject}}'\nmetric_list: [{metric: exact_match}]\n";
  std::ofstream(folder.File("folder.yaml")) << "task: folder\ndataset_path: rows\n" << rest;
  std::ofstream(folder.File("builder.yaml"))
      << "task: builder\ndataset_path: parquet\ndataset_kwargs: {data_files: {test: no_name}}\n"
      << rest;
  const auto selected = LoadSelection(folder.path(), {"folder", "builder"});
  ASSERT_TRUE(selected.ok()) << selected.status().ToString();
  ASSERT_EQ(selected->tasks.size(), 2U);
  for (const Task& task : selected->tasks) {
    EXPECT_EQ(task.docs.size(), 5U);
    EXPECT_EQ(task.docs[0]["subject"], "물리");
  }
}

TEST(ParquetTest, BuildWithoutArrowSaysHowToGetIt) {
  if (HasArrow()) GTEST_SKIP() << "this build reads Parquet";
  EXPECT_THAT(ReadParquetFile(Golden("rows.parquet")).status().message(),
              HasSubstr("deploy/setup.sh --parquet"));
}

}  // namespace
}  // namespace koeval::evaluation
