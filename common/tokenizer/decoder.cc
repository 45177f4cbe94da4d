// Every decoder of tokenizer.json, one small class each.
#include "common/tokenizer/decoder.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "common/base/utf8.h"
#include "common/tokenizer/byte_level.h"
#include "common/tokenizer/fields.h"
#include "common/tokenizer/pattern.h"
#include "common/tokenizer/pre_tokenizer.h"
#include "common/tokenizer/unicode_class.h"

namespace koeval::tokenizer {
namespace {

// An empty `from` matches between all code points and at both ends, as in Rust.
std::string ReplaceAll(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  size_t at = 0;
  if (from.empty()) {
    while (at < text.size()) {
      const size_t begin = at;
      NextCodePoint(text, at);
      out += to;
      out += text.substr(begin, at - begin);
    }
    out += to;
    return out;
  }
  for (size_t found = text.find(from); found != std::string_view::npos;
       found = text.find(from, at)) {
    out += text.substr(at, found - at);
    out += to;
    at = found + from.size();
  }
  out += text.substr(at);
  return out;
}

std::string Join(const std::vector<std::string>& tokens) {
  std::string out;
  for (const std::string& token : tokens) out += token;
  return out;
}

class ByteLevel final : public Decoder {
 public:
  // A token with a character that stands for no byte counts as it is.
  Status Apply(std::vector<std::string>& tokens) const override {
    std::string bytes;
    for (const std::string& token : tokens) {
      const size_t before = bytes.size();
      for (size_t at = 0; at < token.size();) {
        const auto byte = ByteOfStandIn(NextCodePoint(token, at));
        if (!byte) {
          bytes.resize(before);
          bytes += token;
          break;
        }
        bytes += static_cast<char>(*byte);
      }
    }
    tokens = {LossyUtf8(bytes)};
    return OkStatus();
  }
};

class ByteFallback final : public Decoder {
 public:
  Status Apply(std::vector<std::string>& tokens) const override {
    std::vector<std::string> out;
    std::string bytes;  // of the byte tokens in a row
    const auto flush = [&] {
      if (IsValidUtf8(bytes)) {
        if (!bytes.empty()) out.push_back(bytes);
      } else {
        out.insert(out.end(), bytes.size(), "\xef\xbf\xbd");
      }
      bytes.clear();
    };
    for (std::string& token : tokens) {
      if (const auto byte = ByteOf(token)) {
        bytes += static_cast<char>(*byte);
      } else {
        flush();
        out.push_back(std::move(token));
      }
    }
    flush();
    tokens = std::move(out);
    return OkStatus();
  }

 private:
  // The byte of a token such as "<0x0A>".
  static std::optional<unsigned char> ByteOf(std::string_view token) {
    if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
    unsigned value = 0;
    const char* first = token.data() + 3 + (token[3] == '+' ? 1 : 0);
    const auto [end, error] = std::from_chars(first, token.data() + 5, value, 16);
    if (error != std::errc() || end != token.data() + 5 || token[3] == '-') return std::nullopt;
    return static_cast<unsigned char>(value);
  }
};

class Fuse final : public Decoder {
 public:
  Status Apply(std::vector<std::string>& tokens) const override {
    tokens = {Join(tokens)};
    return OkStatus();
  }
};

class Strip final : public Decoder {
 public:
  Strip(std::string content, size_t start, size_t stop)
      : content_(std::move(content)), start_(start), stop_(stop) {}
  Status Apply(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) {
      std::string_view rest = token;
      for (size_t i = 0; i < start_ && rest.starts_with(content_); ++i) {
        rest.remove_prefix(content_.size());
      }
      for (size_t i = 0; i < stop_ && rest.ends_with(content_); ++i) {
        rest.remove_suffix(content_.size());
      }
      token = std::string(rest);
    }
    return OkStatus();
  }

