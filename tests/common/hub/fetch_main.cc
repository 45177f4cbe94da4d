// koeval-test-fetch ENDPOINT CACHE ID [FILES]: one process that downloads a model into a cache,
// FILES at a time, for tests and measurements.
#include <cstdio>
#include <cstdlib>

#include "common/hub/cache.h"

int main(int argc, char** argv) {
  using namespace koeval;       // NOLINT(google-build-using-namespace): a program of ten lines
  using namespace koeval::hub;  // NOLINT(google-build-using-namespace): as above
  if (argc != 4 && argc != 5) return 2;
  HubOptions options;
  options.endpoint = argv[1];
  auto client = HubClient::Make(options);
  if (!client.ok()) return 2;
  CacheOptions cache_options{.dir = argv[2]};
  if (argc == 5) cache_options.downloads = std::atoi(argv[4]);
  const auto cache = HubCache::Open(cache_options, *client);
  if (!cache.ok()) return 2;
  const auto snapshot =
      (*cache)->Fetch(RepositoryKind::kModel, argv[3], "main", EvaluationFiles, nullptr, Cancel());
  std::printf("%s\n", snapshot.status().ToString().c_str());
  return snapshot.ok() ? 0 : 1;
}
