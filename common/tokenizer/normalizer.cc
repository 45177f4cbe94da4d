// Every normalizer of tokenizer.json, one small class each.
#include "common/tokenizer/normalizer.h"

#include <fmt/core.h>

#include <functional>
#include <utility>
#include <vector>

#include "common/base/utf8.h"
#include "common/tokenizer/byte_level.h"
#include "common/tokenizer/charsmap.h"
#include "common/tokenizer/fields.h"
#include "common/tokenizer/normal_form.h"
#include "common/tokenizer/pattern.h"
#include "common/tokenizer/unicode_class.h"

namespace koeval::tokenizer {
namespace {

// Rewrites `text` code point by code point: `map` appends what replaces one.
template <typename F>
void MapCodePoints(std::string& text, bool& lost_start, F map) {
  std::string out;
  out.reserve(text.size());
  bool kept_any = false;
  for (size_t at = 0; at < text.size();) {
    map(out, NextCodePoint(text, at));
    if (!kept_any) {
      kept_any = !out.empty();
      lost_start = lost_start || !kept_any;
    }
  }
  text = std::move(out);
}

void Filter(std::string& text, bool& lost_start, uint8_t removed_bits) {
  const auto& table = ClassTable();
  MapCodePoints(text, lost_start, [&](std::string& out, char32_t c) {
    if ((table[c] & removed_bits) == 0) AppendUtf8(out, c);
  });
}

void Lowercase(std::string& text, bool& lost_start) {
  MapCodePoints(text, lost_start, AppendLowercase);
}

// A normalizer that is one function without settings.
class Simple final : public Normalizer {
 public:
  using Function = std::function<Status(std::string& text, bool& lost_start)>;
  explicit Simple(Function function) : function_(std::move(function)) {}
  Status Apply(std::string& text, bool& lost_start) const override {
    return function_(text, lost_start);
  }

 private:
  const Function function_;
};

class Prepend final : public Normalizer {
 public:
  explicit Prepend(std::string prefix) : prefix_(std::move(prefix)) {}
  Status Apply(std::string& text, bool&) const override {
    if (!text.empty()) text.insert(0, prefix_);
    return OkStatus();
  }

 private:
  const std::string prefix_;
};

class Strip final : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}
  Status Apply(std::string& text, bool& lost_start) const override {
    const auto& table = ClassTable();
    size_t begin = text.size(), end = 0;  // of what is no white space
    for (size_t at = 0; at < text.size();) {
      const size_t start = at;
      if ((table[NextCodePoint(text, at)] & kSpace) != 0) continue;
      begin = std::min(begin, start);
      end = at;
    }
    if (!left_) begin = 0;
    if (!right_ || (begin == text.size() && left_)) end = text.size();
    lost_start = lost_start || begin > 0;
    text = text.substr(begin, end - begin);
    return OkStatus();
  }

 private:
  const bool left_;
  const bool right_;
};

class Replace final : public Normalizer {
 public:
  Replace(std::unique_ptr<Pattern> pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}
  Status Apply(std::string& text, bool& lost_start) const override {
    if (text.empty()) return OkStatus();
    std::vector<Part> parts;
    RETURN_IF_ERROR(pattern_->FindParts(text, parts));
    std::string out;
    out.reserve(text.size());
    for (const Part& part : parts) {
      if (part.is_match) {
        lost_start = lost_start || (part.begin == 0 && part.end > 0 && content_.empty());
        out += content_;
        RETURN_IF_ERROR(CheckRewrittenBytes(out.size()));
      } else {
        out += std::string_view(text).substr(part.begin, part.end - part.begin);
      }
    }
    text = std::move(out);
    return OkStatus();
  }

 private:
  const std::unique_ptr<Pattern> pattern_;
  const std::string content_;
};

bool IsChinese(char32_t c) {
  return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) ||
         (c >= 0x20000 && c <= 0x2a6df) || (c >= 0x2a700 && c <= 0x2b81f) ||
         (c >= 0x2b920 && c <= 0x2ceaf) || (c >= 0xf900 && c <= 0xfaff) ||
         (c >= 0x2f800 && c <= 0x2fa1f);
}

struct BertOptions {
  bool clean_text = true;
  bool handle_chinese_chars = true;
  bool strip_accents = false;
  bool lowercase = true;
};

class Bert final : public Normalizer {
 public:
  explicit Bert(const BertOptions& options) : options_(options) {}
  Status Apply(std::string& text, bool& lost_start) const override {
    if (options_.clean_text) Clean(text, lost_start);
    if (options_.handle_chinese_chars) {
      MapCodePoints(text, lost_start, [](std::string& out, char32_t c) {
        if (IsChinese(c)) out += ' ';
        AppendUtf8(out, c);
        if (IsChinese(c)) out += ' ';
      });
    }
    if (options_.strip_accents) {
      RETURN_IF_ERROR(Normalize(text, NormalForm::kD));
      Filter(text, lost_start, kNonspacing);
    }
    if (options_.lowercase) Lowercase(text, lost_start);
    return OkStatus();
  }

 private:
  static void Clean(std::string& text, bool& lost_start) {
    const auto& table = ClassTable();
    MapCodePoints(text, lost_start, [&](std::string& out, char32_t c) {
      if (c == '\t' || c == '\n' || c == '\r') {
        out += ' ';
      } else if (c == 0 || c == 0xfffd || (table[c] & kOther) != 0) {
        return;
      } else if ((table[c] & kSpace) != 0) {
        out += ' ';
      } else {
        AppendUtf8(out, c);
      }
    });
  }

  const BertOptions options_;
};