 private:
  const std::string content_;
  const size_t start_;
  const size_t stop_;
};

class Metaspace final : public Decoder {
 public:
  Metaspace(std::string replacement, bool prepends)
      : replacement_(std::move(replacement)), prepends_(prepends) {}
  Status Apply(std::vector<std::string>& tokens) const override {
    for (size_t i = 0; i < tokens.size(); ++i) {
      tokens[i] = ReplaceAll(tokens[i], replacement_, i == 0 && prepends_ ? "" : " ");
    }
    return OkStatus();
  }

 private:
  const std::string replacement_;
  const bool prepends_;
};

class BpeSuffix final : public Decoder {
 public:
  explicit BpeSuffix(std::string suffix) : suffix_(std::move(suffix)) {}
  Status Apply(std::vector<std::string>& tokens) const override {
    for (size_t i = 0; i < tokens.size(); ++i) {
      tokens[i] = ReplaceAll(tokens[i], suffix_, i + 1 == tokens.size() ? "" : " ");
    }
    return OkStatus();
  }

 private:
  const std::string suffix_;
};

std::string CleanUpWord(std::string text) {
  return ReplaceAll(CleanUpSpaces(std::move(text)), " do not", " don't");
}

class WordPiece final : public Decoder {
 public:
  WordPiece(std::string prefix, bool cleanup) : prefix_(std::move(prefix)), cleanup_(cleanup) {}
  Status Apply(std::vector<std::string>& tokens) const override {
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (i > 0) {
        tokens[i] =
            tokens[i].starts_with(prefix_) ? tokens[i].substr(prefix_.size()) : " " + tokens[i];
      }
      if (cleanup_) tokens[i] = CleanUpWord(std::move(tokens[i]));
    }
    return OkStatus();
  }

 private:
  const std::string prefix_;
  const bool cleanup_;
};

// Connectionist temporal classification: a repeated token counts once, padding is nothing.
class Ctc final : public Decoder {
 public:
  Ctc(std::string pad, std::string delimiter, bool cleanup)
      : pad_(std::move(pad)), delimiter_(std::move(delimiter)), cleanup_(cleanup) {}
  Status Apply(std::vector<std::string>& tokens) const override {
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    for (std::string& token : tokens) {
      token = ReplaceAll(token, pad_, "");
      if (cleanup_) token = ReplaceAll(CleanUpWord(std::move(token)), delimiter_, " ");
    }
    std::erase(tokens, "");
    return OkStatus();
  }

 private:
  const std::string pad_;
  const std::string delimiter_;  // of words
  const bool cleanup_;
};

class Replace final : public Decoder {
 public:
  Replace(std::unique_ptr<Pattern> pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}
  Status Apply(std::vector<std::string>& tokens) const override {
    std::vector<Part> parts;
    for (std::string& token : tokens) {
      if (token.empty()) continue;
      parts.clear();
      RETURN_IF_ERROR(pattern_->FindParts(token, parts));
      std::string out;
      for (const Part& part : parts) {
        out += part.is_match ? std::string_view(content_)
                             : std::string_view(token).substr(part.begin, part.end - part.begin);
        RETURN_IF_ERROR(CheckRewrittenBytes(out.size()));
      }
      token = std::move(out);
    }
    return OkStatus();
  }

 private:
  const std::unique_ptr<Pattern> pattern_;
  const std::string content_;
};

class Chain final : public Decoder {
 public:
  explicit Chain(std::vector<std::unique_ptr<Decoder>> members) : members_(std::move(members)) {}
  Status Apply(std::vector<std::string>& tokens) const override {
    for (const auto& member : members_) RETURN_IF_ERROR(member->Apply(tokens));
    return OkStatus();
  }

 private:
  const std::vector<std::unique_ptr<Decoder>> members_;
};

using Owned = std::unique_ptr<Decoder>;

constexpr int64_t kStripMax = 1 << 20;

