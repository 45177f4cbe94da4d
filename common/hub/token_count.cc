// Both sides of counting tokens.
#include "common/hub/token_count.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "common/base/child_process.h"
#include "common/base/json.h"
#include "common/model/config.h"
#include "common/tokenizer/tokenizer.h"

namespace koeval::hub {
namespace {

constexpr int kDepthMax = 3;

Result<std::string> ReadAll(int in) {
  std::string out;
  char buffer[1 << 16];
  for (;;) {
    const ssize_t n = ::read(in, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Unavailable("the texts cannot be read");
    if (n == 0) return out;
    out.append(buffer, static_cast<size_t>(n));
    if (out.size() > kCountedBytesMax) return ResourceExhausted("the texts are too long");
  }
}

Result<std::vector<int64_t>> ReadCounts(const std::string& text, size_t texts) {
  const auto json = ParseJson(text, {.depth_max = kDepthMax, .bytes_max = kCountedBytesMax});
  const Json* tokens = json.ok() ? JsonFind(*json, "tokens") : nullptr;
  if (tokens == nullptr || !tokens->is_array() || tokens->size() != texts) {
    return FailedPrecondition("the model's tokenizer counted no tokens");
  }
  std::vector<int64_t> out;
  out.reserve(tokens->size());
  for (const Json& count : *tokens) {
    if (!count.is_number_integer() || count.get<int64_t>() < 0) {
      return FailedPrecondition("the model's tokenizer counted no tokens");
    }
    out.push_back(count.get<int64_t>());
  }
  return out;
}

}  // namespace

Result<std::vector<int64_t>> CountTokens(const CheckProcess& process, const std::string& dir,
                                         int generation, const std::vector<std::string>& texts,
                                         const Clock& clock, const std::atomic<bool>& stop) {
  const std::string input = Json(texts).dump(-1, ' ', false, Json::error_handler_t::replace);
  if (input.size() > kCountedBytesMax) return ResourceExhausted("the texts are too long");
  ASSIGN_OR_RETURN(const ChildOutcome outcome,
                   RunChild({process.binary, "--count-tokens=" + std::to_string(generation), dir},
                            process.limits, clock, stop, input));
  switch (outcome.end) {
    case ChildEnd::kStopped:
      return Status(Code::kCancelled, "it was asked to stop");
    case ChildEnd::kTimedOut:
      return DeadlineExceeded(
          fmt::format("the tokenizer took longer than {}", FormatDuration(process.limits.time_ms)));
    case ChildEnd::kOutputTooLarge:
    case ChildEnd::kSignalled:
      return FailedPrecondition("the model's tokenizer counted no tokens");
    case ChildEnd::kExited:
      break;
  }
  return ReadCounts(outcome.out, texts.size());
}

Result<std::string> AnswerTokenCount(const std::string& dir, int generation, int in) {
  ASSIGN_OR_RETURN(const std::string input, ReadAll(in));
  const auto texts = ParseJson(input, {.depth_max = kDepthMax, .bytes_max = kCountedBytesMax});
  // A message of the parser's would quote a text.
  if (!texts.ok() || !texts->is_array()) return InvalidArgument("the texts are no JSON list");
  const auto config = model::ReadModelConfig(dir);
  const std::string model_type = config.ok() ? config->spec.model_type : "";
  ASSIGN_OR_RETURN(
      const auto tokenizer,
      tokenizer::LoadTokenizer(dir, {static_cast<tokenizer::Generation>(generation), model_type}));
  Json tokens = Json::array();
  for (const Json& text : *texts) {
    if (!text.is_string()) return InvalidArgument("a text is none");
    const auto ids =
        tokenizer->Encode(text.get_ref<const std::string&>(), /*add_special_tokens=*/true);
    if (!ids.ok()) return FailedPrecondition("the tokenizer cannot encode a text");
    tokens.push_back(ids->size());
  }
  return CompactJson({{"tokens", std::move(tokens)}});
}

}  // namespace koeval::hub
