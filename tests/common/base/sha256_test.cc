// SHA-256 against the examples of FIPS 180-4.
#include "common/base/sha256.h"

#include <gtest/gtest.h>

namespace koeval {
namespace {

TEST(Sha256Test, KnownDigests) {
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(Sha256Hex(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256Test, PiecesAreTheWhole) {
  Sha256 hash;
  for (const char* piece : {"a", "", "b", "c"}) hash.Add(piece);
  EXPECT_EQ(hash.FinishHex(), Sha256Hex("abc"));
}

TEST(Sha256Test, NumbersAreEightLittleEndianBytes) {
  Sha256 hash;
  hash.AddInt(0x0102030405060708);
  hash.AddInt(-2);
  EXPECT_EQ(hash.FinishHex(), Sha256Hex(std::string("\x08\x07\x06\x05\x04\x03\x02\x01"
                                                    "\xfe\xff\xff\xff\xff\xff\xff\xff",
                                                    16)));
}

TEST(Sha256DeathTest, NothingIsAddedAfterTheEnd) {
  Sha256 hash;
  (void)hash.FinishHex();
  EXPECT_DEATH(hash.Add("x"), "SHA-256");
}

}  // namespace
}  // namespace koeval
