// Any result file -> config_general, "harness|task|shots" keys and "all".
#include "scheduler/board/leaderboard_v1.h"

#include <fmt/core.h>

#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "common/base/json.h"
#include "scheduler/board/json_fields.h"
#include "scheduler/board/python_json.h"
#include "scheduler/board/result_file.h"

namespace koeval::board {
namespace {

constexpr std::string_view kAll = "all";
constexpr double kMicros = 1e6;

std::string NameOf(const std::string& task) {
  constexpr std::string_view kMmlu = "mmlu_";
  constexpr std::string_view kArc = "arc_";
  if (task.starts_with(kMmlu)) return "hendrycksTest-" + task.substr(kMmlu.size());
  if (task.starts_with(kArc)) return "arc:" + task.substr(kArc.size());
  return task;
}

std::string KeyOf(const ImportedScore& score) {
  const std::string shots = score.num_fewshot ? std::to_string(*score.num_fewshot) : "?";
  return fmt::format("harness|{}|{}", NameOf(score.task), shots);
}

// The mean of what was added; nothing where nothing was.
struct Mean {
  double sum = 0;
  int64_t count = 0;
  void Add(double value) {
    sum += value;
    ++count;
  }
  std::optional<double> value() const {
    return count == 0 ? std::nullopt : std::optional(sum / static_cast<double>(count));
  }
};

// An object of `members`, whose names differ: look-up in Json itself is linear.
Json ObjectOf(std::vector<std::pair<std::string, Json>> members) {
  return Json::object_t(std::make_move_iterator(members.begin()),
                        std::make_move_iterator(members.end()));
}

// The members of the object `name` of `source`.
std::map<std::string, Json> MembersOf(const Json& source, const char* name) {
  std::map<std::string, Json> out;
  const Json* object = JsonFind(source, name);
  if (object == nullptr || !object->is_object()) return out;
  for (const auto& [key, value] : object->items()) out.emplace(key, value);
  return out;
}

class Writer {
 public:
  Writer(const Json& source, const ResultFile& file)
      : source_(source),
        file_(file),
        groups_(MembersOf(source, "groups")),
        versions_(MembersOf(source, "versions")) {}

  Json Write() {
    for (const ImportedScore& score : file_.scores) {
      if (score.task != kAll && !groups_.contains(score.task)) AddScore(score);
    }
    Json out;
    out["config_general"] = General();
    AddRows(&out);
    out["summary_tasks"] = Json::object();
    out["summary_general"] = Json::object();
    if (!samples_.empty()) out["n-samples"] = ObjectOf(std::move(samples_));
    if (file_.date != WallTime{}) out["date"] = static_cast<double>(file_.date.micros) / kMicros;
    if (const Json* own = JsonFind(source_, "koeval")) out["koeval"] = *own;
    return out;
  }

 private:
  struct Row {
    std::string key;
    std::string task;
    std::vector<std::pair<std::string, Json>> metrics;
  };

  Json General() const {
    Json out;
    for (const char* name :
         {"lighteval_sha", "num_few_shot_default", "num_fewshot_seeds", "override_batch_size",
          "max_samples", "job_id", "start_time", "end_time", "total_evaluation_time_secondes"}) {
      out[name] = nullptr;
    }
    out["model_name"] = file_.model;
    out["model_sha"] = file_.revision;
    out["model_dtype"] = file_.precision;
    out["model_size"] = nullptr;
    const Json* said = JsonFind(source_, "config_general");
    if (said == nullptr || !said->is_object()) return out;
    for (const auto& [name, value] : said->items()) {
      const bool says_nothing = value.is_string() && value.get_ref<const std::string&>().empty();
      if (!says_nothing) out[name] = value;
    }
    return out;
  }

  Row& RowOf(const ImportedScore& score) {
    const std::string key = KeyOf(score);
    const auto [at, is_new] = row_of_.try_emplace(key, rows_.size());
    if (is_new) {
      rows_.push_back({key, score.task, {}});
      if (score.documents) samples_.emplace_back(key, Json{{"effective", *score.documents}});
    }
    return rows_[at->second];
  }

  void AddScore(const ImportedScore& score) {
    Row& row = RowOf(score);
    if (!taken_.insert({row.key, score.metric}).second) return;  // another filter
    row.metrics.emplace_back(score.metric, score.value);
    means_[score.metric].first.Add(score.value);
    if (!score.stderr_value) return;
    row.metrics.emplace_back(score.metric + "_stderr", *score.stderr_value);
    means_[score.metric].second.Add(*score.stderr_value);
  }

  Json All() const {
    Json all = Json::object();
    for (const auto& [metric, means] : means_) {
      all[metric] = *means.first.value();
      if (const auto error = means.second.value()) all[metric + "_stderr"] = *error;
    }
    return all;
  }

  void AddRows(Json* out) {
    std::vector<std::pair<std::string, Json>> results, versions, tasks;
    std::set<std::string> named;  // without shots
    for (Row& row : rows_) {
      const auto version = versions_.find(row.task);
      versions.emplace_back(row.key, version == versions_.end() ? Json(nullptr) : version->second);
      const std::string name = row.key.substr(0, row.key.rfind('|'));
      if (named.insert(name).second) tasks.emplace_back(name, "LM Harness task");
      results.emplace_back(std::move(row.key), ObjectOf(std::move(row.metrics)));
    }
    results.emplace_back(kAll, All());
    versions.emplace_back(kAll, 0);
    (*out)["results"] = ObjectOf(std::move(results));
    (*out)["versions"] = ObjectOf(std::move(versions));
    (*out)["config_tasks"] = ObjectOf(std::move(tasks));
  }

  const Json& source_;
  const ResultFile& file_;
  const std::map<std::string, Json> groups_, versions_;
  std::vector<Row> rows_;
  std::map<std::string, size_t> row_of_;                 // by key
  std::set<std::pair<std::string, std::string>> taken_;  // key and metric
  std::map<std::string, std::pair<Mean, Mean>> means_;   // of a metric's values and errors
  std::vector<std::pair<std::string, Json>> samples_;
};

// Rows of the layout itself, which no other version has.
bool HasPipes(const Json& source) {
  const Json* results = JsonFind(source, "results");
  for (const auto& [key, value] : results->items()) {
    if (key.find('|') != std::string::npos) return true;
  }
  return false;
}

}  // namespace

Result<std::string> ToLeaderboardV1(std::string_view path, std::string_view text) {
  ASSIGN_OR_RETURN(const ResultFile file, ParseResultFile(path, text));
  ASSIGN_OR_RETURN(const Json source, ParsePythonObject(text));
  if (file.format == "leaderboard" && HasPipes(source)) return std::string(text);
  return PythonJsonDumps(Writer(source, file).Write(), {.indent = 2});
}

}  // namespace koeval::board
