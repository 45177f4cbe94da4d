// A hub on this machine for tests and demonstrations: the Hugging Face Hub's protocol over
// repositories in memory, and every way to misbehave that the tests ask for.
//
// Two servers on ports of their own: the hub, and the content host to which the hub redirects for
// LFS files, as the real one does. Requests may be inspected afterwards.
//
//   FakeHub hub;
//   const std::string commit = hub.AddFolder("org/name", "tests/golden/models/llama");
//   hub.Misbehave(FakeHub::Truncate("model.safetensors", 1000));
//   ... HubOptions{.endpoint = hub.endpoint()} ...
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/json.h"
#include "common/hub/repository.h"

namespace koeval::hub {

struct FakeRepository {
  RepositoryKind kind = RepositoryKind::kModel;
  std::string id;
  std::map<std::string, std::string> files;  // path -> bytes
  Json card = Json::object();                // cardData: license, base_model, ...
  std::vector<std::string> tags;
  int64_t likes = 0;
  bool gated = false;       // files need a token that was granted access
  bool is_private = false;  // everything does
  // Files of this size and more, and *.safetensors, are LFS files.
  size_t lfs_bytes = 1 << 20;
};

class FakeHub {
 public:
  struct Fault {
    enum class Kind { kTruncate, kHoldAt, kFlip, kStatus, kHold, kRedirect, kCall };
    Kind kind = Kind::kStatus;
    std::string where;  // a part of "hub /path" or "cdn /path"
    int times = 1;      // -1: always
    size_t at = 0;      // bytes before the connection breaks; the byte that is flipped
    int status = 0;
    std::map<std::string, std::string> headers;
    std::string location;        // "" redirects to the request's own URL
    std::function<void()> call;  // before a right answer
  };
  struct Seen {
    std::string target;                          // "hub /api/models/..." or "cdn /..."
    std::map<std::string, std::string> headers;  // names in lower case
  };

  explicit FakeHub(int port = 0);  // of the hub; 0 takes a free one
  ~FakeHub();
  FakeHub(const FakeHub&) = delete;
  FakeHub& operator=(const FakeHub&) = delete;

  std::string endpoint() const;

  // Adds a repository, or a new revision `main` of it; older commits stay. Gives the commit.
  std::string Add(const FakeRepository& repository);
  // The regular files below `folder`.
  std::string AddFolder(const std::string& id, const std::string& folder,
                        RepositoryKind kind = RepositoryKind::kModel);
  // Another name for a commit.
  void Tag(const std::string& id, const std::string& tag, const std::string& commit);
  void Remove(const std::string& id);
  // A token that the hub knows, as `user`; with access to the gated and private `ids`.
  void AddToken(const std::string& token, const std::string& user,
                const std::vector<std::string>& ids = {});

  // Each connection of the content host gives so many bytes in a second; 0: as fast as it goes.
  void SlowDown(int64_t bytes_per_second);

  // Faults apply in the order of adding; a request takes the first that fits.
  void Misbehave(Fault fault);
  static Fault Truncate(const std::string& where, size_t at, int times = 1);
  static Fault Flip(const std::string& where, size_t at, int times = 1);
  static Fault Answer(const std::string& where, int status, int times = 1,
                      std::map<std::string, std::string> headers = {});
  // The request waits until Release() or the hub's end.
  static Fault Hold(const std::string& where, int times = 1);
  // The answer's bytes up to `at`, then it waits likewise and breaks.
  static Fault HoldAt(const std::string& where, size_t at, int times = 1);
  static Fault Redirect(const std::string& where, const std::string& location, int times = -1);
  static Fault Call(const std::string& where, std::function<void()> call, int times = 1);
  void Release();
  // Returns once a Hold or HoldAt holds a request.
  void AwaitHeld();

  std::vector<Seen> Requests(const std::string& where = "") const;
  void ForgetRequests();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace koeval::hub