void Nmt(std::string& text, bool& lost_start) {
  MapCodePoints(text, lost_start, [](std::string& out, char32_t c) {
    const bool removed = (c >= 0x1 && c <= 0x8) || c == 0xb || (c >= 0xe && c <= 0x1f) ||
                         c == 0x7f || c == 0x8f || c == 0x9f;
    if (removed) return;
    const bool space = c == 0x9 || c == 0xa || c == 0xc || c == 0xd || c == 0x1680 ||
                       (c >= 0x200b && c <= 0x200f) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
                       c == 0xfeff || c == 0xfffd;
    if (space) {
      out += ' ';
    } else {
      AppendUtf8(out, c);
    }
  });
}

class Chain final : public Normalizer {
 public:
  explicit Chain(std::vector<std::unique_ptr<Normalizer>> members) : members_(std::move(members)) {}
  Status Apply(std::string& text, bool& lost_start) const override {
    for (const auto& member : members_) RETURN_IF_ERROR(member->Apply(text, lost_start));
    return OkStatus();
  }

 private:
  const std::vector<std::unique_ptr<Normalizer>> members_;
};

std::unique_ptr<Normalizer> MakeSimple(Simple::Function function) {
  return std::make_unique<Simple>(std::move(function));
}

std::unique_ptr<Normalizer> MakeForm(NormalForm form) {
  return MakeSimple([form](std::string& text, bool&) { return Normalize(text, form); });
}

// The components that have no settings; null for any other type.
std::unique_ptr<Normalizer> SimpleByType(std::string_view type) {
  if (type == "NFC") return MakeForm(NormalForm::kC);
  if (type == "NFD") return MakeForm(NormalForm::kD);
  if (type == "NFKC") return MakeForm(NormalForm::kKC);
  if (type == "NFKD") return MakeForm(NormalForm::kKD);
  if (type == "Nmt") {
    return MakeSimple([](std::string& text, bool& lost_start) {
      Nmt(text, lost_start);
      return OkStatus();
    });
  }
  if (type == "Lowercase") {
    return MakeSimple([](std::string& text, bool& lost_start) {
      Lowercase(text, lost_start);
      return OkStatus();
    });
  }
  if (type == "StripAccents") {
    return MakeSimple([](std::string& text, bool& lost_start) {
      Filter(text, lost_start, kMark);
      return OkStatus();
    });
  }
  if (type == "ByteLevel") {
    return MakeSimple([](std::string& text, bool&) {
      std::string out;
      AppendByteLevel(out, text);
      text = std::move(out);
      return OkStatus();
    });
  }
  return nullptr;
}

Result<std::unique_ptr<Normalizer>> ReadBert(const Json& component, const std::string& where) {
  BertOptions options;
  ASSIGN_OR_RETURN(options.clean_text, JsonBool(component, "clean_text", where));
  ASSIGN_OR_RETURN(options.handle_chinese_chars,
                   JsonBool(component, "handle_chinese_chars", where));
  ASSIGN_OR_RETURN(options.lowercase, JsonBool(component, "lowercase", where));
  ASSIGN_OR_RETURN(options.strip_accents,
                   OptionalBool(component, "strip_accents", options.lowercase, where));
  return std::unique_ptr<Normalizer>(std::make_unique<Bert>(options));
}

Result<std::unique_ptr<Normalizer>> ReadChain(const Json& component, const std::string& where) {
  ASSIGN_OR_RETURN(const Json* list, ComponentList(component, "normalizers", where));
  std::vector<std::unique_ptr<Normalizer>> members;
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string place = fmt::format("{}.normalizers[{}]", where, i);
    ASSIGN_OR_RETURN(auto member, ReadNormalizer((*list)[i], place));
    if (member) members.push_back(std::move(member));
  }
  return std::unique_ptr<Normalizer>(std::make_unique<Chain>(std::move(members)));
}

}  // namespace

Result<std::unique_ptr<Normalizer>> ReadNormalizer(const Json& component,
                                                   const std::string& where) {
  if (component.is_null()) return std::unique_ptr<Normalizer>();
  ASSIGN_OR_RETURN(const std::string type, JsonString(component, "type", where));
  if (auto simple = SimpleByType(type)) return simple;
  if (type == "Sequence") return ReadChain(component, where);
  if (type == "BertNormalizer") return ReadBert(component, where);
  if (type == "Prepend") {
    ASSIGN_OR_RETURN(std::string prefix, JsonString(component, "prepend", where));
    return std::unique_ptr<Normalizer>(std::make_unique<Prepend>(std::move(prefix)));
  }
  if (type == "Strip") {
    ASSIGN_OR_RETURN(const bool left, JsonBool(component, "strip_left", where));
    ASSIGN_OR_RETURN(const bool right, JsonBool(component, "strip_right", where));
    return std::unique_ptr<Normalizer>(std::make_unique<Strip>(left, right));
  }
  if (type == "Replace") {
    ASSIGN_OR_RETURN(auto pattern, ReadPattern(component, where));
    ASSIGN_OR_RETURN(std::string content, JsonString(component, "content", where));
    return std::unique_ptr<Normalizer>(
        std::make_unique<Replace>(std::move(pattern), std::move(content)));
  }
  if (type == "Precompiled") {
    ASSIGN_OR_RETURN(const std::string encoded,
                     JsonString(component, "precompiled_charsmap", where));
    ASSIGN_OR_RETURN(auto charsmap, Charsmap::Parse(encoded, where));
    return MakeSimple([charsmap = std::shared_ptr<const Charsmap>(std::move(charsmap))](
                          std::string& text, bool&) { return charsmap->Apply(text); });
  }
  return UnsupportedComponent("normalizer", type, where);
}

}  // namespace koeval::tokenizer
