// Prints what the plan saves: documents and tokens a second, peak memory, plan against each request
// alone, on a random 60 M parameter Llama.
//
//   engine_bench [--documents N] [--device cpu|cuda:N] [--threads N] [--dtype float32|bfloat16]
//                [--new-tokens N] [--skip-naive] [--tasks-dir DIR] [--tokenizer DIR]
//
// Request sets made to the shape of COPA and MMLU, and the real kobest_copa and mmlu_anatomy of
// --tasks-dir with --tokenizer when both are given; their data paths start from the folder above.
// KOEVAL_TEST_DATA names them by itself. Last, greedy texts of --new-tokens tokens each behind
// prompts to the shape of GSM8K. Exit status 1 when the two ways differ by more than 1e-4 nats
// anywhere (float32). Texts may differ where two tokens are as good as equal; how many do is
// printed.
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/tokenizer/tokenizer.h"
#include "tests/bench/engine_bench_model.h"
#include "tests/bench/engine_bench_sets.h"
#include "tests/common/model/checkpoint_maker.h"
#include "worker/engine/engine.h"
#include "worker/plan/plan.h"

namespace koeval::bench {
namespace {

constexpr uint64_t kSeed = 7;
constexpr double kSameNats = 1e-4;
constexpr int64_t kShots = 5;

struct Arguments {
  int64_t documents = 100;
  int64_t new_tokens = 64;
  engine::LoadOptions load;
  bool naive = true;
  std::string tasks_dir;
  std::string tokenizer;
};

[[noreturn]] void Fail(const Status& status) {
  std::fprintf(stderr, "engine_bench: %s\n", status.ToString().c_str());
  std::exit(1);
}

// Real tasks and a tokenizer where KOEVAL_TEST_DATA says that they lie.
Arguments DefaultArguments() {
  Arguments out;
  if (const char* data = std::getenv("KOEVAL_TEST_DATA")) {
    out.tasks_dir = std::string(data) + "/../goldens/tasks";
    out.tokenizer = std::string(data) + "/tokenizers/phi-3";
  }
  return out;
}

// Aborts with a message for an unknown option.
Arguments ParseArguments(int argc, char** argv) {
  Arguments out = DefaultArguments();
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const std::string value = i + 1 < argc ? argv[i + 1] : "";
    if (name == "--skip-naive") {
      out.naive = false;
      continue;
    }
    if (name == "--documents") {
      out.documents = std::max(1L, std::atol(value.c_str()));
    } else if (name == "--new-tokens") {
      out.new_tokens = std::max(1L, std::atol(value.c_str()));
    } else if (name == "--tasks-dir") {
      out.tasks_dir = value;
    } else if (name == "--tokenizer") {
      out.tokenizer = value;
    } else if (name == "--device") {
      out.load.device = value;
    } else if (name == "--threads") {
      out.load.threads = std::atoi(value.c_str());
    } else if (name == "--dtype" && (value == "float32" || value == "bfloat16")) {
      out.load.dtype = value == "float32" ? engine::Dtype::kFloat32 : engine::Dtype::kBFloat16;
    } else {
      std::fprintf(stderr, "engine_bench: unknown option %s %s\n", name.c_str(), value.c_str());
      std::exit(2);
    }
    ++i;
  }
  return out;
}

double PeakMemoryMib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

struct Measured {
  double seconds = 0;
  std::map<int32_t, double> scores;  // by request
};

double Seconds(MonoTime start) {
  return static_cast<double>(std::max<int64_t>(1, Clock::Real().Mono() - start)) / 1000;
}

void Keep(const Result<std::vector<engine::Answer>>& answers, Measured& out) {
  if (!answers.ok()) Fail(answers.status());
  for (const engine::Answer& answer : *answers) out.scores[answer.request] = answer.log_likelihood;
}

Measured RunPlanned(engine::Engine& engine, const plan::Plan& plan) {
  Measured out;
  const MonoTime start = Clock::Real().Mono();
  for (const plan::Batch& batch : plan.batches) Keep(engine.Run(batch), out);
  out.seconds = Seconds(start);
  return out;
}

Measured RunNaive(engine::Engine& engine, const RequestSet& set) {
  Measured out;
  const MonoTime start = Clock::Real().Mono();
  Keep(engine.RunNaive(set.sequences, 0), out);
  out.seconds = Seconds(start);
  return out;
}

double LargestDifference(const Measured& a, const Measured& b) {
  double out = a.scores.size() == b.scores.size() ? 0 : INFINITY;
  for (const auto& [request, score] : a.scores) {
    const auto at = b.scores.find(request);
    out = at == b.scores.end() ? INFINITY : std::max(out, std::abs(score - at->second));
  }
  return out;
}

void PrintRow(const char* engine, const RequestSet& set, const plan::Plan& plan,
              const Measured& measured) {
  const auto documents = static_cast<double>(set.documents);
  const auto naive = static_cast<double>(plan.naive_tokens);
  const auto unique = static_cast<double>(plan.unique_tokens);
  const bool planned = std::strcmp(engine, "plan") == 0;
  std::printf(
      "  %-6s %8.2f s %9.2f documents/s %9.0f tokens run/s %9.0f naive tokens/s %7.0f MiB\n",
      engine, measured.seconds, documents / measured.seconds,
      (planned ? unique : naive) / measured.seconds, naive / measured.seconds, PeakMemoryMib());
}

// False when plan and naive disagree.
bool Measure(engine::Engine& engine, const RequestSet& set, const Arguments& arguments) {
  const auto plan = plan::BuildPlan(set.sequences, {});
  if (!plan.ok()) Fail(plan.status());
  std::printf("%s: %lld documents, %zu requests, %lld naive tokens, %lld unique (%.2fx fewer)\n",
              set.name.c_str(), static_cast<long long>(set.documents), set.sequences.size(),
              static_cast<long long>(plan->naive_tokens),
              static_cast<long long>(plan->unique_tokens),
              static_cast<double>(plan->naive_tokens) / static_cast<double>(plan->unique_tokens));
  const Measured planned = RunPlanned(engine, *plan);
  PrintRow("plan", set, *plan, planned);
  if (!arguments.naive) return true;
  const Measured naive = RunNaive(engine, set);
  PrintRow("naive", set, *plan, naive);
  const double difference = LargestDifference(planned, naive);
  std::printf("  plan is %.2fx as fast; largest difference %.2g nats\n",
              naive.seconds / planned.seconds, difference);
  return difference <= kSameNats || arguments.load.dtype != engine::Dtype::kFloat32;
}

struct Written {
  double seconds = 0;
  std::map<int32_t, std::vector<int32_t>> texts;  // by request
};

void Keep(Result<std::vector<engine::Generated>> generated, Written& out) {
  if (!generated.ok()) Fail(generated.status());
  for (engine::Generated& one : *generated) out.texts[one.request] = std::move(one.ids);
}

void PrintWritten(const char* engine, const Written& written) {
  size_t tokens = 0;
  for (const auto& [request, ids] : written.texts) tokens += ids.size();
  std::printf("  %-6s %8.2f s %9.2f texts/s %9.0f new tokens/s %7.0f MiB\n", engine,
              written.seconds, static_cast<double>(written.texts.size()) / written.seconds,
              static_cast<double>(tokens) / written.seconds, PeakMemoryMib());
}

// Every text takes all its tokens, so that both ways do the same work.
void MeasureTexts(engine::Engine& engine, const RequestSet& set, const Arguments& arguments) {
  plan::Purpose purpose;
  purpose.kind = evaluation::RequestKind::kGenerate;
  purpose.generation.max_tokens = arguments.new_tokens;
  const auto plan = plan::BuildPlan(set.sequences, {}, purpose);
  if (!plan.ok()) Fail(plan.status());
  std::printf("%s: %lld texts of %lld tokens, %lld prompt tokens, %lld unique\n", set.name.c_str(),
              static_cast<long long>(set.documents), static_cast<long long>(arguments.new_tokens),
              static_cast<long long>(plan->naive_tokens),
              static_cast<long long>(plan->unique_tokens));
  engine::GenerateOptions options;
  options.tokens_max = arguments.new_tokens;
  options.ends = [](std::span<const int32_t>) -> Result<bool> { return false; };
  Written planned;
  MonoTime start = Clock::Real().Mono();
  for (const plan::Batch& batch : plan->batches) Keep(engine.Generate(batch, options), planned);
  planned.seconds = Seconds(start);
  PrintWritten("plan", planned);
  if (!arguments.naive) return;
  Written naive;
  start = Clock::Real().Mono();
  Keep(engine.GenerateNaive(set.sequences, 0, options), naive);
  naive.seconds = Seconds(start);
  PrintWritten("naive", naive);
  int64_t differ = 0;
  for (const auto& [request, ids] : planned.texts) differ += naive.texts[request] != ids ? 1 : 0;
  std::printf("  plan is %.2fx as fast; %lld texts differ\n", naive.seconds / planned.seconds,
              static_cast<long long>(differ));
}

// What is measured; the real sets need `tokenizer`.
std::vector<RequestSet> Sets(const Arguments& arguments, int32_t vocabulary,
                             const tokenizer::Tokenizer* tokenizer) {
  std::vector<RequestSet> out = {CopaLike(arguments.documents, vocabulary, kSeed),
                                 MmluLike(arguments.documents, vocabulary, kSeed)};
  if (tokenizer == nullptr) return out;
  std::error_code error;
  const std::filesystem::path tasks_dir = std::filesystem::canonical(arguments.tasks_dir, error);
  if (!error) std::filesystem::current_path(tasks_dir.parent_path(), error);
  if (error) Fail(NotFound("--tasks-dir " + arguments.tasks_dir + ": " + error.message()));
  for (const char* task : {"kobest_copa", "mmlu_anatomy"}) {
    auto set = FromTask(tasks_dir.string(), task, kShots, arguments.documents, *tokenizer);
    if (!set.ok()) Fail(set.status());
    out.push_back(std::move(set).value());
  }
  return out;
}

std::unique_ptr<tokenizer::Tokenizer> LoadGivenTokenizer(const Arguments& arguments) {
  if (arguments.tokenizer.empty() || arguments.tasks_dir.empty()) return nullptr;
  auto tokenizer = tokenizer::LoadTokenizer(arguments.tokenizer, {});
  if (!tokenizer.ok()) Fail(tokenizer.status());
  return std::move(tokenizer).value();
}

int Main(int argc, char** argv) {
  const Arguments arguments = ParseArguments(argc, argv);
  const auto tokenizer = LoadGivenTokenizer(arguments);
  const model::ScratchModel scratch;
  ModelShape shape;
  if (tokenizer != nullptr) {
    shape.vocab_size = std::max<int64_t>(shape.vocab_size, tokenizer->vocab_size());
  }
  MakeRandomLlama(scratch.dir(), shape, kSeed);
  engine::LoadOptions load = arguments.load;
  load.model_dir = scratch.dir();
  const auto engine = engine::LoadEngine(load);
  if (!engine.ok()) Fail(engine.status());
  const engine::ModelFacts& facts = (*engine)->facts();
  std::printf("%.1f M parameters, %s, %s\n", static_cast<double>(facts.parameters) / 1e6,
              facts.dtype.c_str(), facts.hardware_class.c_str());
  bool same = true;
  for (const RequestSet& set :
       Sets(arguments, static_cast<int32_t>(shape.vocab_size), tokenizer.get())) {
    same = Measure(**engine, set, arguments) && same;
    std::fflush(stdout);
  }
  MeasureTexts(**engine,
               Gsm8kLike(arguments.documents, static_cast<int32_t>(shape.vocab_size), kSeed),
               arguments);
  return same ? 0 : 1;
}

}  // namespace
}  // namespace koeval::bench

int main(int argc, char** argv) {
  return koeval::bench::Main(argc, argv);
}
