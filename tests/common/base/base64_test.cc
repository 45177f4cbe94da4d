// Base64: RFC 4648's own vectors, and what is refused.
#include "common/base/base64.h"

#include <gtest/gtest.h>

#include <utility>

namespace koeval {
namespace {

TEST(Base64Test, VectorsOfTheRfcAreDecoded) {
  for (const auto& [text, bytes] :
       {std::pair("", ""), std::pair("Zg==", "f"), std::pair("Zm8=", "fo"),
        std::pair("Zm9v", "foo"), std::pair("Zm9vYg==", "foob"), std::pair("Zm9vYmE=", "fooba"),
        std::pair("Zm9vYmFy", "foobar")}) {
    EXPECT_EQ(DecodeBase64(text), bytes) << text;
    EXPECT_EQ(EncodeBase64(bytes), text);
  }
}

TEST(Base64Test, EveryByteComesBack) {
  EXPECT_EQ(DecodeBase64("AAECA/3+/w=="), std::string("\x00\x01\x02\x03\xfd\xfe\xff", 7));
}

TEST(Base64Test, OtherTextsAreNone) {
  for (const char* text : {"Z", "Zg", "Zg=", "Zm9v\n", " Zm9v", "Zm9vYg==\n\n\n\n", "Zm-_",
                           "Z===", "====", "Zg==Zg==", "Zm9v====", "=Zg="}) {
    EXPECT_EQ(DecodeBase64(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace koeval
