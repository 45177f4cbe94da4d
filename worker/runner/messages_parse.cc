// JSON text to frames, strictly.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "common/base/utf8.h"
#include "worker/runner/messages.h"

namespace koeval::runner {
namespace {

constexpr int kFrameDepthMax = 80;  // a task's rows may nest 64 levels by themselves

// Reads the fields of one object; the first error sticks, and Done() refuses what nobody read.
class Fields {
 public:
  Fields(Json object, std::string where) : object_(std::move(object)), where_(std::move(where)) {
    if (!object_.is_object()) status_ = InvalidArgument(where_ + ": must be an object");
  }

  std::string String(std::string_view key) { return Get(key, JsonString); }
  int64_t Int(std::string_view key) { return Get(key, JsonInt); }
  // A whole number from 0 up.
  int64_t Count(std::string_view key) {
    const int64_t value = Int(key);
    if (status_.ok() && value < 0) Fail(key, "must not be negative");
    return value;
  }
  LeaseId Lease(std::string_view key) { return LeaseId{Int(key)}; }
  std::optional<int64_t> OptionalInt(std::string_view key) {
    return Has(key) ? std::optional(Int(key)) : std::nullopt;
  }
  std::optional<int64_t> OptionalCount(std::string_view key) {
    return Has(key) ? std::optional(Count(key)) : std::nullopt;
  }
  std::optional<std::string> OptionalString(std::string_view key) {
    return Has(key) ? std::optional(String(key)) : std::nullopt;
  }
  // One of `words`.
  std::string Word(std::string_view key, std::initializer_list<std::string_view> words) {
    std::string value = String(key);
    if (status_.ok() && std::find(words.begin(), words.end(), value) == words.end()) {
      Fail(key, "has an unknown value");
    }
    return value;
  }
  // The member as it is, taken out of the object.
  Json Take(std::string_view key) {
    ++read_;
    const auto found = object_.find(std::string(key));
    if (!status_.ok()) return nullptr;
    if (found == object_.end() || found->is_null()) {
      Fail(key, "is missing");
      return nullptr;
    }
    return std::move(*found);
  }

  // Like Take; null when it is absent.
  Json OptionalTake(std::string_view key) { return Has(key) ? Take(key) : Json(); }

  void Fail(std::string_view key, std::string_view what) {
    if (status_.ok()) {
      status_ = InvalidArgument(fmt::format("{}: field \"{}\" {}", where_, key, what));
    }
  }

  // Every member was read: what is left over has an unknown name.
  Status Done() const {
    if (status_.ok() && object_.size() > read_) {
      return InvalidArgument(fmt::format("{}: has a field that is not known", where_));
    }
    return status_;
  }
  Status& status() { return status_; }

 private:
  bool Has(std::string_view key) {
    if (!status_.ok()) return false;
    if (JsonFind(object_, key) != nullptr) return true;
    if (object_.contains(std::string(key))) ++read_;  // null
    return false;
  }

  template <typename T>
  T Get(std::string_view key, Result<T> (*read)(const Json&, std::string_view, std::string_view)) {
    if (!status_.ok()) return T{};
    ++read_;
    Result<T> value = read(object_, key, where_);
    if (value.ok()) return std::move(value).value();
    status_ = value.status();
    return T{};
  }

