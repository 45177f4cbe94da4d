// Three threads: a reader, who sees stop and extend while a batch runs; the caller, who does the
// work in order; and one that says each second that the process lives.
#include "worker/runner/server.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <exception>
#include <map>
#include <new>
#include <optional>
#include <thread>
#include <utility>
#include <variant>

#include "common/base/bounded_queue.h"
#include "common/base/log.h"
#include "common/base/mutex.h"
#include "common/evaluation/tokenizer_generation.h"
#include "worker/runner/batch_run.h"
#include "worker/runner/failure.h"
#include "worker/runner/frame_io.h"
#include "worker/runner/lease_board.h"
#include "worker/runner/messages.h"
#include "worker/runner/runner_job.h"

namespace koeval::runner {
namespace {

// A line that was no frame, kept in its place among the frames.
struct BadLine {
  Status status;
};
using Command = std::variant<ParentFrame, BadLine>;

engine::LoadOptions EngineOptions(const LoadFrame& load, evaluation::Profile profile) {
  engine::LoadOptions out;
  out.model_dir = load.model_dir;
  if (load.precision == "bfloat16") out.dtype = engine::Dtype::kBFloat16;
  if (load.precision == "float16") out.dtype = engine::Dtype::kFloat16;
  if (load.logits_dtype == "as_model") out.logits_dtype = engine::LogitsDtype::kAsModel;
  out.generation = evaluation::TokenizerGeneration(profile);
  out.device = load.device;
  out.threads = static_cast<int>(load.threads);
  return out;
}

// The ending of a failed call of the engine that names none itself.
Ending EngineEnding(const Status& status, Ending fallback) {
  switch (status.code()) {
    case Code::kResourceExhausted:
      return Ending::kOutOfMemory;
    case Code::kDataLoss:
      return Ending::kNumericalFault;
    case Code::kUnimplemented:
      return Ending::kUnsupportedArchitecture;
    case Code::kNotFound:
      return Ending::kModelNotFound;
    case Code::kInvalidArgument:
      return Ending::kBadCheckpoint;
    default:
      return fallback;
  }
}

struct Model {
  std::unique_ptr<engine::Engine> engine;
  std::unique_ptr<tokenizer::Tokenizer> tokenizer;
  PlanRules rules;
  bool naive = false;
};

class Server {
 public:
  explicit Server(const ServerOptions& options)
      : options_(options),
        writer_(options.out_fd),
        board_(*options.clock),
        commands_(kCommandsWaitingMax) {
    struct stat info {};
    from_file_ = ::fstat(options_.in_fd, &info) == 0 && S_ISREG(info.st_mode);
  }

  int Run() {
    Send(ReadyFrame{.protocol = kProtocol, .pid = ::getpid(), .version = std::string(kVersion)});
    std::thread reader([this] { ReadFrames(); });
    std::thread alive([this] { SayAlive(); });
    while (exit_status_ == 0 && !board_.stopping()) {
      auto command = commands_.Pop();
      if (!command || board_.stopping()) break;
      Handle(std::move(*command));
    }
    board_.StopAll();
    commands_.Close();
    WakeReader();
    {
      MutexLock lock(done_mutex_);
      done_ = true;
      done_changed_.NotifyAll();
    }
    reader.join();
    alive.join();
    return exit_status_;
  }

 private:
  // ---- any thread ----

  void Send(const RunnerFrame& frame) {
    const Status sent = writer_.Write(FormatFrame(frame));
    if (sent.ok()) return;
    // A dead parent is no fault of ours; a full disk is.
    if (!board_.stopping()) {
      spdlog::error("frames cannot be written: {}", sent.message());
      exit_status_ = 1;
    }
    board_.StopAll();
    commands_.Close();
  }

  void WakeReader() {
    const uint64_t one = 1;
    if (::write(options_.stop_fd, &one, sizeof one) < 0) return;  // it is awake already
  }

  // ---- the reader ----

  void ReadFrames() {
    LineReader lines(options_.in_fd);
    while (true) {
      auto line = lines.Next(/*timeout_ms=*/-1, options_.stop_fd);
      if (!line.ok()) {
        // Where the next frame would begin is unknown.
        exit_after_bad_input_ = true;
        if (!commands_.Push(BadLine{line.status()})) return;
        commands_.Close();
        return;
      }
      if (line->kind == LineReader::Kind::kLine) {
        if (!Sort(line->line)) return;
        continue;
      }
      const bool work_goes_on = line->kind == LineReader::Kind::kEnd && from_file_;
      if (!work_goes_on) board_.StopAll();
      commands_.Close();
      return;
    }
  }

