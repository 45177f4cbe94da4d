// The harness's _encode_pair, prefix token and truncation rules.
#include "worker/plan/encode.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "common/base/utf8.h"
#include "worker/plan/rolling.h"

namespace koeval::plan {
namespace {

using Ids = std::vector<int32_t>;

constexpr size_t kStringsPerDocumentMax = 4096;
constexpr int64_t kOldGenerationRoom = 256;  // leaderboard-v1 cuts contexts for so many new tokens

// Where a request comes from, for errors. Its texts are never named.
std::string Place(size_t request, const evaluation::Request& r) {
  return fmt::format("request {} (document {}, choice {})", request, r.document, r.choice);
}

class Encoder {
 public:
  Encoder(const tokenizer::Tokenizer& tokenizer, evaluation::Profile profile)
      : tokenizer_(tokenizer), profile_(profile) {
    prefix_id_ = tokenizer_.eos_id();
    if (profile_ == evaluation::Profile::kLmEval04) {
      if (tokenizer_.bos_id()) prefix_id_ = tokenizer_.bos_id();
      if (prefix_id_) {
        const auto text = tokenizer_.Decode({&*prefix_id_, 1}, /*skip_special_tokens=*/false);
        if (text.ok()) prefix_text_ = *text;
      }
      if (tokenizer_.bos_id()) bos_text_ = prefix_text_;
    }
  }

  // Ids of context and continuation, before truncation.
  Result<std::pair<Ids, Ids>> Pair(const evaluation::Request& request) {
    if (request.document != document_ || cache_.size() >= kStringsPerDocumentMax) cache_.clear();
    document_ = request.document;
    if (request.context.empty()) return WithoutContext(request.continuation);
    const std::string context(PythonRstrip(request.context));
    const std::string whole_text = request.context + request.continuation;
    ASSIGN_OR_RETURN(const Ids whole, Encode(whole_text));
    ASSIGN_OR_RETURN(Ids head, Encode(context));
    const size_t skip = std::min(head.size(), whole.size());
    Ids tail(whole.begin() + static_cast<std::ptrdiff_t>(skip), whole.end());
    return std::pair(std::move(head), std::move(tail));
  }

  // All windows of a text; `index` and `count` in the order of the windows.
  Result<std::vector<Sequence>> Windows(const std::string& text, int64_t max_length) const {
    RETURN_IF_ERROR(CheckPrefix());
    ASSIGN_OR_RETURN(const Ids ids, tokenizer_.Encode(text, AddsSpecial(text, prefix_text_)));
    return RollingWindows(ids, *prefix_id_, max_length);
  }

  // Ids of a context that is to be continued. Only a BOS in the text keeps the special tokens away.
  Result<Ids> Prompt(const std::string& context) const {
    return tokenizer_.Encode(context, AddsSpecial(context, bos_text_));
  }

 private:
  Status CheckPrefix() const {
    if (prefix_id_) return OkStatus();
    return FailedPrecondition(
        "BAD_TOKENIZER: the context is empty and the tokenizer names neither a BOS nor an EOS "
        "token to stand for it; set bos_token or eos_token in tokenizer_config.json");
  }

  // Special tokens belong to the text, unless the profile has none or the text brings `own`.
  bool AddsSpecial(const std::string& text, const std::optional<std::string>& own) const {
    return profile_ == evaluation::Profile::kLmEval04 && !(own && text.starts_with(*own));
  }

  Result<std::pair<Ids, Ids>> WithoutContext(const std::string& continuation) {
    RETURN_IF_ERROR(CheckPrefix());
    ASSIGN_OR_RETURN(Ids tail, tokenizer_.Encode(continuation, /*add_special_tokens=*/false));
    const bool starts_with_prefix =
        profile_ == evaluation::Profile::kLmEval04 && !tail.empty() && tail.front() == *prefix_id_;
    if (starts_with_prefix) tail.erase(tail.begin());
    return std::pair(Ids{*prefix_id_}, std::move(tail));
  }

  Result<Ids> Encode(const std::string& text) {
    const auto found = cache_.find(text);
    if (found != cache_.end()) return found->second;
    ASSIGN_OR_RETURN(Ids ids, tokenizer_.Encode(text, AddsSpecial(text, prefix_text_)));
    cache_.emplace(text, ids);
    return ids;
  }

