// Helpers of the engine's tests.
#include "tests/worker/engine/engine_test_util.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>

#include "common/base/check.h"
#include "common/model/safetensors.h"

namespace koeval::engine {
namespace {

std::string SourceDir() {
  // ctest lists the tests of a binary without their environment.
  const char* dir = std::getenv("KOEVAL_SOURCE_DIR");
  return dir != nullptr ? dir : KOEVAL_BUILT_FROM;
}

std::vector<int32_t> RandomIds(std::mt19937_64& random, int count, int32_t vocabulary) {
  std::vector<int32_t> out;
  for (int i = 0; i < count; ++i) {
    out.push_back(static_cast<int32_t>(random() % static_cast<uint64_t>(vocabulary)));
  }
  return out;
}

int Between(std::mt19937_64& random, int low, int high) {
  return low + static_cast<int>(random() % static_cast<uint64_t>(high - low + 1));
}

void Append(std::vector<int32_t>& to, const std::vector<int32_t>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

template <typename T>
std::vector<T> ReadTensor(const model::SafetensorsFile& file, const std::string& name) {
  for (const model::TensorInfo& info : file.tensors()) {
    if (info.name != name) continue;
    const std::string_view bytes = file.Bytes(info);
    std::vector<T> out(bytes.size() / sizeof(T));
    std::memcpy(out.data(), bytes.data(), bytes.size());
    return out;
  }
  KOEVAL_CHECK(false, "a golden tensor is missing");
  return {};
}

}  // namespace

const std::vector<std::string>& GoldenModels() {
  static const std::vector<std::string> models = [] {
    std::vector<std::string> names;
    for (const auto& file : std::filesystem::directory_iterator(GoldenDir() + "/logits")) {
      names.push_back(file.path().stem());
    }
    std::sort(names.begin(), names.end());
    return names;
  }();
  return models;
}

std::string GoldenDir() {
  return SourceDir() + "/tests/golden";
}

std::string GoldenModelDir(const std::string& model) {
  return GoldenDir() + "/models/" + model;
}

std::string TestDevice() {
  const char* device = std::getenv("KOEVAL_TEST_DEVICE");
  return device == nullptr || *device == '\0' ? "cpu" : device;
}

LoadOptions TestOptions(const std::string& dir, Dtype dtype) {
  LoadOptions options;
  options.model_dir = dir;
  options.dtype = dtype;
  options.device = TestDevice();
  options.threads = 1;
  return options;
}

std::unique_ptr<Engine> Load(const LoadOptions& options) {
  auto engine = LoadEngine(options);
  KOEVAL_CHECK(engine.ok(), engine.status().message().c_str());
  return std::move(engine).value();
}

std::unique_ptr<Engine> LoadDir(const std::string& dir, Dtype dtype) {
  return Load(TestOptions(dir, dtype));
}

std::unique_ptr<Engine> LoadGolden(const std::string& model, Dtype dtype) {
  return LoadDir(GoldenModelDir(model), dtype);
}

GoldenLogits ReadGoldenLogits(const std::string& model, int n) {
  const auto file = model::SafetensorsFile::Open(GoldenDir() + "/logits/" + model + ".safetensors");
  KOEVAL_CHECK(file.ok(), file.status().message().c_str());
  const std::string suffix = std::to_string(n);
  GoldenLogits out;
  out.ids = ReadTensor<int32_t>(**file, "ids_" + suffix);
  out.logits = ReadTensor<float>(**file, "logits_" + suffix);
  out.log_probabilities = ReadTensor<float>(**file, "logprob_" + suffix);
  out.rows = std::min(n, 8);
  out.vocabulary = static_cast<int64_t>(out.logits.size()) / out.rows;
  return out;
}

std::vector<plan::Sequence> RandomSequences(std::mt19937_64& random, int count, int32_t vocabulary,
                                            int length_max, int shots) {
  std::vector<plan::Sequence> out;
  const std::vector<int32_t> block =
      RandomIds(random, Between(random, 5, length_max / 3), vocabulary);
  while (static_cast<int>(out.size()) < count) {
    std::vector<int32_t> context;
    if (Between(random, 0, 9) < shots) context = block;
    Append(context, RandomIds(random, Between(random, 1, length_max / 3), vocabulary));
    const int choices = Between(random, 1, 5);
    for (int choice = 0; choice < choices && static_cast<int>(out.size()) < count; ++choice) {
      const bool single = Between(random, 0, 2) == 0;
      const std::vector<int32_t> targets =
          RandomIds(random, single ? 1 : Between(random, 1, length_max / 4), vocabulary);
      plan::Sequence sequence{context, targets};
      Append(sequence.input, {targets.begin(), targets.end() - 1});
      out.push_back(sequence);
      if (Between(random, 0, 9) == 0 && static_cast<int>(out.size()) < count) {
        out.push_back(sequence);
      }
    }
  }
  return out;
}

Result<std::vector<Answer>> RunPlan(Engine& engine, const plan::Plan& plan) {
  std::map<int32_t, Answer> by_request;
  for (const plan::Batch& batch : plan.batches) {
    ASSIGN_OR_RETURN(const std::vector<Answer> answers, engine.Run(batch));
    for (const Answer& answer : answers) by_request[answer.request] = answer;
  }
  std::vector<Answer> out;
  for (const auto& [request, answer] : by_request) out.push_back(answer);
  return out;
}

}  // namespace koeval::engine