  Json object_;
  const std::string where_;
  Status status_;
  size_t read_ = 0;
};

LoadFrame ReadLoad(Fields& f) {
  LoadFrame out;
  out.model_dir = f.String("model_dir");
  out.precision = f.Word("precision", {"float32", "bfloat16", "float16"});
  out.logits_dtype = f.Word("logits_dtype", {"float32", "as_model"});
  out.device = f.String("device");
  out.threads = f.Count("threads");
  if (out.threads > 4096) f.Fail("threads", "is more than 4096");
  out.profile = f.Word("profile", {"lm-eval-0.4", "leaderboard-v1"});
  out.engine = f.Word("engine", {"plan", "naive"});
  return out;
}

TaskFrame ReadTask(Fields& f) {
  TaskFrame out;
  out.job = f.String("job");
  out.index = f.Count("index");
  out.total = f.Count("total");
  if (out.total > kTasksPerJobMax) f.Fail("total", "is over the limit");
  if (out.index >= out.total) f.Fail("index", "is not below total");
  out.task = f.Take("task");
  out.num_fewshot = f.OptionalCount("num_fewshot");
  out.limit = f.OptionalCount("limit");
  out.seed = f.OptionalInt("seed");
  out.chat = f.OptionalTake("chat");
  return out;
}

RunFrame ReadRun(Fields& f) {
  RunFrame out;
  out.job = f.String("job");
  out.lease = f.Lease("lease");
  out.begin = f.Count("begin");
  out.end = f.OptionalCount("end");
  out.plan_digest = f.OptionalString("plan_digest");
  out.time_left_ms = f.OptionalInt("time_left_ms");
  return out;
}

ParentFrame ReadParent(std::string_view type, Fields& f) {
  if (type == "load") return ReadLoad(f);
  if (type == "task") return ReadTask(f);
  if (type == "plan") return PlanFrame{.job = f.String("job")};
  if (type == "run") return ReadRun(f);
  if (type == "stop") return StopFrame{.lease = f.Lease("lease")};
  if (type == "extend") {
    return ExtendFrame{.lease = f.Lease("lease"), .time_left_ms = f.Int("time_left_ms")};
  }
  if (type == "forget") return ForgetFrame{.job = f.String("job")};
  if (type != "quit") f.Fail("type", "has an unknown value");
  return QuitFrame{};
}

LoadedFrame ReadLoaded(Fields& f) {
  LoadedFrame out;
  Fields facts(f.Take("facts"), "frame 'loaded', facts");
  out.facts.architecture = facts.String("architecture");
  out.facts.model_type = facts.String("model_type");
  out.facts.parameters = facts.Count("parameters");
  out.facts.max_length = facts.Count("max_length");
  out.facts.dtype = facts.String("dtype");
  out.facts.logits_dtype = facts.String("logits_dtype");
  out.facts.hardware_class = facts.String("hardware_class");
  out.facts.tokenizer_digest = facts.String("tokenizer_digest");
  out.facts.bos_id = facts.OptionalInt("bos_id");
  out.facts.eos_id = facts.OptionalInt("eos_id");
  if (f.status().ok()) f.status() = facts.Done();
  return out;
}

PlannedFrame ReadPlanned(Fields& f) {
  PlannedFrame out;
  out.job = f.String("job");
  out.digest = f.String("digest");
  Json tasks = f.Take("tasks");
  if (!tasks.is_array()) f.Fail("tasks", "must be a list");
  for (Json& item : tasks) {
    Fields t(std::move(item), "frame 'planned', task");
    PlannedTask task;
    task.task = t.String("task");
    task.batches = t.Count("batches");
    task.requests = t.Count("requests");
    task.documents = t.Count("documents");
    task.truncated = t.Count("truncated");
    task.naive_tokens = t.Count("naive_tokens");
    task.unique_tokens = t.Count("unique_tokens");
    if (f.status().ok()) f.status() = t.Done();
    if (!f.status().ok()) break;
    out.tasks.push_back(std::move(task));
  }
  return out;
}

bool IsNumber(const Json& value) {
  return value.is_number() || value == "nan" || value == "inf" || value == "-inf";
}

// [index, number, greedy], [index, window, windows, number] or [index, text].
bool IsResult(const Json& item) {
  if (!item.is_array() || item.size() < 2 || !item[0].is_number_unsigned()) return false;
  if (item.size() == 2) {
    return item[1].is_string() && item[1].get_ref<const std::string&>().size() <= kTextBytesMax;
  }
  if (item.size() == 3) return IsNumber(item[1]) && item[2].is_boolean();
  return item.size() == 4 && item[1].is_number_unsigned() && item[2].is_number_unsigned() &&
         IsNumber(item[3]);
}

// {"task":name,"results":[...]}, all results of one shape.
bool IsResults(const Json& results) {
  const Json* list = JsonFind(results, "results");
  const Json* task = JsonFind(results, "task");
  if (list == nullptr || task == nullptr || !list->is_array() || !task->is_string()) return false;
  return results.size() == 2 && std::all_of(list->begin(), list->end(), [list](const Json& item) {
           return IsResult(item) && item.size() == list->front().size();
         });
}

BatchFrame ReadBatch(Fields& f) {
  BatchFrame out;
  out.job = f.String("job");
  out.lease = f.Lease("lease");
  out.batch = f.Count("batch");
  out.results = f.Take("results");
  out.run_ms = f.Count("run_ms");
  if (f.status().ok() && !IsResults(out.results)) f.Fail("results", "is not a list of results");
  return out;
}

FailedFrame ReadFailed(Fields& f) {
  FailedFrame out;
  if (const auto lease = f.OptionalInt("lease")) out.lease = LeaseId{*lease};
  out.job = f.OptionalString("job");
  out.ending = f.String("ending");
  out.message = f.String("message");
  out.remedy = f.String("remedy");
  return out;
}

RunnerFrame ReadRunner(std::string_view type, Fields& f) {
  if (type == "ready") {
    return ReadyFrame{
        .protocol = f.Int("protocol"), .pid = f.Int("pid"), .version = f.String("version")};
  }
  if (type == "loaded") return ReadLoaded(f);
  if (type == "planned") return ReadPlanned(f);
  if (type == "batch") return ReadBatch(f);
  if (type == "lease_done") return LeaseDoneFrame{.lease = f.Lease("lease")};
  if (type == "lease_stopped") {
    return LeaseStoppedFrame{.lease = f.Lease("lease"), .next = f.Count("next")};
  }
  if (type == "lease_expired") {
    return LeaseExpiredFrame{.lease = f.Lease("lease"), .next = f.Count("next")};
  }
  if (type == "failed") return ReadFailed(f);
  if (type != "alive") f.Fail("type", "has an unknown value");
  return AliveFrame{};
}

template <typename Variant>
Result<Variant> Parse(std::string_view line, Variant (*read)(std::string_view, Fields&)) {
  auto json = ParseJson(line, {.depth_max = kFrameDepthMax, .bytes_max = kFrameBytesMax});
  if (!json.ok()) return json.status().WithContext("frame");
  const Json* type = JsonFind(*json, "type");
  const std::string name = type != nullptr && type->is_string() ? type->get<std::string>() : "";
  Fields fields(std::move(json).value(), fmt::format("frame '{}'", Utf8Prefix(name, 32)));
  fields.String("type");
  Variant frame = read(name, fields);
  RETURN_IF_ERROR(fields.Done());
  return frame;
}

}  // namespace

Result<ParentFrame> ParseParentFrame(std::string_view line) {
  return Parse(line, ReadParent);
}

Result<RunnerFrame> ParseRunnerFrame(std::string_view line) {
  return Parse(line, ReadRunner);
}

}  // namespace koeval::runner
