// Result files: the JSON of a run as lm-evaluation-harness 0.4 writes it, with a `koeval` object
// for what the harness lacks, and the folder that it lies in.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/status.h"
#include "common/evaluation/group.h"
#include "common/evaluation/prepare.h"
#include "common/evaluation/sample_line.h"
#include "common/evaluation/score.h"
#include "common/evaluation/suite.h"

namespace koeval::evaluation {

// A special token as the harness lists it.
struct TokenFact {
  std::string text;
  int64_t id = 0;
};

// What is known about a run besides its scores. Empty texts and absent numbers become null.
struct RunFacts {
  std::string model_name;  // org/name or the folder; names the result folder
  std::string model_args;  // the harness's "pretrained=...,dtype=..." text
  std::string revision;
  std::string model_sha;  // commit of the repository
  int64_t parameters = 0;
  std::string dtype;         // float32, bfloat16, float16
  std::string logits_dtype;  // float32 or as_model
  // What log-probabilities were computed and summed in, which follows from logits_dtype, profile
  // and model class.
  std::string softmax_dtype;
  std::string device;  // cpu, cuda:0
  std::optional<int64_t> limit;
  int64_t fewshot_seed = 1234;
  Profile profile = Profile::kLmEval04;
  int64_t max_length = 0;
  std::optional<TokenFact> pad_token, eos_token, bos_token;

  ChatOptions chat = {};

  std::string engine;          // plan or naive
  std::string hardware_class;  // of every batch of the run
  std::string plan_digest;
  std::string bundle_digest;
  std::string tokenizer_digest;
  std::string request_id;  // of the queue; "" for a run without daemons
  std::vector<std::pair<std::string, std::string>> versions;  // ("koeval", "0.1.0"), ...

  WallTime started_at, finished_at;
};

// One task of a run.
struct TaskRun {
  const PreparedTask* prepared = nullptr;  // not owned
  const TaskScore* score = nullptr;        // not owned
  int64_t original_documents = 0;          // in the evaluated split, before any limit
  int64_t truncated_requests = 0;
  std::string task_digest;
  std::string sample_digest;                  // SampleLog::digest; "" when samples are not logged
  std::optional<DatasetOrigin> dataset = {};  // of the rows, when they are registered
};

// A suite and what a run scored in it.
struct SuiteRun {
  const Suite* suite = nullptr;       // not owned
  const SuiteScore* score = nullptr;  // not owned
};

// The groups of a run (LoadSelection) and what they scored (ScoreGroups).
struct GroupRun {
  std::span<const Group> groups;
  std::span<const GroupScore> scores;
};

// The complete results value: the harness's keys in the harness's order, then "koeval". Besides
// `groups`, the entries of a suite that join several tasks are groups. Times come from `facts`
// alone. Source: lm-evaluation-harness 0.4.13, EvalAcc and Group.aggregate.
Json MakeResults(const RunFacts& facts, std::span<const TaskRun> tasks,
                 const std::optional<SuiteRun>& suite, const GroupRun& groups = {});

// MakeResults' value as the text of a result file.
std::string ResultsText(const Json& results);

// The harness's folder name for a model: each run of "<>:/|\?*[] becomes "__".
std::string SanitizeModelName(const std::string& model);
// The harness's stamp in file names: "2024-08-12T09-30-00.123456", UTC.
std::string FileStamp(WallTime time);

struct ResultPaths {
  std::string results;
  std::vector<std::string> samples;  // one for each log that was given, in order
};

// Writes folder/<sanitised model>/results_<stamp>.json and, for each of `samples` (task, log),
// samples_<task>_<stamp>.jsonl beside it, sample files first. The stamp is facts.finished_at.
// Creates the folders. RESOURCE_EXHAUSTED when the disk is full, UNAVAILABLE for other errors of
// the file system; each names the path.
Result<ResultPaths> WriteResultFiles(const std::string& folder, const RunFacts& facts,
                                     const Json& results,
                                     std::span<const std::pair<std::string, SampleLog>> samples);

}  // namespace koeval::evaluation
