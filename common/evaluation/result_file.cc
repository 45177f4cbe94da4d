// Result files of a run.
#include "common/evaluation/result_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "common/base/check.h"
#include "common/base/file.h"
#include "common/base/sha256.h"
#include "common/evaluation/result_groups.h"
#include "common/evaluation/tokenizer_generation.h"

namespace koeval::evaluation {
namespace {

namespace fs = std::filesystem;

// What the harness writes for a run of its defaults.
constexpr int64_t kBootstrapIterations = 100000;
constexpr int64_t kTorchSeed = 1234;
constexpr int64_t kNumpySeed = 1234;
constexpr int64_t kRandomSeed = 0;
// Bytes of a model's folder name; file systems allow 255.
constexpr size_t kFolderNameMax = 200;

Json TextOrNull(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Json OrNotAvailable(const std::optional<double>& value) {
  return value ? Json(*value) : Json("N/A");
}

void AddMetric(Json& into, const std::string& metric, const std::string& filter, double value,
               const std::optional<double>& error) {
  into[fmt::format("{},{}", metric, filter)] = value;
  into[fmt::format("{}_stderr,{}", metric, filter)] = OrNotAvailable(error);
}

// One task's own place under "results". The harness of 2023 has no filters in its keys, so its
// profile gives both spellings.
Json TaskMetrics(const TaskScore& score, Profile profile) {
  Json out;
  out["name"] = score.task;
  out["alias"] = score.alias;
  out["sample_len"] = score.documents;
  for (const MetricValue& metric : score.metrics) {
    AddMetric(out, metric.metric, metric.filter, metric.value, metric.stderr_value);
  }
  if (profile != Profile::kLeaderboardV1) return out;
  for (const MetricValue& metric : score.metrics) {
    out[metric.metric] = metric.value;
    if (metric.stderr_value) out[metric.metric + "_stderr"] = *metric.stderr_value;
  }
  return out;
}

// What the harness makes of fewshot_config: the task's own values where it says nothing else.
Json ShotDefinition(const Json& raw, const Json& task) {
  const Json* given = JsonFind(raw, "fewshot_config");
  const auto own = [&](const char* key, const Json& fallback) {
    const Json* value = given == nullptr ? nullptr : JsonFind(*given, key);
    return value == nullptr ? fallback : *value;
  };
  const auto of_task = [&](const char* key) {
    return task.contains(key) ? task[key] : Json(nullptr);
  };
  Json out;
  out["sampler"] = own("sampler", "default");
  out["split"] = own("split", of_task("fewshot_split"));
  out["process_docs"] = own("process_docs", of_task("process_docs"));
  for (const char* key : {"fewshot_indices", "samples"}) out[key] = own(key, nullptr);
  for (const char* key : {"doc_to_text", "doc_to_choice", "doc_to_target", "gen_prefix",
                          "fewshot_delimiter", "target_delimiter"}) {
    out[key] = own(key, of_task(key));
  }
  return out;
}

// A task's definition with the defaults and in the order of the harness's dump: its TaskConfig
// without what is null. Keys of our own come last.
Json TaskDefinition(const PreparedTask& prepared) {
  const TaskConfig& config = prepared.config;
  Json values = config.raw.is_object() ? config.raw : Json::object();
  values["task"] = config.task;
  values["num_fewshot"] = prepared.num_fewshot;
  values["output_type"] = std::string(OutputTypeName(config.output_type));
  values["repeats"] = config.repeats;
  values["description"] = config.description;
  values["target_delimiter"] = config.target_delimiter;
  values["fewshot_delimiter"] = config.fewshot_delimiter;
  if (!config.generation_kwargs.is_null()) values["generation_kwargs"] = config.generation_kwargs;
  for (const char* key : {"unsafe_code", "should_decontaminate"}) {
    if (!values.contains(key)) values[key] = false;
  }
  values["fewshot_config"] = ShotDefinition(config.raw, values);
  values.erase("tag");
  Json out = Json::object();
  const auto move = [&](const std::string& key) {
    if (values.contains(key) && !values[key].is_null()) out[key] = values[key];
    values.erase(key);
  };
  for (const char* key : {"task",
                          "task_alias",
                          "dataset_path",
                          "dataset_name",
                          "dataset_kwargs",
                          "training_split",
                          "validation_split",
                          "test_split",
                          "fewshot_split",
                          "process_docs",
                          "doc_to_text",
                          "doc_to_target",
                          "unsafe_code",
                          "doc_to_choice",
                          "process_results",
                          "description",
                          "target_delimiter",
                          "fewshot_delimiter",
                          "fewshot_config",
                          "num_fewshot",
                          "metric_list",
                          "output_type",
                          "generation_kwargs",
                          "repeats",
                          "filter_list",
                          "should_decontaminate",
                          "doc_to_decontamination_query",
                          "gen_prefix",
                          "metadata"}) {
    move(key);
  }
  for (const auto& [key, value] : values.items()) out[key] = value;
  return out;
}

// The version as the definition gives it, else "Yaml", the harness's word for none.
Json TaskVersion(const TaskConfig& config) {
  const Json* metadata = JsonFind(config.raw, "metadata");
  const Json* version = metadata == nullptr ? nullptr : JsonFind(*metadata, "version");
  if (version != nullptr) return *version;
  return config.version.empty() ? Json("Yaml") : Json(config.version);
}

// The values of `pairs` in the order of their keys, as the harness sorts most of its tables.
Json SortedObject(std::vector<std::pair<std::string, Json>> pairs) {
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  Json out = Json::object();
  for (auto& [key, value] : pairs) out[key] = std::move(value);
  return out;
}

// A group's place under "results" and "groups". One without aggregate metrics has only its name.
Json GroupMetrics(const Group& group, const GroupScore& score) {
  Json out;
  out["alias"] = group.alias;
  out["name"] = group.name;
  if (group.metrics.empty()) return out;
  out["sample_len"] = score.documents;
  for (const MetricValue& metric : score.metrics) {
    AddMetric(out, metric.metric, metric.filter, metric.value, metric.stderr_value);
  }
  Json counts = Json::object();
  for (const auto& [key, count] : score.counts) counts[key] = count;
  if (!counts.empty()) out["sample_count"] = std::move(counts);
  return out;
}

void AddResults(Json& out, Profile profile, std::span<const TaskRun> tasks, const AllGroups& all) {
  Json results = Json::object();
  for (const TaskRun& task : tasks) results[task.score->task] = TaskMetrics(*task.score, profile);
  Json groups = Json::object();
  for (const GroupScore& score : all.scores) {
    const Group& group = all.Of(score);
    results[group.name] = GroupMetrics(group, score);
    if (!group.metrics.empty()) groups[group.name] = results[group.name];
  }
  Json subtasks = Json::object();
  for (const Group& group : all.groups) subtasks[group.name] = group.members;
  out["results"] = std::move(results);
  if (!groups.empty()) out["groups"] = std::move(groups);
  out["group_subtasks"] = std::move(subtasks);
}

void AddTaskTables(Json& out, std::span<const TaskRun> tasks, const AllGroups& all) {
  Table configs, versions, shots, directions;
  Json samples = Json::object();
  for (const TaskRun& task : tasks) {
    const std::string& name = task.score->task;
    configs.emplace_back(name, TaskDefinition(*task.prepared));
    versions.emplace_back(name, TaskVersion(task.prepared->config));
    shots.emplace_back(name, task.score->num_fewshot);
    Json direction = Json::object();
    for (const MetricValue& metric : task.score->metrics) {
      direction[metric.metric] = metric.higher_is_better;
    }
    directions.emplace_back(name, std::move(direction));
    samples[name] = {{"original", task.original_documents}, {"effective", task.score->documents}};
  }
  for (const Group& group : all.groups) versions.emplace_back(group.name, group.version);
  AddGroupShots(all, shots);
  AddGroupDirections(all, directions);
  out["configs"] = SortedObject(std::move(configs));
  out["versions"] = SortedObject(std::move(versions));
  out["n-shot"] = SortedObject(std::move(shots));
  out["higher_is_better"] = SortedObject(std::move(directions));
  out["n-samples"] = std::move(samples);
}

Json RunConfig(const RunFacts& facts) {
  Json out;
  out["model"] = "koeval";
  out["model_args"] = facts.model_args;
  out["model_num_parameters"] = facts.parameters;
  out["model_dtype"] = facts.dtype.empty() ? "" : "torch." + facts.dtype;
  out["model_revision"] = facts.revision;
  out["model_sha"] = facts.model_sha;
  out["batch_size"] = nullptr;
  out["batch_sizes"] = Json::array();
  out["device"] = TextOrNull(facts.device);
  out["use_cache"] = nullptr;
  out["limit"] = facts.limit ? Json(*facts.limit) : Json(nullptr);
  out["bootstrap_iters"] = kBootstrapIterations;
  out["gen_kwargs"] = nullptr;
  out["random_seed"] = kRandomSeed;
  out["numpy_seed"] = kNumpySeed;
  out["torch_seed"] = kTorchSeed;
  out["fewshot_seed"] = facts.fewshot_seed;
  return out;
}

Json TokenPair(const std::optional<TokenFact>& token) {
  if (!token) return Json::array({nullptr, "None"});
  return Json::array({token->text, std::to_string(token->id)});
}

void AddEnvironment(Json& out, const RunFacts& facts) {
  out["pretty_env_info"] = facts.hardware_class;
  out["transformers_version"] = nullptr;
  out["lm_eval_version"] = nullptr;
  out["upper_git_hash"] = nullptr;
  out["tokenizer_pad_token"] = TokenPair(facts.pad_token);
  out["tokenizer_eos_token"] = TokenPair(facts.eos_token);
  out["tokenizer_bos_token"] = TokenPair(facts.bos_token);
  out["eot_token_id"] = facts.eos_token ? Json(facts.eos_token->id) : Json(nullptr);
  out["max_length"] = facts.max_length;
}

void AddModel(Json& out, const RunFacts& facts) {
  out["model_source"] = "koeval";
  out["model_name"] = facts.model_name;
  out["model_name_sanitized"] = SanitizeModelName(facts.model_name);
  const auto with_hash = [&](const std::string& key, const std::string& text) {
    out[key] = TextOrNull(text);
    out[key + "_sha"] = text.empty() ? Json(nullptr) : Json(Sha256Hex(text));
  };
  const ChatOptions& chat = facts.chat;
  with_hash("system_instruction", chat.system_instruction);
  out["fewshot_as_multiturn"] = chat.fewshot_as_multiturn;
  with_hash("chat_template", chat.chat_template ? chat.chat_template->text : "");
  const int64_t micros = facts.finished_at.micros - facts.started_at.micros;
  out["total_evaluation_time_seconds"] = PythonFloat(static_cast<double>(micros) / 1e6);
}

Json SuiteSummary(const SuiteRun& run) {
  Json entries = Json::array();
  for (size_t i = 0; i < run.score->entries.size(); ++i) {
    const EntryScore& score = run.score->entries[i];
    Json entry;
    entry["name"] = score.name;
    entry["metric"] = score.metric;
    entry["tasks"] = run.suite->entries[i].tasks;
    entry["value"] = score.value;
    entry["stderr"] = score.stderr_value ? Json(*score.stderr_value) : Json(nullptr);
    entries.push_back(std::move(entry));
  }
  Json out;
  out["name"] = run.suite->name;
  out["version"] = run.suite->version;
  out["entries"] = std::move(entries);
  out["average"] = run.score->average;
  return out;
}

Json TokenTexts(const std::vector<std::pair<std::string, std::string>>& tokens) {
  Json out = Json::object();
  for (const auto& [attribute, text] : tokens) out[attribute] = text;
  return out;
}

// What the harness has no place for.
Json OwnFacts(const RunFacts& facts, std::span<const TaskRun> tasks,
              const std::optional<SuiteRun>& suite) {
  Json out;
  out["format"] = 1;
  out["profile"] = ProfileName(facts.profile);
  out["engine"] = TextOrNull(facts.engine);
  out["dtype"] = TextOrNull(facts.dtype);
  out["logits_dtype"] = TextOrNull(facts.logits_dtype);
  out["softmax_dtype"] = TextOrNull(facts.softmax_dtype);
  out["hardware_class"] = TextOrNull(facts.hardware_class);
  out["request_id"] = TextOrNull(facts.request_id);
  out["plan_digest"] = TextOrNull(facts.plan_digest);
  out["bundle_digest"] = TextOrNull(facts.bundle_digest);
  out["tokenizer_digest"] = TextOrNull(facts.tokenizer_digest);
  out["tokenizer_generation"] = TokenizerGeneration(facts.profile);
  Json versions = Json::object();
  for (const auto& [name, version] : facts.versions) versions[name] = version;
  out["versions"] = std::move(versions);
  Json by_task = Json::object();
  for (const TaskRun& task : tasks) {
    Json entry;
    entry["digest"] = TextOrNull(task.task_digest);
    if (task.dataset) {
      entry["dataset"] = {{"name", task.dataset->name}, {"digest", task.dataset->digest}};
    }
    entry["requests"] = task.prepared->requests.size();
    entry["truncated"] = task.truncated_requests;
    if (task.prepared->system_dropped > 0) {
      entry["system_message_refused"] = task.prepared->system_dropped;
    }
    by_task[task.score->task] = std::move(entry);
  }
  out["tasks"] = std::move(by_task);
  if (facts.chat.chat_template) {
    out["chat"] = {{"template_name", facts.chat.chat_template->name},
                   {"special_tokens", TokenTexts(facts.chat.chat_template->special_tokens)},
                   {"now_seconds", facts.chat.now_seconds}};
  }
  out["suite"] = suite ? SuiteSummary(*suite) : Json(nullptr);
  out["started_at"] = FormatUtcMicros(facts.started_at);
  out["finished_at"] = FormatUtcMicros(facts.finished_at);
  return out;
}

}  // namespace

Json MakeResults(const RunFacts& facts, std::span<const TaskRun> tasks,
                 const std::optional<SuiteRun>& suite, const GroupRun& groups) {
  for (const TaskRun& task : tasks) {
    KOEVAL_CHECK(task.prepared != nullptr && task.score != nullptr, "a task run has both parts");
  }
  Json out;
  const AllGroups all = CollectGroups(tasks, suite, groups);
  AddResults(out, facts.profile, tasks, all);
  AddTaskTables(out, tasks, all);
  out["config"] = RunConfig(facts);
  out["git_hash"] = nullptr;
  out["date"] = static_cast<double>(facts.started_at.micros) / 1e6;
  AddEnvironment(out, facts);
  Json hashes = Json::object();
  for (const TaskRun& task : tasks) {
    if (!task.sample_digest.empty()) hashes[task.score->task] = task.sample_digest;
  }
  out["task_hashes"] = std::move(hashes);
  AddModel(out, facts);
  out["koeval"] = OwnFacts(facts, tasks, suite);
  return out;
}

std::string ResultsText(const Json& results) {
  return PythonJsonDumps(results, {.ensure_ascii = false, .sort_keys = false, .indent = 2});
}

std::string SanitizeModelName(const std::string& model) {
  constexpr std::string_view kReplaced = "\"<>:/|\\?*[]";
  std::string out;
  bool in_run = false;
  for (const char c : model) {
    const bool replaced = kReplaced.find(c) != std::string_view::npos;
    if (!replaced) out += c;
    if (replaced && !in_run) out += "__";
    in_run = replaced;
  }
  return out;
}

std::string FileStamp(WallTime time) {
  std::string stamp = FormatUtcMicros(time);
  if (stamp.ends_with('Z')) stamp.pop_back();
  std::replace(stamp.begin(), stamp.end(), ':', '-');
  return stamp;
}

Result<ResultPaths> WriteResultFiles(const std::string& folder, const RunFacts& facts,
                                     const Json& results,
                                     std::span<const std::pair<std::string, SampleLog>> samples) {
  std::string name = SanitizeModelName(facts.model_name);
  // The end of a long path tells models apart better than its beginning.
  if (name.size() > kFolderNameMax) {
    size_t at = name.size() - kFolderNameMax;
    while (at < name.size() && (static_cast<unsigned char>(name[at]) & 0xc0) == 0x80) ++at;
    name = name.substr(at);
  }
  if (name.empty() || name == "." || name == "..") name = "model";
  const fs::path parent = fs::path(folder) / name;
  std::error_code error;
  fs::create_directories(parent, error);
  if (error) {
    return Unavailable(fmt::format("{}: cannot create the folder: {}; give another --output",
                                   parent.string(), error.message()));
  }
  const std::string stamp = FileStamp(facts.finished_at);
  ResultPaths paths;
  for (const auto& [task, log] : samples) {
    std::string text;
    for (const std::string& line : log.lines) text += line + "\n";
    const fs::path path = parent / fmt::format("samples_{}_{}.jsonl", task, stamp);
    RETURN_IF_ERROR(WriteFileAtomically(path.string(), text));
    paths.samples.push_back(path.string());
  }
  paths.results = (parent / fmt::format("results_{}.json", stamp)).string();
  RETURN_IF_ERROR(WriteFileAtomically(paths.results, ResultsText(results)));
  return paths;
}

}  // namespace koeval::evaluation
