// The words of an evaluation that several parts share: profile, options, request, response.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/status.h"

namespace koeval::evaluation {

// Named harness semantics; every score records which one made it.
enum class Profile {
  kLeaderboardV1,  // lm-evaluation-harness of June 2023 (b281b09), which the Ko leaderboard mirrors
  kLmEval04,       // lm-evaluation-harness 0.4.13
};

// "leaderboard-v1" and "lm-eval-0.4".
std::string_view ProfileName(Profile profile);
// INVALID_ARGUMENT, naming the known profiles, for anything else.
Result<Profile> ParseProfile(std::string_view name);

// A chat template as a model repository has it, and the special tokens that it may write.
struct ChatTemplateSource {
  std::string name;  // "default", or that of one of several
  std::string text;
  std::vector<std::pair<std::string, std::string>> special_tokens =
      {};  // ("bos_token", "<s>"), ...
};

// How prompts become conversations; lm-eval-0.4 alone.
struct ChatOptions {
  std::optional<ChatTemplateSource> chat_template = {};  // nothing: prompts are plain text
  bool fewshot_as_multiturn = false;    // shots are turns of their own, not one user message
  std::string system_instruction = {};  // in front of the task's description; "": none
  int64_t now_seconds = 0;              // what strftime_now() of the template takes for now
};

// What decides the requests of a task besides the task itself.
struct Options {
  Profile profile = Profile::kLmEval04;
  std::optional<int64_t> num_fewshot;  // overrides the task's own number, but not a task's 0
  std::optional<int64_t> limit;        // first documents (after the profile's shuffle) only
  std::optional<int64_t> seed;         // of the few-shot draw; the profile's own when absent
  ChatOptions chat = {};
};

// What the requests of a task ask; all requests of one task ask the same.
enum class RequestKind {
  kLoglikelihood,         // of `continuation` after `context`
  kLoglikelihoodRolling,  // of all of `continuation`, window after window; `context` is empty
  kGenerate,              // the text that follows `context`; `continuation` is empty
};

// Where a generated text ends; the same for all requests of a task. Decoding is greedy.
struct GenerationLimits {
  std::vector<std::string> until;  // the text is cut before the first of these that occurs
  int64_t max_tokens = 256;        // new tokens
};

// One request, exactly as the harness would make it.
struct Request {
  int32_t document = 0;  // position in PreparedTask::documents
  int32_t choice = 0;    // position among the document's requests
  std::string context;
  std::string continuation;  // with its leading delimiter, before trailing blanks move over
};

// What a model says to a Request.
struct Response {
  double log_likelihood = 0;  // sum over the continuation, nats; unset for kGenerate
  bool is_greedy = false;     // every continuation token is the argmax; kLoglikelihood alone
  std::string text = {};      // kGenerate: what was generated, cut at the stop strings
};

}  // namespace koeval::evaluation
