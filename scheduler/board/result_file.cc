// Scores of the harness's versions and of the leaderboard's own files.
#include "scheduler/board/result_file.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "scheduler/board/board_path.h"
#include "scheduler/board/json_fields.h"
#include "scheduler/board/python_json.h"

namespace koeval::board {
namespace {

constexpr double kMicros = 1e6;
constexpr std::string_view kStderr = "_stderr";
constexpr std::string_view kSampleLength = "sample_len";  // the harness counts documents there

// "b" of "a=x,pretrained=b,c=y".
std::string ArgumentOf(const std::string& arguments, std::string_view name) {
  for (size_t start = 0; start < arguments.size();) {
    const size_t end = std::min(arguments.find(',', start), arguments.size());
    const std::string_view part = std::string_view(arguments).substr(start, end - start);
    if (part.starts_with(name) && part.substr(name.size()).starts_with("=")) {
      return std::string(part.substr(name.size() + 1));
    }
    start = end + 1;
  }
  return "";
}

std::string FirstOf(std::initializer_list<std::string> texts) {
  for (const std::string& text : texts) {
    if (!text.empty()) return text;
  }
  return "";
}

// "org/model" of "org/model/result_....json"; "" for files that lie otherwise.
std::string ModelOfPath(std::string_view path) {
  const size_t last = path.rfind('/');
  if (last == std::string_view::npos || !TimeOfName(path)) return "";
  const std::string_view folder = path.substr(0, last);
  const size_t slash = folder.rfind('/');
  if (slash == std::string_view::npos) return "";
  const size_t before = folder.rfind('/', slash - 1);
  return std::string(folder.substr(before == std::string_view::npos ? 0 : before + 1));
}

std::string PrecisionOf(const std::string& dtype) {
  constexpr std::string_view kTorch = "torch.";
  return dtype.starts_with(kTorch) ? dtype.substr(kTorch.size()) : dtype;
}

struct Key {
  std::string task;
  std::optional<int64_t> num_fewshot;
};

// "harness|arc:challenge|25" or a plain name.
Key ParseKey(const std::string& key) {
  const size_t first = key.find('|');
  const size_t last = key.rfind('|');
  if (first == std::string::npos || last == first) return {key, std::nullopt};
  Key out = {key.substr(first + 1, last - first - 1), std::nullopt};
  const std::string shots = key.substr(last + 1);
  const bool digits = !shots.empty() && shots.size() <= 6 &&
                      shots.find_first_not_of("0123456789") == std::string::npos;
  if (digits) out.num_fewshot = std::stoll(shots);
  return out;
}

class Reader {
 public:
  Reader(std::string_view path, const Json& json) : path_(path), json_(json) {}

  Result<ResultFile> Read() {
    const Json* results = JsonFind(json_, "results");
    if (results == nullptr || !results->is_object()) {
      return InvalidArgument(
          "it has no object \"results\"; only result files of the harness and the leaderboard can "
          "be read");
    }
    RETURN_IF_ERROR(ReadModel());
    ReadDate();
    task_shots_ = Members("n-shot", [](const Json& shots) { return shots.is_number_integer(); });
    documents_ = Members("n-samples", [](const Json& counts) { return counts.is_object(); });
    for (const auto& [key, metrics] : results->items()) {
      if (metrics.is_object()) ReadTask(key, metrics);
      if (file_.scores.size() > kScoresMax) {
        return InvalidArgument(
            fmt::format("it has more than {} scores; split it, or leave it out", kScoresMax));
      }
    }
    const bool general = JsonFind(json_, "config_general") != nullptr || has_pipes_;
    file_.format = has_filters_ ? "lm-eval-0.4" : general ? "leaderboard" : "lm-eval";
    return std::move(file_);
  }

 private:
  Status ReadModel() {
    const Json* general = JsonFind(json_, "config_general");
    const Json* config = JsonFind(json_, "config");
    std::string arguments = TextOf(config, "model_args");
    if (const Json* args = config ? JsonFind(*config, "model_args") : nullptr;
        args != nullptr && args->is_object()) {
      arguments = "pretrained=" + TextOf(args, "pretrained") + ",dtype=" + TextOf(args, "dtype");
    }
    file_.model = FirstOf({TextOf(general, "model_name"), TextOf(&json_, "model_name"),
                           ArgumentOf(arguments, "pretrained"), ModelOfPath(path_)});
    if (file_.model.empty()) {
      return InvalidArgument(
          "no model is named in config_general.model_name, model_name or config.model_args, nor in "
          "the path <org>/<model>/result_<time>.json; add it");
    }
    const bool control = std::any_of(file_.model.begin(), file_.model.end(), [](char c) {
      return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    });
    if (control || file_.model.size() > kPathBytesMax) {
      return InvalidArgument(
          "the model's name is too long or holds control characters; correct it");
    }
    file_.revision = FirstOf({TextOf(general, "model_sha"), TextOf(config, "model_sha"),
                              ArgumentOf(arguments, "revision"), TextOf(config, "model_revision")});
    file_.precision =
        PrecisionOf(FirstOf({TextOf(general, "model_dtype"), TextOf(config, "model_dtype"),
                             ArgumentOf(arguments, "dtype")}));
    shots_ = IntOf(config, "num_fewshot");
    return OkStatus();
  }

