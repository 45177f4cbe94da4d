// Scores and sample lines from stored answers.
#include "scheduler/service/scoring.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "common/base/hardware_class.h"
#include "common/base/json.h"
#include "common/evaluation/result_file.h"
#include "scheduler/service/results_convert.h"
#include "scheduler/service/version.h"

namespace koeval::service {
namespace {

struct Scored {
  StoredScores stored;
  double average = 0;
};

// What the checks found about the model, where it is there.
void FillFacts(const std::string& facts_json, evaluation::RunFacts* run) {
  const auto json = ParseJson(facts_json);
  if (!json.ok()) return;
  const Json* facts = JsonFind(*json, "facts");
  if (facts == nullptr) return;
  if (const auto count = JsonInt(*facts, "parameters", "facts"); count.ok()) {
    run->parameters = *count;
  }
  if (const auto length = JsonInt(*facts, "max_length", "facts"); length.ok()) {
    run->max_length = *length;
  }
}

evaluation::RunFacts FactsOf(const core::RequestRow& row, const core::ComputeScore& wanted,
                             const evaluation::Suite& suite, const evaluation::Options& options,
                             WallTime now) {
  evaluation::RunFacts run;
  run.model_name = row.spec.model;
  run.model_args = fmt::format("pretrained={},revision={},dtype={}", row.spec.model,
                               row.spec.revision, row.spec.precision);
  run.revision = row.spec.revision;
  run.dtype = row.spec.precision;
  const SlotNumerics numerics = NumericsOf(row.hardware_class);
  run.logits_dtype = suite.logits_dtype.empty() ? numerics.logits_dtype : suite.logits_dtype;
  run.limit = row.spec.limit;
  run.chat = options.chat;
  run.profile = options.profile;
  run.engine = numerics.engine;
  run.hardware_class = row.hardware_class;
  run.plan_digest = wanted.plan.digest;
  run.bundle_digest = row.spec.bundle_digest;
  run.request_id = row.id.text;
  run.versions = {{"koeval", kVersion}};
  run.started_at = row.started_at;
  run.finished_at = now;
  FillFacts(row.facts_json, &run);
  return run;
}

int64_t TruncatedOf(const core::PlanInfo& plan, const std::string& task) {
  int64_t truncated = 0;
  for (const core::PlanTask& part : plan.tasks) {
    if (part.task == task) truncated += part.truncated;
  }
  return truncated;
}

core::Finding NotANumber(const std::string& task) {
  return {Ending::kNumericalFault, fmt::format("task {}: a log-likelihood is not a number", task),
          ""};
}

bool HasNan(const TaskAnswers& answers) {
  return std::any_of(
      answers.responses.begin(), answers.responses.end(),
      [](const evaluation::Response& response) { return std::isnan(response.log_likelihood); });
}

class Scoring {
 public:
  Scoring(const core::ComputeScore& wanted, PreparedCache& prepared, ReaderPool& readers,
          const Clock& clock)
      : wanted_(wanted), prepared_(prepared), readers_(readers), clock_(clock) {}

  core::Event Run() {
    auto scored = Compute();
    if (scored.ok()) {
      return core::ScoreDone{wanted_.id, wanted_.round, ToJson(scored->stored), scored->average};
    }
    if (!finding_) {
      const bool input = scored.status().code() == Code::kInvalidArgument;
      finding_ = core::Finding{input ? Ending::kTaskInvalid : Ending::kInternal,
                               "the score cannot be computed: " + scored.status().message(), ""};
    }
    return core::ScoreFailed{wanted_.id, wanted_.round, *finding_};
  }

 private:
  Result<Scored> Compute() {
    ASSIGN_OR_RETURN(const auto reader, readers_.Borrow());
    ASSIGN_OR_RETURN(const core::RequestRow row, reader->GetRequest(wanted_.id));
    ASSIGN_OR_RETURN(const auto batches, reader->Batches(wanted_.id, wanted_.round));
    ASSIGN_OR_RETURN(const auto suite, prepared_.Get(row));
    ASSIGN_OR_RETURN(const Answers answers, CollectAnswers(suite->tasks, batches));
    std::vector<evaluation::TaskScore> scores;
    std::vector<std::string> sample_digests;
    for (size_t t = 0; t < suite->tasks.size(); ++t) {
      const auto& responses = answers.tasks[t].responses;
      if (HasNan(answers.tasks[t])) {
        finding_ = NotANumber(suite->tasks[t].config.task);
        return Internal(finding_->reason);
      }
      ASSIGN_OR_RETURN(evaluation::TaskScore score, evaluation::Score(suite->tasks[t], responses));
      sample_digests.push_back(evaluation::MakeSampleLog(suite->tasks[t], score, responses).digest);
      scores.push_back(std::move(score));
    }
    return Assemble(row, *suite, std::move(scores), sample_digests);
  }

