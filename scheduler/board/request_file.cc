// Fields of request files.
#include "scheduler/board/request_file.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "scheduler/board/json_fields.h"
#include "scheduler/board/python_json.h"

namespace koeval::board {
namespace {

constexpr size_t kWordBytesMax = 512;

std::optional<bool> BoolOf(const Json& json, const char* key) {
  const Json* value = JsonFind(json, key);
  if (value == nullptr || !value->is_boolean()) return std::nullopt;
  return value->get<bool>();
}

std::optional<double> NumberOf(const Json& json, const char* key) {
  const Json* value = JsonFind(json, key);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->get<double>();
}

// "A;B", or a list of names.
std::string ArchitecturesOf(const Json& json) {
  const Json* value = JsonFind(json, "architectures");
  if (value == nullptr || !value->is_array()) return TextOf(&json, "architectures");
  std::string out;
  for (const Json& name : *value) {
    if (name.is_string()) out += (out.empty() ? "" : ";") + name.get<std::string>();
  }
  return out;
}

Status CheckWord(const char* field, const std::string& text) {
  if (text.empty()) {
    return InvalidArgument(std::string("\"") + field + "\" is missing or no text; add it");
  }
  const bool control = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (text.size() > kWordBytesMax || control) {
    return InvalidArgument(std::string("\"") + field +
                           "\" is too long or holds control characters; correct it");
  }
  return OkStatus();
}

// What the oldest files say instead of a precision and a weight type.
void TakeOldFlags(const Json& json, RequestFile* file) {
  if (const auto eight = BoolOf(json, "8bit_eval"); eight && file->precision.empty()) {
    file->precision = *eight ? "8bit" : "float16";
  }
  if (const auto delta = BoolOf(json, "is_delta_weight"); delta && file->weight_type.empty()) {
    file->weight_type = *delta ? "Delta" : "Original";
  }
}

// The fields in the order of the leaderboard's files. Absent ones are left out, except those that
// its own files always have.
Json KnownFields(const RequestFile& f) {
  Json out = Json::object();
  const auto text = [&out](const char* key, const std::string& value) {
    if (!value.empty()) out[key] = value;
  };
  text("model", f.model);
  out["base_model"] = f.base_model;
  text("revision", f.revision);
  if (f.is_private) out["private"] = *f.is_private;
  text("precision", f.precision);
  if (f.params) out["params"] = *f.params;
  text("architectures", f.architectures);
  text("weight_type", f.weight_type);
  text("status", f.status);
  text("submitted_time", f.submitted_time);
  text("model_type", f.model_type);
  if (f.likes) out["likes"] = *f.likes;
  text("license", f.license);
  out["job_id"] = f.job_id.value_or(-1);
  out["job_start_time"] = f.job_start_time.empty() ? Json(nullptr) : Json(f.job_start_time);
  if (f.use_chat_template) out["use_chat_template"] = *f.use_chat_template;
  text("sender", f.sender);
  return out;
}

constexpr std::array<std::string_view, 17> kKnown = {
    "model",          "base_model",     "revision",   "private", "precision",        "params",
    "architectures",  "weight_type",    "status",     "likes",   "license",          "job_id",
    "submitted_time", "job_start_time", "model_type", "sender",  "use_chat_template"};

}  // namespace

Result<RequestFile> ParseRequestFile(std::string_view text) {
  ASSIGN_OR_RETURN(const Json json, ParsePythonObject(text));
  RequestFile file;
  file.model = TextOf(&json, "model");
  file.status = TextOf(&json, "status");
  RETURN_IF_ERROR(CheckWord("model", file.model));
  RETURN_IF_ERROR(CheckWord("status", file.status));
  file.base_model = TextOf(&json, "base_model");
  file.revision = TextOf(&json, "revision");
  file.precision = TextOf(&json, "precision");
  file.weight_type = TextOf(&json, "weight_type");
  file.model_type = TextOf(&json, "model_type");
  file.license = TextOf(&json, "license");
  file.sender = TextOf(&json, "sender");
  file.architectures = ArchitecturesOf(json);
  file.submitted_time = TextOf(&json, "submitted_time");
  file.job_start_time = TextOf(&json, "job_start_time");
  file.is_private = BoolOf(json, "private");
  file.use_chat_template = BoolOf(json, "use_chat_template");
  file.params = NumberOf(json, "params");
  file.likes = IntOf(&json, "likes");
  file.job_id = IntOf(&json, "job_id");
  TakeOldFlags(json, &file);
  return file;
}

std::string RequestFileText(const RequestFile& file, const Json& previous) {
  Json out = KnownFields(file);
  if (previous.is_object()) {
    for (const auto& [key, value] : previous.items()) {
      if (std::find(kKnown.begin(), kKnown.end(), key) == kKnown.end()) out[key] = value;
    }
  }
  return PythonJsonDumps(out);
}

std::string RequestFactsJson(const RequestFile& file) {
  Json out = KnownFields(file);
  for (const char* column : {"model", "revision", "precision", "status"}) out.erase(column);
  return CompactJson(out);
}

}  // namespace koeval::board
