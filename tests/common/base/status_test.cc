// Status, Result and the macros over them.
#include "common/base/status.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

namespace koeval {
namespace {

TEST(StatusTest, DefaultIsOk) {
  EXPECT_TRUE(Status().ok());
  EXPECT_EQ(OkStatus().ToString(), "OK");
  EXPECT_EQ(OkStatus().code(), Code::kOk);
}

TEST(StatusTest, EveryCodeHasItsOwnName) {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(Code::kUnauthenticated); ++code) {
    names.insert(CodeName(static_cast<Code>(code)));
  }
  EXPECT_EQ(names.size(), 17u);
  EXPECT_EQ(CodeName(Code::kUnauthenticated), "UNAUTHENTICATED");
  EXPECT_EQ(CodeName(static_cast<Code>(99)), "UNKNOWN");
  EXPECT_EQ(CodeName(static_cast<Code>(-1)), "UNKNOWN");
}

TEST(StatusTest, MakersSetTheirCode) {
  EXPECT_EQ(InvalidArgument("x").ToString(), "INVALID_ARGUMENT: x");
  EXPECT_EQ(NotFound("x").code(), Code::kNotFound);
  EXPECT_EQ(AlreadyExists("x").code(), Code::kAlreadyExists);
  EXPECT_EQ(PermissionDenied("x").code(), Code::kPermissionDenied);
  EXPECT_EQ(ResourceExhausted("x").code(), Code::kResourceExhausted);
  EXPECT_EQ(FailedPrecondition("x").code(), Code::kFailedPrecondition);
  EXPECT_EQ(Aborted("x").code(), Code::kAborted);
  EXPECT_EQ(OutOfRange("x").code(), Code::kOutOfRange);
  EXPECT_EQ(Unimplemented("x").code(), Code::kUnimplemented);
  EXPECT_EQ(Internal("x").code(), Code::kInternal);
  EXPECT_EQ(Unavailable("x").code(), Code::kUnavailable);
  EXPECT_EQ(DataLoss("x").code(), Code::kDataLoss);
  EXPECT_EQ(DeadlineExceeded("x").code(), Code::kDeadlineExceeded);
  EXPECT_EQ(Unauthenticated("x").code(), Code::kUnauthenticated);
}

TEST(StatusTest, ContextGoesInFrontOfErrorsOnly) {
  EXPECT_EQ(NotFound("gone").WithContext("row 3").ToString(), "NOT_FOUND: row 3: gone");
  EXPECT_TRUE(OkStatus().WithContext("row 3").ok());
  EXPECT_EQ(OkStatus().WithContext("row 3").message(), "");
}

Result<int> Half(int value) {
  if (value % 2 != 0) return InvalidArgument("odd");
  return value / 2;
}

Result<int> Quarter(int value) {
  ASSIGN_OR_RETURN(const int half, Half(value));
  ASSIGN_OR_RETURN(const int quarter, Half(half));
  return quarter;
}

Status Check(int value, int& evaluations) {
  RETURN_IF_ERROR((++evaluations, Half(value).status()));
  return OkStatus();
}

TEST(ResultTest, HoldsAValueOrTheReason) {
  EXPECT_EQ(*Half(4), 2);
  EXPECT_TRUE(Half(4).status().ok());
  EXPECT_EQ(Half(3).status().message(), "odd");
}

TEST(ResultTest, MacrosPassTheFirstErrorOn) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(7).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(Quarter(6).status().code(), Code::kInvalidArgument);
  int evaluations = 0;
  EXPECT_TRUE(Check(2, evaluations).ok());
  EXPECT_FALSE(Check(1, evaluations).ok());
  EXPECT_EQ(evaluations, 2);
}

TEST(ResultTest, MoveOnlyValuesMoveOut) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(7));
  EXPECT_EQ(**result, 7);
  const std::unique_ptr<int> value = *std::move(result);
  EXPECT_EQ(*value, 7);
}

TEST(ResultDeathTest, ReadingAMissingValueAborts) {
  const Result<int> failed = InvalidArgument("no value, and why");
  EXPECT_DEATH((void)*failed, "no value, and why");
  EXPECT_DEATH((void)failed.value(), "check failed");
  EXPECT_DEATH((void)Result<int>(OkStatus()), "needs a failed Status");
}

}  // namespace
}  // namespace koeval
