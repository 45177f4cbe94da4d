// Settings that change bits make another hardware class.
#include "common/base/hardware_class.h"

#include <gtest/gtest.h>

namespace koeval {
namespace {

TEST(HardwareClassTest, DefaultsLeaveTheClassAsItIs) {
  EXPECT_EQ(WithNumerics("cpu X; threads 1", {}), "cpu X; threads 1");
  EXPECT_EQ(NumericsOf("cpu X; threads 1").engine, "plan");
  EXPECT_EQ(NumericsOf("cpu X; threads 1").logits_dtype, "float32");
}

TEST(HardwareClassTest, EachSettingMakesAClassOfItsOwnAndCanBeReadBack) {
  const std::string plain = "cpu X; threads 1";
  const std::string naive = WithNumerics(plain, {"naive", "float32"});
  const std::string as_model = WithNumerics(plain, {"plan", "as_model"});
  const std::string both = WithNumerics(plain, {"naive", "as_model"});
  EXPECT_NE(naive, plain);
  EXPECT_NE(as_model, plain);
  EXPECT_NE(naive, as_model);
  EXPECT_EQ(NumericsOf(naive).engine, "naive");
  EXPECT_EQ(NumericsOf(naive).logits_dtype, "float32");
  EXPECT_EQ(NumericsOf(as_model).logits_dtype, "as_model");
  EXPECT_EQ(NumericsOf(both).engine, "naive");
  EXPECT_EQ(NumericsOf(both).logits_dtype, "as_model");
}

}  // namespace
}  // namespace koeval
