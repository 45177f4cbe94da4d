// Scripts from Oniguruma's tables, without what came after the Unicode version of the reference.
#include "common/tokenizer/unicode_script.h"

#include <oniguruma.h>

#include <memory>
#include <string>

#include "common/base/check.h"
#include "common/tokenizer/unicode_reference.h"

namespace koeval::tokenizer {
namespace {

using Table = std::array<uint8_t, kCodePoints>;

// Hiragana and Katakana are left out: they count as Han.
constexpr auto kScripts = std::to_array<const char*>({"Adlam",
                                                      "Ahom",
                                                      "Anatolian_Hieroglyphs",
                                                      "Arabic",
                                                      "Armenian",
                                                      "Avestan",
                                                      "Balinese",
                                                      "Bamum",
                                                      "Bassa_Vah",
                                                      "Batak",
                                                      "Bengali",
                                                      "Bhaiksuki",
                                                      "Bopomofo",
                                                      "Brahmi",
                                                      "Braille",
                                                      "Buginese",
                                                      "Buhid",
                                                      "Canadian_Aboriginal",
                                                      "Carian",
                                                      "Caucasian_Albanian",
                                                      "Chakma",
                                                      "Cham",
                                                      "Cherokee",
                                                      "Common",
                                                      "Coptic",
                                                      "Cuneiform",
                                                      "Cypriot",
                                                      "Cyrillic",
                                                      "Deseret",
                                                      "Devanagari",
                                                      "Duployan",
                                                      "Egyptian_Hieroglyphs",
                                                      "Elbasan",
                                                      "Ethiopic",
                                                      "Georgian",
                                                      "Glagolitic",
                                                      "Gothic",
                                                      "Grantha",
                                                      "Greek",
                                                      "Gujarati",
                                                      "Gurmukhi",
                                                      "Han",
                                                      "Hangul",
                                                      "Hanunoo",
                                                      "Hatran",
                                                      "Hebrew",
                                                      "Imperial_Aramaic",
                                                      "Inherited",
                                                      "Inscriptional_Pahlavi",
                                                      "Inscriptional_Parthian",
                                                      "Javanese",
                                                      "Kaithi",
                                                      "Kannada",
                                                      "Kayah_Li",
                                                      "Kharoshthi",
                                                      "Khmer",
                                                      "Khojki",
                                                      "Khudawadi",
                                                      "Lao",
                                                      "Latin",
                                                      "Lepcha",
                                                      "Limbu",
                                                      "Linear_A",
                                                      "Linear_B",
                                                      "Lisu",
                                                      "Lycian",
                                                      "Lydian",
                                                      "Mahajani",
                                                      "Malayalam",
                                                      "Mandaic",
                                                      "Manichaean",
                                                      "Marchen",
                                                      "Meetei_Mayek",
                                                      "Mende_Kikakui",
                                                      "Meroitic_Cursive",
                                                      "Meroitic_Hieroglyphs",
                                                      "Miao",
                                                      "Modi",
                                                      "Mongolian",
                                                      "Mro",
                                                      "Multani",
                                                      "Myanmar",
                                                      "Nabataean",
                                                      "New_Tai_Lue",
                                                      "Newa",
                                                      "Nko",
                                                      "Ogham",
                                                      "Ol_Chiki",
                                                      "Old_Hungarian",
                                                      "Old_Italic",
                                                      "Old_North_Arabian",
                                                      "Old_Permic",
                                                      "Old_Persian",
                                                      "Old_South_Arabian",
                                                      "Old_Turkic",
                                                      "Oriya",
                                                      "Osage",
                                                      "Osmanya",
                                                      "Pahawh_Hmong",
                                                      "Palmyrene",
                                                      "Pau_Cin_Hau",
                                                      "Phags_Pa",
                                                      "Phoenician",
                                                      "Psalter_Pahlavi",
                                                      "Rejang",
                                                      "Runic",
                                                      "Samaritan",
                                                      "Saurashtra",
                                                      "Sharada",
                                                      "Shavian",
                                                      "Siddham",
                                                      "SignWriting",
                                                      "Sinhala",
                                                      "Sora_Sompeng",
                                                      "Sundanese",
                                                      "Syloti_Nagri",
                                                      "Syriac",
                                                      "Tagalog",
                                                      "Tagbanwa",
                                                      "Tai_Le",
                                                      "Tai_Tham",
                                                      "Tai_Viet",
                                                      "Takri",
                                                      "Tamil",
                                                      "Tangut",
                                                      "Telugu",
                                                      "Thaana",
                                                      "Thai",
                                                      "Tibetan",
                                                      "Tifinagh",
                                                      "Tirhuta",
                                                      "Ugaritic",
                                                      "Vai",
                                                      "Warang_Citi",
                                                      "Yi"});

// Code points that have a script in Oniguruma's tables but none in those of the reference, which
// are of Unicode 9. Code points without any script may lie inside.
constexpr CodePointRange kWithoutScript[] = {
    {0x560, 0x560},     {0x588, 0x588},     {0x5ef, 0x5ef},     {0x61d, 0x61d},
    {0x7fd, 0x7ff},     {0x860, 0x89f},     {0x8b5, 0x8b5},     {0x8be, 0x8d3},
    {0x9fc, 0x9fe},     {0xa76, 0xa76},     {0xafa, 0xaff},     {0xb55, 0xb55},
    {0xc04, 0xc04},     {0xc3c, 0xc3c},     {0xc5d, 0xc5d},     {0xc77, 0xc77},
    {0xc84, 0xc84},     {0xcdd, 0xcdd},     {0xd00, 0xd00},     {0xd04, 0xd04},
    {0xd3b, 0xd3c},     {0xd81, 0xd81},     {0xe86, 0xe86},     {0xe89, 0xe89},
    {0xe8c, 0xe8c},     {0xe8e, 0xe93},     {0xe98, 0xe98},     {0xea0, 0xea0},
    {0xea8, 0xea9},     {0xeac, 0xeac},     {0xeba, 0xeba},     {0x170d, 0x170d},
    {0x1715, 0x171f},   {0x180f, 0x180f},   {0x1878, 0x1878},   {0x1abf, 0x1ace},
    {0x1b4c, 0x1b4c},   {0x1b7d, 0x1b7e},   {0x1c90, 0x1cbf},   {0x1cf7, 0x1cf7},
    {0x1cfa, 0x1cfa},   {0x1df6, 0x1dfa},   {0x20bf, 0x20c0},   {0x23ff, 0x23ff},
    {0x2b97, 0x2b97},   {0x2bba, 0x2bbc},   {0x2bc9, 0x2bc9},   {0x2bd2, 0x2beb},
    {0x2bf0, 0x2bff},   {0x2c2f, 0x2c2f},   {0x2c5f, 0x2c5f},   {0x2e45, 0x2e5d},
    {0x312e, 0x312f},   {0x31bb, 0x31bf},   {0x32ff, 0x32ff},   {0x4db6, 0x4dbf},
    {0x9fd6, 0x9fff},   {0xa7af, 0xa7af},   {0xa7b8, 0xa7f6},   {0xa82c, 0xa82c},
    {0xa8fe, 0xa8ff},   {0xab66, 0xab6b},   {0xfbc2, 0xfbc2},   {0xfd40, 0xfd4f},
    {0xfdcf, 0xfdcf},   {0xfdfe, 0xfdff},   {0x1019c, 0x1019c}, {0x1032d, 0x1032f},
    {0x10570, 0x105bc}, {0x10780, 0x107ba}, {0x10a34, 0x10a35}, {0x10a48, 0x10a48},
    {0x10d00, 0x10d39}, {0x10e80, 0x10ff6}, {0x11070, 0x11075}, {0x110c2, 0x110cd},
    {0x11144, 0x11147}, {0x111ce, 0x111cf}, {0x1133b, 0x1133b}, {0x1145a, 0x1145a},
    {0x1145e, 0x11461}, {0x116b8, 0x116b9}, {0x1171a, 0x1171a}, {0x11740, 0x1183b},
    {0x11900, 0x11abf}, {0x11d00, 0x11fff}, {0x12f90, 0x12ff2}, {0x13430, 0x13438},
    {0x16a70, 0x16ac9}, {0x16e40, 0x16e9a}, {0x16f45, 0x16f4f}, {0x16f7f, 0x16f87},
    {0x16fe1, 0x16ff1}, {0x187ed, 0x187f7}, {0x18af3, 0x1affe}, {0x1b002, 0x1b2fb},
    {0x1cf00, 0x1cfc3}, {0x1d1e9, 0x1d1ea}, {0x1d2e0, 0x1d2f3}, {0x1d372, 0x1d378},
    {0x1df00, 0x1df1e}, {0x1e100, 0x1e7fe}, {0x1e94b, 0x1e94b}, {0x1ec71, 0x1ed3d},
    {0x1f10d, 0x1f10f}, {0x1f12f, 0x1f12f}, {0x1f16c, 0x1f16f}, {0x1f1ad, 0x1f1ad},
    {0x1f260, 0x1f265}, {0x1f6d3, 0x1f6df}, {0x1f6f7, 0x1f6fc}, {0x1f7d5, 0x1f7f0},
    {0x1f8b0, 0x1f90f}, {0x1f91f, 0x1f91f}, {0x1f928, 0x1f92f}, {0x1f931, 0x1f932},
    {0x1f93f, 0x1f93f}, {0x1f94c, 0x1f94f}, {0x1f95f, 0x1f97f}, {0x1f992, 0x1f9bf},
    {0x1f9c1, 0x1fbf9}, {0x2a6d7, 0x2a6df}, {0x2b735, 0x2b738}, {0x2ceb0, 0x2ebe0},
    {0x30000, 0x3134a}};

void Fill(Table& table, char32_t first, char32_t last, uint8_t script) {
  for (char32_t c = first; c <= last && c < kCodePoints; ++c) table[c] = script;
}

void FillScript(Table& table, std::string name, uint8_t script) {
  auto* begin = reinterpret_cast<OnigUChar*>(name.data());
  const int ctype =
      ONIG_ENCODING_UTF8->property_name_to_ctype(ONIG_ENCODING_UTF8, begin, begin + name.size());
  KOEVAL_CHECK(ctype >= 0, "Oniguruma does not know a script");
  OnigCodePoint single_byte_end = 0;
  const OnigCodePoint* ranges = nullptr;
  const int status = ONIG_ENCODING_UTF8->get_ctype_code_range(static_cast<OnigCtype>(ctype),
                                                              &single_byte_end, &ranges);
  KOEVAL_CHECK(status == 0 && ranges != nullptr, "Oniguruma has no ranges for a script");
  for (OnigCodePoint i = 0; i < ranges[0]; ++i) {
    Fill(table, ranges[1 + 2 * i], ranges[2 + 2 * i], script);
  }
}

std::unique_ptr<Table> BuildTable() {
  ClassTable();  // starts Oniguruma
  auto table = std::make_unique<Table>();
  table->fill(kAnyScript);
  uint8_t script = kAnyScript;
  for (const char* name : kScripts) FillScript(*table, name, ++script);
  const uint8_t han = (*table)[0x4e00], common = (*table)['1'], devanagari = (*table)[0x905];
  FillScript(*table, "Hiragana", han);
  FillScript(*table, "Katakana", han);
  for (const CodePointRange& range : kWithoutScript)
    Fill(*table, range.first, range.last, kAnyScript);
  (*table)[' '] = kAnyScript;
  (*table)[0x30fc] = han;
  // Three characters changed their script later.
  (*table)[0x589] = common;
  (*table)[0x61c] = common;
  Fill(*table, 0x953, 0x954, devanagari);
  return table;
}

}  // namespace

const std::array<uint8_t, kCodePoints>& ScriptTable() {
  static const std::unique_ptr<Table> table = BuildTable();
  return *table;
}

}  // namespace koeval::tokenizer
