// Request files of the leaderboard's dataset `requests`: reading those of all its versions, and
// writing our own.
//
// Source: the fields of both versions of the Open LLM Leaderboard and of the Ko leaderboard, as
// their published files have them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/json.h"
#include "common/base/status.h"

namespace koeval::board {

// What a request file says; an empty or absent field: it does not.
struct RequestFile {
  std::string model;
  std::string status;  // PENDING, RUNNING, FINISHED, FAILED, or a word that is kept as it is
  std::string base_model, revision, precision, weight_type, model_type, license, sender;
  std::string architectures;   // joined by ";"
  std::string submitted_time;  // "%Y-%m-%dT%H:%M:%SZ"
  std::string job_start_time;  // ISO, UTC
  std::optional<bool> is_private, use_chat_template;
  std::optional<double> params;  // in billions
  std::optional<int64_t> likes, job_id;
};

// INVALID_ARGUMENT, with the place, for text that is no JSON object (Python's NaN is read as a
// word) or lacks a model or a status. A known field of an unknown form is left out. The oldest
// files' 8bit_eval and is_delta_weight become a precision and a weight type where those are
// missing.
Result<RequestFile> ParseRequestFile(std::string_view text);

// One line of JSON as Python writes it: every field that has a value, in the order of the
// leaderboard's own files; `base_model`, `job_id` and `job_start_time` always. Fields of
// `previous`, the file that stood there before, that we do not know follow as they are.
std::string RequestFileText(const RequestFile& file, const Json& previous = {});

// The fields beside model, revision, precision and status as an object, for ImportRow::facts_json,
// and back.
std::string RequestFactsJson(const RequestFile& file);

}  // namespace koeval::board