Result<Owned> ReadStrip(const Json& component, const std::string& where) {
  ASSIGN_OR_RETURN(const char32_t content, OneCharacter(component, "content", where));
  ASSIGN_OR_RETURN(const int64_t start, BoundedInt(component, "start", kStripMax, where));
  ASSIGN_OR_RETURN(const int64_t stop, BoundedInt(component, "stop", kStripMax, where));
  std::string text;
  AppendUtf8(text, content);
  return Owned(std::make_unique<Strip>(std::move(text), static_cast<size_t>(start),
                                       static_cast<size_t>(stop)));
}

Result<Owned> ReadMetaspace(const Json& component, const std::string& where) {
  ASSIGN_OR_RETURN(const char32_t replacement, OneCharacter(component, "replacement", where));
  ASSIGN_OR_RETURN(const PrependScheme scheme, ReadPrependScheme(component, where));
  std::string text;
  AppendUtf8(text, replacement);
  return Owned(std::make_unique<Metaspace>(std::move(text), scheme != PrependScheme::kNever));
}

Result<Owned> ReadChain(const Json& component, const std::string& where) {
  ASSIGN_OR_RETURN(const Json* list, ComponentList(component, "decoders", where));
  std::vector<Owned> members;
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string place = fmt::format("{}.decoders[{}]", where, i);
    ASSIGN_OR_RETURN(auto member, ReadDecoder((*list)[i], place));
    if (member) members.push_back(std::move(member));
  }
  return Owned(std::make_unique<Chain>(std::move(members)));
}

}  // namespace

std::string CleanUpSpaces(std::string text) {
  static constexpr std::pair<std::string_view, std::string_view> kRules[] = {
      {" .", "."},     {" ?", "?"},   {" !", "!"},   {" ,", ","},     {" ' ", "'"},
      {" n't", "n't"}, {" 'm", "'m"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
  };
  for (const auto& [from, to] : kRules) text = ReplaceAll(text, from, to);
  return text;
}

Result<std::unique_ptr<Decoder>> ReadDecoder(const Json& component, const std::string& where) {
  if (component.is_null()) return Owned();
  ASSIGN_OR_RETURN(const std::string type, JsonString(component, "type", where));
  if (type == "ByteLevel") return Owned(std::make_unique<ByteLevel>());
  if (type == "ByteFallback") return Owned(std::make_unique<ByteFallback>());
  if (type == "Fuse") return Owned(std::make_unique<Fuse>());
  if (type == "Strip") return ReadStrip(component, where);
  if (type == "Metaspace") return ReadMetaspace(component, where);
  if (type == "Sequence") return ReadChain(component, where);
  if (type == "BPEDecoder") {
    ASSIGN_OR_RETURN(std::string suffix, JsonString(component, "suffix", where));
    return Owned(std::make_unique<BpeSuffix>(std::move(suffix)));
  }
  if (type == "WordPiece") {
    ASSIGN_OR_RETURN(std::string prefix, JsonString(component, "prefix", where));
    ASSIGN_OR_RETURN(const bool cleanup, JsonBool(component, "cleanup", where));
    return Owned(std::make_unique<WordPiece>(std::move(prefix), cleanup));
  }
  if (type == "CTC") {
    ASSIGN_OR_RETURN(std::string pad, JsonString(component, "pad_token", where));
    ASSIGN_OR_RETURN(std::string delimiter, JsonString(component, "word_delimiter_token", where));
    ASSIGN_OR_RETURN(const bool cleanup, JsonBool(component, "cleanup", where));
    return Owned(std::make_unique<Ctc>(std::move(pad), std::move(delimiter), cleanup));
  }
  if (type == "Replace") {
    ASSIGN_OR_RETURN(auto pattern, ReadPattern(component, where));
    ASSIGN_OR_RETURN(std::string content, JsonString(component, "content", where));
    return Owned(std::make_unique<Replace>(std::move(pattern), std::move(content)));
  }
  return UnsupportedComponent("decoder", type, where);
}

}  // namespace koeval::tokenizer
