// Drawing documents, and the ratio that they give.
#include "scheduler/service/token_sample.h"

#include <cmath>
#include <numeric>
#include <random>

#include "common/base/check.h"

namespace koeval::service {
namespace {

constexpr uint64_t kSeed = 20'240'812;

int64_t BytesOf(const evaluation::Request& request) {
  return static_cast<int64_t>(request.context.size() + request.continuation.size());
}

// Positions of the documents in an order drawn from the seed; with no library's shuffle, whose
// order is its own.
std::vector<size_t> DrawnOrder(size_t count) {
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  std::mt19937_64 random(kSeed);
  for (size_t i = count; i > 1; --i) std::swap(order[i - 1], order[random() % i]);
  return order;
}

TokenSample::Task SampleTask(const evaluation::PreparedTask& task, int64_t share,
                             std::vector<std::string>& texts) {
  TokenSample::Task out;
  for (const evaluation::Request& request : task.requests) out.all_bytes += BytesOf(request);
  size_t documents = 0;
  for (const size_t at : DrawnOrder(task.documents.size())) {
    if (documents > 0 && out.sampled_bytes >= share) break;
    const evaluation::Document& document = task.documents[at];
    for (int32_t i = 0; i < document.request_count; ++i) {
      const auto& request = task.requests[static_cast<size_t>(document.first_request + i)];
      texts.push_back(request.context + request.continuation);
      out.sampled_bytes += BytesOf(request);
      ++out.texts;
    }
    ++documents;
  }
  out.is_whole = documents == task.documents.size();
  return out;
}

}  // namespace

TokenSample SampleTokens(const PreparedSuite& suite, size_t bytes_max) {
  TokenSample out;
  if (suite.tasks.empty()) return out;
  const auto share = static_cast<int64_t>(bytes_max / suite.tasks.size());
  for (const evaluation::PreparedTask& task : suite.tasks) {
    out.tasks.push_back(SampleTask(task, share, out.texts));
  }
  return out;
}

std::vector<TaskTokens> TokensOf(const TokenSample& sample, std::span<const int64_t> counted) {
  KOEVAL_CHECK(counted.size() == sample.texts.size(), "one count for each text");
  std::vector<TaskTokens> out;
  size_t next = 0;
  for (const TokenSample::Task& task : sample.tasks) {
    int64_t tokens = 0;
    for (size_t i = 0; i < task.texts; ++i) tokens += counted[next++];
    if (!task.is_whole && task.sampled_bytes > 0) {
      tokens = std::llround(static_cast<double>(tokens) * static_cast<double>(task.all_bytes) /
                            static_cast<double>(task.sampled_bytes));
    }
    out.push_back({tokens, task.is_whole});
  }
  return out;
}

}  // namespace koeval::service
