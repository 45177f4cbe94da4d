// Request sets to the shape of COPA and MMLU, 5-shot.
#include "tests/bench/engine_bench_sets.h"

#include <random>

#include "common/evaluation/prepare.h"
#include "worker/plan/encode.h"

namespace koeval::bench {
namespace {

// Token counts of the real tasks with a Korean and an English vocabulary of this size, about.
constexpr int kCopaShotTokens = 27;
constexpr int kCopaContextTokens = 16;
constexpr int kCopaChoiceTokens = 10;
constexpr int kMmluShotTokens = 124;
constexpr int kMmluContextTokens = 115;
constexpr int kGsm8kShotTokens = 110;
constexpr int kGsm8kContextTokens = 60;
constexpr int kGsm8kShots = 8;
constexpr int kShots = 5;
constexpr int64_t kDocumentsPerSubject = 20;
constexpr int64_t kMaxLength = 2048;

using Tokens = std::vector<int32_t>;

class Source {
 public:
  Source(int32_t vocabulary, uint64_t seed) : vocabulary_(vocabulary), random_(seed) {}

  // `mean` tokens, give or take a quarter.
  Tokens About(int mean) {
    const int quarter = mean / 4;
    const auto spread = static_cast<uint64_t>(2 * quarter + 1);
    const int count = mean - quarter + static_cast<int>(random_() % spread);
    Tokens out;
    for (int i = 0; i < count; ++i) out.push_back(Token());
    return out;
  }
  int32_t Token() { return static_cast<int32_t>(random_() % static_cast<uint64_t>(vocabulary_)); }

 private:
  const int32_t vocabulary_;
  std::mt19937_64 random_;
};

void Append(Tokens& to, const Tokens& from) {
  to.insert(to.end(), from.begin(), from.end());
}

void AddChoice(const Tokens& context, const Tokens& choice, RequestSet& out) {
  plan::Sequence sequence{context, choice};
  sequence.input.insert(sequence.input.end(), choice.begin(), choice.end() - 1);
  out.sequences.push_back(std::move(sequence));
}

}  // namespace

RequestSet CopaLike(int64_t documents, int32_t vocabulary, uint64_t seed) {
  Source source(vocabulary, seed);
  RequestSet out{"COPA-like, 5-shot", documents, {}};
  for (int64_t i = 0; i < documents; ++i) {
    Tokens context = {1};
    for (int shot = 0; shot < kShots; ++shot) Append(context, source.About(kCopaShotTokens));
    Append(context, source.About(kCopaContextTokens));
    for (int choice = 0; choice < 2; ++choice) {
      AddChoice(context, source.About(kCopaChoiceTokens), out);
    }
  }
  return out;
}

RequestSet MmluLike(int64_t documents, int32_t vocabulary, uint64_t seed) {
  Source source(vocabulary, seed);
  RequestSet out{"MMLU-like, 5-shot", documents, {}};
  Tokens shots;
  for (int64_t i = 0; i < documents; ++i) {
    if (i % kDocumentsPerSubject == 0) {
      shots = {1};
      for (int shot = 0; shot < kShots; ++shot) Append(shots, source.About(kMmluShotTokens));
    }
    Tokens context = shots;
    Append(context, source.About(kMmluContextTokens));
    for (int32_t choice = 0; choice < 4; ++choice) AddChoice(context, {100 + choice}, out);
  }
  return out;
}

RequestSet Gsm8kLike(int64_t documents, int32_t vocabulary, uint64_t seed) {
  Source source(vocabulary, seed);
  RequestSet out{"GSM8K-like, 8-shot", documents, {}};
  Tokens shots = {1};
  for (int shot = 0; shot < kGsm8kShots; ++shot) Append(shots, source.About(kGsm8kShotTokens));
  for (int64_t i = 0; i < documents; ++i) {
    Tokens context = shots;
    Append(context, source.About(kGsm8kContextTokens));
    out.sequences.push_back({std::move(context), {plan::kNoTarget}});
  }
  return out;
}

Result<RequestSet> FromTask(const std::string& tasks_dir, const std::string& name, int64_t shots,
                            int64_t documents, const tokenizer::Tokenizer& tokenizer) {
  ASSIGN_OR_RETURN(const std::vector<evaluation::Task> tasks,
                   evaluation::LoadTasks(tasks_dir, {name}));
  evaluation::Options options;
  options.num_fewshot = shots;
  options.limit = documents;
  ASSIGN_OR_RETURN(const evaluation::PreparedTask task,
                   evaluation::Prepare(tasks.front(), options));
  ASSIGN_OR_RETURN(const plan::Encoded encoded,
                   plan::EncodeRequests(tokenizer, task.requests, {options.profile, kMaxLength}));
  return RequestSet{name + ", " + std::to_string(shots) + "-shot",
                    static_cast<int64_t>(task.documents.size()), encoded.sequences};
}

}  // namespace koeval::bench