  const tokenizer::Tokenizer& tokenizer_;
  const evaluation::Profile profile_;
  std::optional<int32_t> prefix_id_;
  std::optional<std::string> prefix_text_;
  std::optional<std::string> bos_text_;
  std::unordered_map<std::string, Ids> cache_;  // of one document: choices share their context
  int32_t document_ = -1;
};

Status CheckPair(const Ids& head, const Ids& tail, int64_t max_length) {
  if (tail.empty()) {
    return FailedPrecondition(
        "EMPTY_CONTINUATION: the continuation has no token of its own, because the tokenizer "
        "merges it into the context or drops it; change the document, or its delimiter");
  }
  if (head.empty()) {
    return FailedPrecondition(
        "TASK_INVALID: the context has no token at all, so nothing precedes the continuation; "
        "give the document a context that is not white space alone");
  }
  if (static_cast<int64_t>(tail.size()) > max_length) {
    return FailedPrecondition(
        fmt::format("CONTEXT_TOO_SHORT: the continuation has {} tokens and the model takes {}; "
                    "use a model with a longer context",
                    tail.size(), max_length));
  }
  return OkStatus();
}

// The last max_length + 1 of both, without the very last, which is a target only.
Sequence Truncate(Ids head, Ids tail, int64_t max_length) {
  Sequence out;
  out.input = std::move(head);
  out.input.insert(out.input.end(), tail.begin(), tail.end());
  out.input.pop_back();
  const int64_t excess = static_cast<int64_t>(out.input.size()) - max_length;
  if (excess > 0) out.input.erase(out.input.begin(), out.input.begin() + excess);
  out.targets = std::move(tail);
  return out;
}

// The most tokens that a context keeps when `max_tokens` may follow it.
Result<int64_t> PromptRoom(const EncodeOptions& options, int64_t max_tokens) {
  if (max_tokens < 1) {
    return FailedPrecondition(fmt::format(
        "TASK_INVALID: {} new tokens are asked for; set max_gen_toks to 1 or more", max_tokens));
  }
  if (max_tokens >= options.max_length) {
    return FailedPrecondition(
        fmt::format("CONTEXT_TOO_SHORT: {} new tokens leave no room for a context in the {} that "
                    "the model takes; use a model with a longer context, or lower max_gen_toks",
                    max_tokens, options.max_length));
  }
  const bool old_room = options.profile == evaluation::Profile::kLeaderboardV1 &&
                        options.max_length > kOldGenerationRoom;
  return options.max_length - (old_room ? std::max(max_tokens, kOldGenerationRoom) : max_tokens);
}

Status CheckOptions(const EncodeOptions& options) {
  if (options.max_length >= 1) return OkStatus();
  return InvalidArgument(fmt::format("max_length is {}", options.max_length));
}

// The ending's name stays in front of the place.
Status AtPlace(const Status& status, size_t index, const evaluation::Request& request) {
  const std::string_view message = status.message();
  const size_t colon = message.find(": ");
  if (status.code() != Code::kFailedPrecondition || colon == std::string_view::npos) {
    return Status(Code::kFailedPrecondition,
                  fmt::format("BAD_TOKENIZER: {}: {}", Place(index, request), message));
  }
  return Status(status.code(), fmt::format("{}: {}: {}", message.substr(0, colon),
                                           Place(index, request), message.substr(colon + 2)));
}

}  // namespace

Result<Encoded> EncodeRequests(const tokenizer::Tokenizer& tokenizer,
                               std::span<const evaluation::Request> requests,
                               const EncodeOptions& options) {
  RETURN_IF_ERROR(CheckOptions(options));
  Encoded out;
  out.sequences.reserve(requests.size());
  Encoder encoder(tokenizer, options.profile);
  for (size_t i = 0; i < requests.size(); ++i) {
    auto pair = encoder.Pair(requests[i]);
    if (!pair.ok()) return AtPlace(pair.status(), i, requests[i]);
    auto& [head, tail] = *pair;
    const Status checked = CheckPair(head, tail, options.max_length);
    if (!checked.ok()) return AtPlace(checked, i, requests[i]);
    const auto total = static_cast<int64_t>(head.size() + tail.size());
    if (total > options.max_length + 1) ++out.truncated;
    out.sequences.push_back(Truncate(std::move(head), std::move(tail), options.max_length));
  }
  return out;
}

Result<Encoded> EncodeRolling(const tokenizer::Tokenizer& tokenizer,
                              std::span<const evaluation::Request> requests,
                              const EncodeOptions& options) {
  RETURN_IF_ERROR(CheckOptions(options));
  Encoded out;
  const Encoder encoder(tokenizer, options.profile);
  for (size_t i = 0; i < requests.size(); ++i) {
    auto windows = encoder.Windows(requests[i].continuation, options.max_length);
    if (!windows.ok()) return AtPlace(windows.status(), i, requests[i]);
    const auto count = static_cast<int32_t>(windows->size());
    for (int32_t index = 0; index < count; ++index) {
      out.windows.push_back({static_cast<int32_t>(i), index, count});
      out.sequences.push_back(std::move((*windows)[static_cast<size_t>(index)]));
    }
  }
  return out;
}

Result<Encoded> EncodePrompts(const tokenizer::Tokenizer& tokenizer,
                              std::span<const evaluation::Request> requests,
                              const EncodeOptions& options, int64_t max_tokens) {
  RETURN_IF_ERROR(CheckOptions(options));
  ASSIGN_OR_RETURN(const int64_t room, PromptRoom(options, max_tokens));
  Encoded out;
  const Encoder encoder(tokenizer, options.profile);
  for (size_t i = 0; i < requests.size(); ++i) {
    auto prompt = encoder.Prompt(requests[i].context);
    if (!prompt.ok()) return AtPlace(prompt.status(), i, requests[i]);
    if (prompt->empty()) {
      return AtPlace(FailedPrecondition("TASK_INVALID: the context has no token at all, so nothing "
                                        "can follow it; give the document a context"),
                     i, requests[i]);
    }
    const int64_t excess = static_cast<int64_t>(prompt->size()) - room;
    if (excess > 0) {
      prompt->erase(prompt->begin(), prompt->begin() + excess);
      ++out.truncated;
    }
    out.sequences.push_back({std::move(*prompt), {kNoTarget}});
  }
  return out;
}

}  // namespace koeval::plan
