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

namespace koeval::plan {
namespace {

using Ids = std::vector<int32_t>;

constexpr size_t kStringsPerDocumentMax = 4096;

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

 private:
  Result<std::pair<Ids, Ids>> WithoutContext(const std::string& continuation) {
    if (!prefix_id_) {
      return FailedPrecondition(
          "BAD_TOKENIZER: the context is empty and the tokenizer names neither a BOS nor an EOS "
          "token to stand for it; set bos_token or eos_token in tokenizer_config.json");
    }
    ASSIGN_OR_RETURN(Ids tail, tokenizer_.Encode(continuation, /*add_special_tokens=*/false));
    const bool starts_with_prefix =
        profile_ == evaluation::Profile::kLmEval04 && !tail.empty() && tail.front() == *prefix_id_;
    if (starts_with_prefix) tail.erase(tail.begin());
    return std::pair(Ids{*prefix_id_}, std::move(tail));
  }

  // With special tokens, unless the profile has none or the text brings its own prefix token.
  Result<Ids> Encode(const std::string& text) {
    const auto found = cache_.find(text);
    if (found != cache_.end()) return found->second;
    const bool special = profile_ == evaluation::Profile::kLmEval04 &&
                         !(prefix_text_ && text.starts_with(*prefix_text_));
    ASSIGN_OR_RETURN(Ids ids, tokenizer_.Encode(text, special));
    cache_.emplace(text, ids);
    return ids;
  }

  const tokenizer::Tokenizer& tokenizer_;
  const evaluation::Profile profile_;
  std::optional<int32_t> prefix_id_;
  std::optional<std::string> prefix_text_;
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
  if (options.max_length < 1) {
    return InvalidArgument(fmt::format("max_length is {}", options.max_length));
  }
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

}  // namespace koeval::plan