  // Acts at once on what cannot wait and queues the rest. False when no more is to be read.
  bool Sort(std::string_view line) {
    auto parsed = ParseParentFrame(line);
    if (!parsed.ok()) return commands_.Push(BadLine{parsed.status()});
    if (const auto* stop = std::get_if<StopFrame>(&*parsed)) {
      board_.Stop(stop->lease);
      return true;
    }
    if (const auto* extend = std::get_if<ExtendFrame>(&*parsed)) {
      board_.Extend(extend->lease, extend->time_left_ms);
      return true;
    }
    if (std::holds_alternative<QuitFrame>(*parsed)) {
      if (!from_file_) board_.StopAll();
      commands_.Close();
      return false;
    }
    if (const auto* run = std::get_if<RunFrame>(&*parsed)) {
      board_.Open(run->lease, run->time_left_ms);
    }
    return commands_.Push(std::move(parsed).value());
  }

  // ---- the thread that says that we live ----

  void SayAlive() {
    const std::string line = FormatFrame(RunnerFrame(AliveFrame{}));
    MonoTime last = Clock::Real().Mono();
    MutexLock lock(done_mutex_);
    while (!done_) {
      const int64_t left = options_.alive_ms - (Clock::Real().Mono() - last);
      if (left > 0) {
        done_changed_.WaitFor(done_mutex_, left);
        continue;
      }
      last = Clock::Real().Mono();
      // A failure is seen by the next frame that matters.
      if (!writer_.Write(line).ok()) return;
    }
  }

  // ---- the worker ----

  void Handle(Command command) {
    try {
      if (const auto* bad = std::get_if<BadLine>(&command)) {
        Fail({}, {}, FailureOf(bad->status));
        if (exit_after_bad_input_) exit_status_ = 1;
        return;
      }
      std::visit([this](auto&& frame) { Do(std::forward<decltype(frame)>(frame)); },
                 std::get<ParentFrame>(std::move(command)));
    } catch (const std::bad_alloc&) {
      Fail({}, {}, {Ending::kOutOfMemory, "no memory for a frame or a plan", ""});
    } catch (const std::exception& e) {
      Fail({}, {}, {Ending::kInternal, LogSafe(e.what()), ""});
    }
  }

  void Fail(std::optional<LeaseId> lease, std::optional<std::string> job, const Failure& failure) {
    const std::string remedy = failure.remedy.empty()
                                   ? std::string(InfoOf(failure.ending).submitter_text)
                                   : failure.remedy;
    Send(FailedFrame{.lease = lease,
                     .job = std::move(job),
                     .ending = std::string(EndingName(failure.ending)),
                     .message = failure.message,
                     .remedy = remedy});
  }

  void Do(LoadFrame load) {
    jobs_.clear();
    model_.reset();
    const auto profile = evaluation::ParseProfile(load.profile);
    if (!profile.ok()) return Fail({}, {}, FailureOf(profile.status()));
    Model model;
    auto engine = options_.load_engine(EngineOptions(load, *profile));
    if (!engine.ok()) {
      return Fail({}, {},
                  FailureOf(engine.status(), EngineEnding(engine.status(), Ending::kInternal)));
    }
    model.engine = std::move(engine).value();
    const engine::ModelFacts& facts = model.engine->facts();
    const auto generation =
        static_cast<tokenizer::Generation>(evaluation::TokenizerGeneration(*profile));
    auto tokenizer = options_.load_tokenizer(
        load.model_dir, {.generation = generation, .model_type = facts.model_type});
    if (!tokenizer.ok()) {
      return Fail({}, {}, FailureOf(tokenizer.status(), Ending::kBadTokenizer));
    }
    model.tokenizer = std::move(tokenizer).value();
    model.naive = load.engine == "naive";
    const int64_t max_length =
        facts.max_length > 0 ? facts.max_length
                             : model.tokenizer->model_max_length().value_or(kMaxLengthFallback);
    model.rules = {.profile = *profile,
                   .max_length = max_length,
                   .limits = options_.limits,
                   .keep_sequences = model.naive,
                   .end_ids = facts.end_ids,
                   .repetition_penalty = facts.repetition_penalty,
                   .generation_problem = facts.generation_problem};
    model_ = std::move(model);
    SendLoaded(facts);
  }

  void SendLoaded(const engine::ModelFacts& facts) {
    const tokenizer::Tokenizer& tokenizer = *model_->tokenizer;
    Send(LoadedFrame{{.architecture = facts.architecture,
                      .model_type = facts.model_type,
                      .parameters = facts.parameters,
                      .max_length = model_->rules.max_length,
                      .dtype = facts.dtype,
                      .logits_dtype = facts.logits_dtype,
                      .hardware_class = facts.hardware_class,
                      .tokenizer_digest = tokenizer.digest(),
                      .bos_id = tokenizer.bos_id(),
                      .eos_id = tokenizer.eos_id()}});
  }

