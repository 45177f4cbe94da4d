// A database with a filled leaderboard.
#include "tests/scheduler/service/web_fill.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "scheduler/core/event_kinds.h"
#include "scheduler/core/sentences.h"
#include "scheduler/service/chat_spec.h"
#include "scheduler/service/results_convert.h"
#include "tests/scheduler/service/harness.h"

namespace koeval::service {
namespace {

constexpr std::array<const char*, 5> kColumns = {"Ko-ARC", "Ko-HellaSwag", "Ko-MMLU",
                                                 "Ko-TruthfulQA", "Ko-CommonGen V2"};
constexpr std::array<const char*, 4> kTypes = {"pretrained", "fine-tuned", "instruction-tuned",
                                               "RL-tuned"};
constexpr std::array<const char*, 4> kLicenses = {"apache-2.0", "cc-by-nc-4.0", "llama3", "mit"};
constexpr std::array<double, 6> kBillions = {0.58, 1.3, 3.8, 7.24, 10.7, 70.6};
constexpr WallTime kFirstDay{1'720'000'000'000'000};
constexpr int64_t kHourMicros = 3'600'000'000;
constexpr size_t kRowsPerCommit = 2'000;

// From 0 to 1, spread evenly and the same every time.
double Spread(int64_t number, int64_t salt) {
  const double x = static_cast<double>(number + 1) * 0.6180339887498949 +
                   static_cast<double>(salt) * 0.7548776662466927;
  return x - std::floor(x);
}

template <typename Values>
auto Pick(const Values& values, int64_t number) {
  return values[static_cast<size_t>(number) % values.size()];
}

std::string ModelName(int64_t number) {
  return fmt::format("org-{}/model-{}", number % 90, number);
}

core::RequestRow NewRow(int64_t number, const std::string& id, const std::string& model) {
  core::RequestRow row;
  row.id = RequestId{id};
  row.number = number + 1;
  row.spec.model = model;
  row.spec.revision = fmt::format("{:040x}", number * 7'919 + 1);
  row.spec.precision = number % 3 == 0 ? "bfloat16" : "float16";
  row.spec.model_type = Pick(kTypes, number);
  row.spec.suite = "ko-h5";
  row.spec.suite_version = "1";
  row.spec.profile = "leaderboard-v1";
  row.spec.bundle_digest = std::string(64, 'b');
  row.spec.time_limit_ms = 86'400'000;
  row.spec.submitter = "filler";
  row.facts_json = fmt::format(
      R"({{"facts":{{"architecture":"LlamaForCausalLM","parameters":{:.0f},"license":"{}","likes":{}}},"findings":[]}})",
      Pick(kBillions, number) * 1e9, Pick(kLicenses, number / 3), number * 37 % 400);
  row.submitted_at = row.updated_at = {kFirstDay.micros + number * kHourMicros};
  return row;
}

StoredScores ScoresOf(int64_t number, const FillOptions& options) {
  StoredScores scores;
  for (size_t i = 0; i < kColumns.size(); ++i) {
    const double value = 0.2 + 0.6 * Spread(number, static_cast<int64_t>(i));
    scores.suite.entries.push_back({kColumns[i], "acc_norm", value, 0.005 + 0.01 * value});
    scores.suite.average += value / kColumns.size();
  }
  for (const auto& entry : scores.suite.entries) {
    evaluation::TaskScore task;
    task.task = task.alias = entry.name;
    task.num_fewshot = 5;
    task.documents = 1'000;
    task.metrics = {{"acc", "none", entry.value * 0.95, entry.stderr_value, true},
                    {"acc_norm", "none", entry.value, entry.stderr_value, true}};
    scores.tasks.push_back(std::move(task));
  }
  scores.results_json = fmt::format(
      R"({{"filling":"{}"}})", std::string(static_cast<size_t>(options.result_file_bytes), 'x'));
  return scores;
}

std::string BatchText(int64_t batch) {
  std::string results;
  for (int64_t i = 0; i < kFillBatchSamples; ++i) {
    results += fmt::format("{}[{},{:.6f},false]", i == 0 ? "" : ",", batch * kFillBatchSamples + i,
                           -10 * Spread(i, batch));
  }
  return fmt::format(R"({{"task":"toy_a","results":[{}]}})", results);
}

// Collects mutations and commits them in pieces.
class Committer {
 public:
  explicit Committer(store::JobStore& store) : store_(store) {}
  Status Add(core::Mutation mutation) {
    waiting_.push_back(std::move(mutation));
    return waiting_.size() < kRowsPerCommit ? OkStatus() : Finish();
  }
  Status Finish() {
    RETURN_IF_ERROR(store_.Commit(waiting_));
    waiting_.clear();
    return OkStatus();
  }

 private:
  store::JobStore& store_;
  std::vector<core::Mutation> waiting_;
};

Status AddFinished(int64_t number, const FillOptions& options, Committer* out) {
  core::RequestRow row = NewRow(number, fmt::format("r-{}", number), ModelName(number));
  row.state = core::RequestState::kFinished;
  row.phase = core::Phase::kDone;
  row.ending = "FINISHED";
  row.attempt = 1;
  row.hardware_class = "cuda:NVIDIA H100 80GB HBM3:torch2.13";
  if (number % 50 == 49) row.spec.limit = 10;
  if (number % 31 == 5) row.spec.chat = ChatText({"", number % 62 == 5, ""});
  row.started_at = {row.submitted_at.micros + kHourMicros};
  row.finished_at = {row.started_at.micros + 2 * kHourMicros};
  const StoredScores scores = ScoresOf(number, options);
  RETURN_IF_ERROR(out->Add(
      core::ScoreRow{row.id, row.round, ToJson(scores), scores.suite.average, row.finished_at}));
  RETURN_IF_ERROR(out->Add(core::AttemptRow{row.id, 1, 1, WorkerId{"gpu-node-07"}, row.started_at,
                                            row.finished_at, "FINISHED", ""}));
  for (int64_t batch = 0; batch * kFillBatchSamples < options.samples_per_model; ++batch) {
    RETURN_IF_ERROR(out->Add(core::BatchRow{row.id, row.round, batch, WorkerId{"gpu-node-07"},
                                            LeaseId{1}, BatchText(batch), 100, row.finished_at}));
  }
  return out->Add(std::move(row));
}

Status AddFlags(const FillOptions& options, Committer* out) {
  for (int64_t number = 7; number < options.models; number += 97) {
    core::FlagRow flag;
    flag.model = ModelName(number);
    flag.reason = "trained on rows of the test set";
    flag.url = "https://hub.example/discussions/1";
    flag.set_by = "filler";
    flag.set_at = kFirstDay;
    RETURN_IF_ERROR(out->Add(std::move(flag)));
  }
  return OkStatus();
}

Status AddOthers(const FillOptions& options, Committer* out) {
  int64_t number = options.models;
  for (int64_t i = 0; i < options.failed; ++i, ++number) {
    core::RequestRow row =
        NewRow(number, fmt::format("failed-{}", i), fmt::format("org-{}/broken-{}", i, i));
    row.state = core::RequestState::kFailed;
    row.phase = core::Phase::kDone;
    row.ending = "BAD_CHECKPOINT";
    row.reason =
        "model-00002-of-00003.safetensors ends after 1073741824 bytes, its header says 4932808704";
    row.remedy = "Upload the file again, then retry.";
    if (i % 2 == 1) {
      using core::Sentence;
      row.ending = "INFEASIBLE";
      row.reason = core::Say(Sentence::kLargestSlot,
                             {"140.0 GiB", "float32", "78.0 GiB", "gpu-node-07", "0"});
      row.remedy = core::Say(Sentence::kUseBfloat16, {"70.0 GiB"});
    }
    row.finished_at = {row.submitted_at.micros + kHourMicros};
    RETURN_IF_ERROR(out->Add(std::move(row)));
  }
  for (int64_t i = 0; i < options.pending; ++i, ++number) {
    core::RequestRow row =
        NewRow(number, fmt::format("pending-{}", i), fmt::format("org-{}/waiting-{}", i, i));
    row.phase = core::Phase::kQueued;
    const std::string key = "memory:" + row.id.text;
    RETURN_IF_ERROR(out->Add(core::MetaRow{key, std::to_string(kLargeModelBytes)}));
    RETURN_IF_ERROR(out->Add(std::move(row)));
  }
  return out->Finish();
}

}  // namespace

void WriteFillSuite(const std::string& folder) {
  WriteToySuite(folder);
  std::string text =
      "suite: ko-h5\ntitle: Ko-H5\nversion: \"1\"\nprofile: leaderboard-v1\ntasks_dir: ../tasks\n"
      "entries:\n";
  for (size_t i = 0; i < kColumns.size(); ++i) {
    text += fmt::format("  - {{name: {}, task: {}, metric: acc}}\n", kColumns[i],
                        i % 2 == 0 ? "toy_a" : "toy_b");
  }
  WriteText(folder + "/suites/ko-h5.yaml", text);
}

Status FillStore(const FillOptions& options, store::JobStore& store) {
  Committer out(store);
  for (int64_t number = 0; number < options.models; ++number) {
    RETURN_IF_ERROR(AddFinished(number, options, &out));
  }
  RETURN_IF_ERROR(AddFlags(options, &out));
  return AddOthers(options, &out);
}

}  // namespace koeval::service
