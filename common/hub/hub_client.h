// The Hugging Face Hub's HTTP interface: what a repository is at a revision, its files, whose a
// token is. Any server that speaks the same protocol serves as well (HF_ENDPOINT).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/cancel.h"
#include "common/base/status.h"
#include "common/hub/http.h"
#include "common/hub/repository.h"

namespace koeval::hub {

inline constexpr char kDefaultEndpoint[] = "https://huggingface.co";

struct HubOptions {
  std::string endpoint = kDefaultEndpoint;
  std::string token;  // "" for none; never printed
  HttpOptions http;
};

// Whose a token is.
struct HubAccount {
  std::string name;
  std::vector<std::string> organisations;
};

// Thread-safe. All calls answer with the codes of repository.h.
class HubClient {
 public:
  // INVALID_ARGUMENT for an endpoint that is no http or https URL.
  static Result<std::shared_ptr<HubClient>> Make(const HubOptions& options);
  // Over a client of the caller's, for tests.
  HubClient(const HubOptions& options, std::unique_ptr<HttpClient> http);

  // The repository at `revision`, which is resolved to its commit.
  Result<RepositoryInfo> Info(RepositoryKind kind, const std::string& id,
                              const std::string& revision, const Cancel& cancel) const;
  // The same as a Repository, whose reads go to exactly that commit and are checked against the
  // digests that Info gave (ranges excepted). `client` and `cancel` live as long as it.
  static Result<std::unique_ptr<Repository>> Open(std::shared_ptr<const HubClient> client,
                                                  RepositoryKind kind, const std::string& id,
                                                  const std::string& revision,
                                                  std::shared_ptr<const Cancel> cancel);
  // Whose `token` is. UNAUTHENTICATED when the hub does not know it.
  Result<HubAccount> WhoAmI(const std::string& token, const Cancel& cancel) const;

  // A request for a file at `commit`, to be completed with range and bounds.
  HttpRequest FileRequest(RepositoryKind kind, const std::string& id, const std::string& commit,
                          const std::string& path) const;
  // OK for the success of such a request at that commit; ABORTED for another commit, else what the
  // hub's status means.
  Status CheckFileAnswer(const HttpAnswer& answer, const std::string& what,
                         const std::string& commit) const;
  const HttpClient& http() const { return *http_; }
  const std::string& endpoint() const { return options_.endpoint; }

 private:
  HubOptions options_;
  std::unique_ptr<HttpClient> http_;
};

}  // namespace koeval::hub