  void Do(TaskFrame frame) {
    const std::string job = frame.job;
    if (!jobs_.contains(job) && jobs_.size() >= kJobsMax) return;  // its plan frame is refused
    jobs_[job].AddTask(std::move(frame));
  }

  void Do(PlanFrame frame) {
    const auto job = jobs_.find(frame.job);
    if (!model_ || job == jobs_.end()) {
      return Fail({}, frame.job,
                  {Ending::kInternal,
                   fmt::format("no model is loaded, or job {} has no tasks here; load first, and "
                               "forget old jobs when there are {}",
                               LogSafe(frame.job), kJobsMax),
                   ""});
    }
    auto planned = job->second.MakePlan(frame.job, *model_->tokenizer, model_->rules);
    if (!planned.ok()) return Fail({}, frame.job, FailureOf(planned.status()));
    Send(std::move(planned).value());
  }

  void Do(ForgetFrame frame) { jobs_.erase(frame.job); }

  void Do(RunFrame run) {
    RunLease(run);
    board_.Close(run.lease);
  }

  void Do(StopFrame) {}
  void Do(ExtendFrame) {}
  void Do(QuitFrame) {}

  std::optional<Failure> CheckRun(const RunFrame& run) const {
    const auto job = jobs_.find(run.job);
    if (!model_ || job == jobs_.end() || !job->second.planned()) {
      return Failure{Ending::kInternal,
                     fmt::format("job {} is not planned here; send load, task and plan first",
                                 LogSafe(run.job)),
                     ""};
    }
    if (run.plan_digest && *run.plan_digest != job->second.digest()) {
      return Failure{Ending::kPlanMismatch,
                     fmt::format("the plan's digest is {} here and {} in the lease",
                                 job->second.digest(), LogSafe(*run.plan_digest)),
                     ""};
    }
    const int64_t count = job->second.batch_count();
    if (run.begin > run.end.value_or(count) || run.end.value_or(count) > count) {
      return Failure{Ending::kPlanMismatch,
                     fmt::format("the lease asks for batches {} to {} of {}", run.begin,
                                 run.end.value_or(count), count),
                     ""};
    }
    return std::nullopt;
  }

  void RunLease(const RunFrame& run) {
    if (const auto wrong = CheckRun(run)) return Fail(run.lease, run.job, *wrong);
    const RunnerJob& job = jobs_.at(run.job);
    const int64_t end = run.end.value_or(job.batch_count());
    for (int64_t next = run.begin; next < end; ++next) {
      switch (board_.Look(run.lease)) {
        case LeaseBoard::Verdict::kGoOn:
          break;
        case LeaseBoard::Verdict::kStop:
          return Send(LeaseStoppedFrame{run.lease, next});
        case LeaseBoard::Verdict::kExpired:
          return Send(LeaseExpiredFrame{run.lease, next});
      }
      if (!RunOne(run, job.Find(next), next)) return;
    }
    Send(LeaseDoneFrame{run.lease});
  }

  // False when the lease cannot go on; it is answered then.
  bool RunOne(const RunFrame& run, const RunnerJob::Place& place, int64_t index) {
    const MonoTime started = options_.clock->Mono();
    auto results = RunBatch(*model_->engine, *place.task, *place.batch, model_->naive);
    if (!results.ok()) {
      FailBatch(run, place, index, results.status());
      return false;
    }
    Send(BatchFrame{.job = run.job,
                    .lease = run.lease,
                    .batch = index,
                    .results = std::move(results).value(),
                    .run_ms = options_.clock->Mono() - started});
    return true;
  }

  // A broken device leaves nothing that could go on: the process ends, and a fresh one may help.
  void FailBatch(const RunFrame& run, const RunnerJob::Place& place, int64_t index,
                 const Status& status) {
    const bool device_broken = status.code() == Code::kInternal;
    Failure failure = FailureOf(
        status, EngineEnding(status, device_broken ? Ending::kRunnerCrashed : Ending::kInternal));
    if (device_broken) failure.ending = Ending::kRunnerCrashed;
    failure.message =
        fmt::format("batch {}, task {}: {}", index, place.task->name, failure.message);
    Fail(run.lease, run.job, failure);
    if (device_broken) exit_status_ = 1;
  }

  const ServerOptions& options_;
  FrameWriter writer_;
  LeaseBoard board_;
  BoundedQueue<Command> commands_;
  bool from_file_ = false;
  std::atomic<int> exit_status_ = 0;
  std::atomic<bool> exit_after_bad_input_ = false;

  // Of the worker alone.
  std::optional<Model> model_;
  std::map<std::string, RunnerJob> jobs_;

  Mutex done_mutex_;
  CondVar done_changed_;
  bool done_ GUARDED_BY(done_mutex_) = false;
};

}  // namespace

int Serve(const ServerOptions& options) {
  return Server(options).Run();
}

}  // namespace koeval::runner
