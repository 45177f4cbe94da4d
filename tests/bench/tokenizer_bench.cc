// Prints how fast texts are encoded, on one thread, in MB of UTF-8 a second of processor time.
//
//   tokenizer_bench TEXT DIR...
//
// Every line of TEXT is one document. For each tokenizer folder: the best of several passes over
// all of them with a tokenizer that is loaded anew, so that no pass finds words remembered from
// another, and the number of ids. tokenizer_bench.py beside this file makes TEXT and runs Hugging
// Face tokenizers over it side by side.
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/file.h"
#include "common/tokenizer/tokenizer.h"

namespace koeval::bench {
namespace {

constexpr int kPasses = 3;

[[noreturn]] void Fail(const Status& status) {
  std::fprintf(stderr, "tokenizer_bench: %s\n", status.ToString().c_str());
  std::exit(1);
}

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

double ProcessorSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Seconds of one pass; `ids` becomes the number of ids.
double Pass(const std::string& dir, const std::vector<std::string_view>& documents, size_t& ids) {
  const auto tokenizer = tokenizer::LoadTokenizer(dir, {});
  if (!tokenizer.ok()) Fail(tokenizer.status());
  ids = 0;
  const double begin = ProcessorSeconds();
  for (const std::string_view document : documents) {
    const auto encoded = (*tokenizer)->Encode(document, false);
    if (!encoded.ok()) Fail(encoded.status());
    ids += encoded->size();
  }
  return ProcessorSeconds() - begin;
}

int Main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: tokenizer_bench TEXT DIR...\n");
    return 2;
  }
  const auto text = ReadFile(argv[1]);
  if (!text.ok()) Fail(text.status());
  const std::vector<std::string_view> documents = Lines(*text);
  for (int i = 2; i < argc; ++i) {
    double best = 1e30;
    size_t ids = 0;
    for (int pass = 0; pass < kPasses; ++pass) best = std::min(best, Pass(argv[i], documents, ids));
    std::printf("%s\t%.2f\t%zu\n", argv[i], static_cast<double>(text->size()) / 1e6 / best, ids);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace koeval::bench

int main(int argc, char** argv) {
  return koeval::bench::Main(argc, argv);
}