  // The members of an object by name, those that `fits` says: look-up in Json itself is linear.
  std::map<std::string, const Json*> Members(const char* name, bool (*fits)(const Json&)) const {
    std::map<std::string, const Json*> out;
    const Json* object = JsonFind(json_, name);
    if (object == nullptr || !object->is_object()) return out;
    for (const auto& [key, value] : object->items()) {
      if (fits(value)) out.emplace(key, &value);
    }
    return out;
  }

  void ReadDate() {
    if (const auto named = TimeOfName(path_)) {
      file_.date = *named;
      return;
    }
    const Json* date = JsonFind(json_, "date");
    constexpr double kLatest = 4e9;  // seconds; in the 22nd century
    if (date == nullptr || !date->is_number()) return;
    const double seconds = date->get<double>();
    if (seconds > 0 && seconds < kLatest) {
      file_.date = {static_cast<int64_t>(std::floor(seconds * kMicros))};
    }
  }

  // How many documents the file says that the task has.
  std::optional<int64_t> DocumentsOf(const std::string& key) const {
    const auto count = documents_.find(key);
    return count == documents_.end() ? std::nullopt : IntOf(count->second, "effective");
  }

  void ReadTask(const std::string& key, const Json& metrics) {
    const Key parsed = ParseKey(key);
    has_pipes_ = has_pipes_ || parsed.task != key;
    std::optional<int64_t> shots = parsed.num_fewshot;
    if (const auto of_task = task_shots_.find(key); !shots && of_task != task_shots_.end()) {
      shots = of_task->second->get<int64_t>();
    }
    if (!shots) shots = shots_;
    std::map<std::pair<std::string, std::string>, double> errors;
    const size_t first = file_.scores.size();
    std::optional<int64_t> documents = DocumentsOf(key);
    if (!documents) documents = IntOf(&metrics, kSampleLength);
    for (const auto& [name, value] : metrics.items()) {
      if (!value.is_number() || name == kSampleLength) continue;
      const size_t comma = name.find(',');
      std::string metric = name.substr(0, comma);
      const std::string filter = comma == std::string::npos ? "" : name.substr(comma + 1);
      has_filters_ = has_filters_ || comma != std::string::npos;
      if (metric.ends_with(kStderr)) {
        metric.resize(metric.size() - kStderr.size());
        errors[{metric, filter}] = value.get<double>();
        continue;
      }
      file_.scores.push_back(
          {parsed.task, metric, filter, value.get<double>(), std::nullopt, shots, documents});
    }
    for (size_t i = first; i < file_.scores.size(); ++i) {
      ImportedScore& score = file_.scores[i];
      const auto error = errors.find({score.metric, score.filter});
      if (error != errors.end()) score.stderr_value = error->second;
    }
  }

  const std::string_view path_;
  const Json& json_;
  ResultFile file_;
  std::optional<int64_t> shots_;
  std::map<std::string, const Json*> task_shots_, documents_;
  bool has_filters_ = false;
  bool has_pipes_ = false;
};

template <typename T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Result<ImportedScore> ScoreFromJson(const Json& json) {
  ImportedScore out;
  ASSIGN_OR_RETURN(out.task, JsonString(json, "task", "score"));
  ASSIGN_OR_RETURN(out.metric, JsonString(json, "metric", "score"));
  ASSIGN_OR_RETURN(out.filter, JsonString(json, "filter", "score"));
  ASSIGN_OR_RETURN(out.value, JsonDouble(json, "value", "score"));
  if (JsonFind(json, "stderr") != nullptr) {
    ASSIGN_OR_RETURN(out.stderr_value, JsonDouble(json, "stderr", "score"));
  }
  out.num_fewshot = IntOf(&json, "shots");
  out.documents = IntOf(&json, "documents");
  return out;
}

Result<ResultFile> FromJson(std::string_view text) {
  ASSIGN_OR_RETURN(const Json json, ParseJson(text));
  ResultFile file;
  ASSIGN_OR_RETURN(file.format, JsonString(json, "format", "imported result"));
  ASSIGN_OR_RETURN(file.date.micros, JsonInt(json, "date_us", "imported result"));
  const Json* scores = JsonFind(json, "scores");
  if (scores == nullptr || !scores->is_array()) return InvalidArgument("scores are missing");
  for (const Json& score : *scores) {
    ASSIGN_OR_RETURN(ImportedScore read, ScoreFromJson(score));
    file.scores.push_back(std::move(read));
  }
  return file;
}

}  // namespace

Result<ResultFile> ParseResultFile(std::string_view path, std::string_view text) {
  ASSIGN_OR_RETURN(const Json json, ParsePythonObject(text));
  return Reader(path, json).Read();
}

std::string ResultFactsJson(const ResultFile& file) {
  Json scores = Json::array();
  for (const ImportedScore& score : file.scores) {
    scores.push_back({{"task", score.task},
                      {"metric", score.metric},
                      {"filter", score.filter},
                      {"value", score.value},
                      {"stderr", OrNull(score.stderr_value)},
                      {"shots", OrNull(score.num_fewshot)},
                      {"documents", OrNull(score.documents)}});
  }
  return CompactJson(
      {{"format", file.format}, {"date_us", file.date.micros}, {"scores", std::move(scores)}});
}

Result<ResultFile> ResultFromFactsJson(std::string_view json) {
  auto file = FromJson(json);
  if (!file.ok()) return DataLoss("imported result: " + file.status().message());
  return file;
}

}  // namespace koeval::board