  Result<Scored> Assemble(const core::RequestRow& row, const PreparedSuite& suite,
                          std::vector<evaluation::TaskScore> scores,
                          const std::vector<std::string>& sample_digests) {
    Scored out;
    ASSIGN_OR_RETURN(out.stored.suite, evaluation::ScoreSuite(suite.suite, scores));
    out.average = out.stored.suite.average;
    std::vector<evaluation::TaskRun> runs;
    for (size_t t = 0; t < suite.tasks.size(); ++t) {
      const std::string& name = suite.tasks[t].config.task;
      runs.push_back({.prepared = &suite.tasks[t],
                      .score = &scores[t],
                      .original_documents = suite.original_documents[t],
                      .truncated_requests = TruncatedOf(wanted_.plan, name),
                      .task_digest = suite.task_digests[t],
                      .sample_digest = sample_digests[t],
                      .dataset = suite.origins[t].registered});
    }
    const auto run_facts =
        FactsOf(row, wanted_, suite.suite, suite.tasks.front().options, clock_.Wall());
    out.stored.results_json = evaluation::ResultsText(evaluation::MakeResults(
        run_facts, runs, evaluation::SuiteRun{&suite.suite, &out.stored.suite}));
    for (evaluation::TaskScore& score : scores) score.per_document.clear();
    out.stored.tasks = std::move(scores);
    return out;
  }

  const core::ComputeScore& wanted_;
  PreparedCache& prepared_;
  ReaderPool& readers_;
  const Clock& clock_;
  std::optional<core::Finding> finding_;  // when the failure has a better name than INTERNAL
};

// Names of who answered the requests of one document.
std::vector<std::string> WorkersOf(const evaluation::Document& document, const TaskAnswers& answers,
                                   const std::vector<std::string>& names) {
  std::vector<int32_t> who(
      answers.worker.begin() + document.first_request,
      answers.worker.begin() + document.first_request + document.request_count);
  const auto first = static_cast<size_t>(document.first_request);
  const auto last = first + static_cast<size_t>(document.request_count);
  for (auto other = answers.other_workers.lower_bound({first, 0});
       other != answers.other_workers.end() && other->first < last; ++other) {
    who.push_back(other->second);
  }
  std::sort(who.begin(), who.end());
  who.erase(std::unique(who.begin(), who.end()), who.end());
  std::vector<std::string> out;
  for (const int32_t worker : who) out.push_back(names[static_cast<size_t>(worker)]);
  return out;
}

}  // namespace

core::Event ComputeScores(const core::ComputeScore& wanted, PreparedCache& prepared,
                          ReaderPool& readers, const Clock& clock) {
  return Scoring(wanted, prepared, readers, clock).Run();
}

Result<SampleSource> SampleSource::Open(const core::RequestRow& row, const std::string& task,
                                        PreparedCache& prepared, ReaderPool& readers) {
  SampleSource out;
  ASSIGN_OR_RETURN(out.suite_, prepared.Get(row));
  ASSIGN_OR_RETURN(const auto reader, readers.Borrow());
  ASSIGN_OR_RETURN(const auto batches, reader->Batches(row.id, row.round));
  ASSIGN_OR_RETURN(Answers answers, CollectAnswers(out.suite_->tasks, batches));
  out.answers_ = std::make_shared<const Answers>(std::move(answers));
  out.end_ = out.suite_->tasks.size();
  if (task.empty()) return out;
  const auto& tasks = out.suite_->tasks;
  const auto found = std::find_if(tasks.begin(), tasks.end(), [&task](const auto& prepared_task) {
    return prepared_task.config.task == task;
  });
  if (found == tasks.end()) {
    return NotFound(fmt::format("task: suite {} has no task \"{}\"", row.spec.suite, task));
  }
  out.next_ = static_cast<size_t>(found - tasks.begin());
  out.end_ = out.next_ + 1;
  return out;
}

Result<std::optional<TaskSamples>> SampleSource::Next() {
  if (next_ == end_) return std::optional<TaskSamples>();
  const evaluation::PreparedTask& task = suite_->tasks[next_];
  const TaskAnswers& answers = answers_->tasks[next_];
  TaskSamples out;
  out.origin = suite_->origins[next_];
  out.is_generated = task.config.output_type == evaluation::OutputType::kGenerateUntil;
  ++next_;
  ASSIGN_OR_RETURN(const evaluation::TaskScore score, evaluation::Score(task, answers.responses));
  out.task = task.config.task;
  out.lines = evaluation::MakeSampleLog(task, score, answers.responses).lines;
  for (const evaluation::DocumentScore& line : score.per_document) {
    const auto& document = task.documents[static_cast<size_t>(line.document)];
    out.workers.push_back(WorkersOf(document, answers, answers_->workers));
  }
  return std::optional<TaskSamples>(std::move(out));
}

}  // namespace koeval::service
