// Fills the tables from Oniguruma's code point ranges, and where the reference differs from them.
#include "common/tokenizer/unicode_class.h"

#include <oniguruma.h>

#include <algorithm>
#include <string>

#include "common/base/check.h"
#include "common/tokenizer/unicode_late.h"
#include "common/tokenizer/unicode_reference.h"

namespace koeval::tokenizer {
namespace {

using Table = std::array<uint8_t, kCodePoints>;

void MarkRanges(Table& table, int ctype, uint8_t bit) {
  OnigCodePoint single_byte_end = 0;
  const OnigCodePoint* ranges = nullptr;
  const int status = ONIG_ENCODING_UTF8->get_ctype_code_range(static_cast<OnigCtype>(ctype),
                                                              &single_byte_end, &ranges);
  KOEVAL_CHECK(status == 0 && ranges != nullptr, "Oniguruma has no ranges for a class");
  // ranges[0] pairs of first and last code point follow.
  for (OnigCodePoint i = 0; i < ranges[0]; ++i) {
    for (OnigCodePoint c = ranges[1 + 2 * i]; c <= ranges[2 + 2 * i] && c < kCodePoints; ++c) {
      table[c] = static_cast<uint8_t>(table[c] | bit);
    }
  }
}

void MarkProperty(Table& table, std::string name, uint8_t bit) {
  auto* begin = reinterpret_cast<OnigUChar*>(name.data());
  const int ctype =
      ONIG_ENCODING_UTF8->property_name_to_ctype(ONIG_ENCODING_UTF8, begin, begin + name.size());
  KOEVAL_CHECK(ctype >= 0, "Oniguruma does not know a Unicode property");
  MarkRanges(table, ctype, bit);
}

void FillLate(Table& table) {
  for (const LateRange& late : LateRanges()) {
    std::fill(table.begin() + late.first, table.begin() + late.last + 1, table[late.stand_in]);
  }
}

void Flip(Table& table, std::span<const CodePointRange> ranges, uint8_t bit) {
  for (const CodePointRange& range : ranges) {
    for (char32_t c = range.first; c <= range.last; ++c) {
      table[c] = static_cast<uint8_t>(table[c] ^ bit);
    }
  }
}

std::unique_ptr<Table> BuildTable() {
  OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
  KOEVAL_CHECK(onig_initialize(encodings, 1) == ONIG_NORMAL, "Oniguruma does not start");
  auto table = std::make_unique<Table>();
  table->fill(0);
  MarkProperty(*table, "L", kLetter);
  MarkProperty(*table, "N", kNumber);
  MarkRanges(*table, ONIGENC_CTYPE_SPACE, kSpace);
  MarkProperty(*table, "M", kMark);
  MarkProperty(*table, "P", kPunctuation);
  for (char c : std::string_view("$+<=>^`|~")) {  // ASCII punctuation that Unicode calls symbols
    auto& bits = (*table)[static_cast<unsigned char>(c)];
    bits = static_cast<uint8_t>(bits | kPunctuation);
  }
  for (const char* name : {"Alphabetic", "M", "Nd", "Pc", "Join_Control"}) {
    MarkProperty(*table, name, kWord);
  }
  MarkProperty(*table, "Mn", kNonspacing);
  for (const char* name : {"Cc", "Cf", "Co"}) MarkProperty(*table, name, kOther);
  FillLate(*table);
  Flip(*table, DifferingAccents(), kMark);
  Flip(*table, DifferingNonspacing(), kNonspacing);
  Flip(*table, DifferingPunctuation(), kPunctuation);
  Flip(*table, DifferingOther(), kOther);
  return table;
}

std::unique_ptr<Table> BuildCaseTable() {
  ClassTable();  // starts Oniguruma
  auto table = std::make_unique<Table>();
  table->fill(0);
  for (const char* name : {"Lu", "Lt", "Lm", "Lo", "M"}) MarkProperty(*table, name, kUpperLike);
  for (const char* name : {"Ll", "Lm", "Lo", "M"}) MarkProperty(*table, name, kLowerLike);
  FillLate(*table);
  return table;
}

}  // namespace

const std::array<uint8_t, kCodePoints>& ClassTable() {
  static const std::unique_ptr<Table> table = BuildTable();
  return *table;
}

const std::array<uint8_t, kCodePoints>& CaseTable() {
  static const std::unique_ptr<Table> table = BuildCaseTable();
  return *table;
}

}  // namespace koeval::tokenizer
