// Status to grpc::Status and back.
#include "common/rpc/status_convert.h"

#include <gtest/gtest.h>

#include <string>

#include "common/base/utf8.h"

namespace koeval::rpc {
namespace {

TEST(StatusConvert, EveryCodeSurvivesBothWays) {
  EXPECT_TRUE(ToGrpc(OkStatus()).ok());
  EXPECT_TRUE(FromGrpc(grpc::Status::OK).ok());
  for (int code = 1; code <= static_cast<int>(Code::kUnauthenticated); ++code) {
    const Status status(static_cast<Code>(code), "why");
    const grpc::Status converted = ToGrpc(status);
    EXPECT_EQ(static_cast<int>(converted.error_code()), code);
    EXPECT_EQ(converted.error_message(), "why");
    EXPECT_EQ(FromGrpc(converted).code(), status.code());
    EXPECT_EQ(FromGrpc(converted).message(), "why");
  }
}

TEST(StatusConvert, NamesOfCodesAreThoseOfGrpc) {
  EXPECT_EQ(ToGrpc(Unauthenticated("x")).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(ToGrpc(DataLoss("x")).error_code(), grpc::StatusCode::DATA_LOSS);
  EXPECT_EQ(ToGrpc(ResourceExhausted("x")).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST(StatusConvert, CodesThatNobodyKnowsBecomeUnknown) {
  // What a newer peer could send.
  const auto code = static_cast<grpc::StatusCode>(17);
  EXPECT_EQ(FromGrpc(grpc::Status(code, "x")).code(), Code::kUnknown);
}

TEST(StatusConvert, LongMessagesAreCutBetweenCharacters) {
  for (size_t shift = 0; shift < 3; ++shift) {
    std::string message(shift, 'x');
    while (message.size() < 9'000) message += "한";
    const std::string cut = ToGrpc(Internal(message)).error_message();
    EXPECT_LE(cut.size(), 4'000u);
    EXPECT_GT(cut.size(), 3'990u);
    EXPECT_TRUE(IsValidUtf8(cut));
    EXPECT_TRUE(message.starts_with(cut));
  }
  const std::string fits(4'000, 'x');
  EXPECT_EQ(ToGrpc(Internal(fits)).error_message(), fits);
}

}  // namespace
}  // namespace koeval::rpc
