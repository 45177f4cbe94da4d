// The local hub over cpp-httplib.
#include "tests/common/hub/fake_hub.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include "common/base/check.h"
#include "common/base/file.h"
#include "common/base/mutex.h"
#include "common/hub/digest.h"
#include "tests/common/hub/fake_hub_server.h"

namespace koeval::hub {
namespace {

struct Blob {
  std::string bytes, digest;
  bool is_lfs = false;
};
struct Revision {
  std::map<std::string, std::shared_ptr<const Blob>> files;
};
struct Stored {
  FakeRepository facts;  // without its files
  std::map<std::string, Revision> commits;
  std::map<std::string, std::string> refs;  // branch or tag -> commit
};
struct Token {
  std::string user;
  std::set<std::string> ids;
};
bool IsLfs(const FakeRepository& repository, const std::string& path, size_t bytes) {
  return path.ends_with(".safetensors") || bytes >= repository.lfs_bytes;
}

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

class FakeHub::Impl {
 public:
  explicit Impl(int port)
      : hub_(port,
             [this](const auto& request, auto& response) { Serve("hub ", request, response); }),
        cdn_(0, [this](const auto& request, auto& response) { Serve("cdn ", request, response); }) {
  }

  ~Impl() { Release(); }

  std::string endpoint() const { return hub_.endpoint(); }

  std::string Add(const FakeRepository& repository) {
    Revision revision;
    std::string listing;
    MutexLock lock(mutex_);
    Stored& stored = repositories_[repository.id];
    for (const auto& [path, bytes] : repository.files) {
      auto blob = std::make_shared<Blob>();
      blob->is_lfs = IsLfs(repository, path, bytes.size());
      blob->digest = DigestOf(blob->is_lfs, bytes);
      blob->bytes = bytes;
      listing += path + "\n" + blob->digest + "\n";
      if (blob->is_lfs) content_[blob->digest] = blob;
      revision.files[path] = std::move(blob);
    }
    listing += repository.card.dump() + fmt::format("\n{}", stored.commits.size());
    const std::string commit = DigestOf(false, listing);
    stored.facts = repository;
    stored.facts.files.clear();
    stored.commits[commit] = std::move(revision);
    stored.refs["main"] = commit;
    return commit;
  }

  void Tag(const std::string& id, const std::string& tag, const std::string& commit) {
    MutexLock lock(mutex_);
    repositories_[id].refs[tag] = commit;
  }

  void Remove(const std::string& id) {
    MutexLock lock(mutex_);
    repositories_.erase(id);
  }

  void AddToken(const std::string& token, const std::string& user,
                const std::vector<std::string>& ids) {
    MutexLock lock(mutex_);
    tokens_[token] = {user, {ids.begin(), ids.end()}};
  }

  void Misbehave(Fault fault) {
    MutexLock lock(mutex_);
    faults_.push_back(std::move(fault));
  }

  void SlowDown(int64_t bytes_per_second) { bytes_per_second_ = bytes_per_second; }

  void Release() {
    MutexLock lock(mutex_);
    released_ = true;
    changed_.NotifyAll();
  }

  void AwaitHeld() {
    MutexLock lock(mutex_);
    while (held_ == 0) changed_.Wait(mutex_);
  }

  std::vector<Seen> Requests(const std::string& where) const {
    MutexLock lock(mutex_);
    std::vector<Seen> out;
    for (const Seen& seen : seen_) {
      if (seen.target.find(where) != std::string::npos) out.push_back(seen);
    }
    return out;
  }

  void ForgetRequests() {
    MutexLock lock(mutex_);
    seen_.clear();
  }

 private:
  void Serve(const std::string& server, const httplib::Request& request,
             httplib::Response& response) {
    const std::string target = server + request.path;
    Remember(target, request);
    const std::optional<Fault> fault = TakeFault(target);
    Delivery delivery;
    std::optional<size_t> flip;
    if (fault) {
      switch (fault->kind) {
        case Fault::Kind::kTruncate:
          delivery.break_at = fault->at;
          break;
        case Fault::Kind::kHoldAt:
          delivery.break_at = fault->at;
          delivery.before_break = [this] { Hold(); };
          break;
        case Fault::Kind::kFlip:
          flip = fault->at;
          break;
        case Fault::Kind::kStatus:
          for (const auto& [name, value] : fault->headers) response.set_header(name, value);
          return Refuse(response, fault->status, "", "as the test has it");
        case Fault::Kind::kRedirect:
          response.status = 302;
          response.set_header("Location", fault->location.empty() ? request.path : fault->location);
          return;
        case Fault::Kind::kHold:
          Hold();
          break;
        case Fault::Kind::kCall:
          fault->call();
          break;
      }
    }
    if (server == "cdn ") delivery.bytes_per_second = bytes_per_second_;
    if (server == "cdn ") return ServeContent(request, response, delivery, flip);
    if (request.path == "/api/whoami-v2") return ServeAccount(request, response);
    if (request.path.starts_with("/api/models/")) {
      return ServeInfo(RepositoryKind::kModel, request.path.substr(12), request, response);
    }
    if (request.path.starts_with("/api/datasets/")) {
      return ServeInfo(RepositoryKind::kDataset, request.path.substr(14), request, response);
    }
    ServeFile(request, response, delivery, flip);
  }

  void Remember(const std::string& target, const httplib::Request& request) {
    Seen seen{target, {}};
    for (const auto& [name, value] : request.headers) seen.headers[Lower(name)] = value;
    MutexLock lock(mutex_);
    seen_.push_back(std::move(seen));
  }

  std::optional<Fault> TakeFault(const std::string& target) {
    MutexLock lock(mutex_);
    for (Fault& fault : faults_) {
      if (fault.times == 0 || target.find(fault.where) == std::string::npos) continue;
      if (fault.times > 0) --fault.times;
      return fault;
    }
    return std::nullopt;
  }

  void Hold() {
    MutexLock lock(mutex_);
    ++held_;
    changed_.NotifyAll();
    while (!released_) changed_.Wait(mutex_);
  }

  // The token's holder; nothing without a token or for one that is unknown.
  const Token* TokenOf(const httplib::Request& request) const REQUIRES(mutex_) {
    const std::string header = request.get_header_value("Authorization");
    const auto at = tokens_.find(header.starts_with("Bearer ") ? header.substr(7) : "");
    return at == tokens_.end() ? nullptr : &at->second;
  }

  void ServeAccount(const httplib::Request& request, httplib::Response& response) {
    MutexLock lock(mutex_);
    const Token* token = TokenOf(request);
    if (token == nullptr) {
      return Refuse(response, 401, "", "Invalid credentials in Authorization header");
    }
    std::set<std::string> orgs;
    for (const std::string& id : token->ids) orgs.insert(id.substr(0, id.find('/')));
    Json list = Json::array();
    for (const std::string& org : orgs) list.push_back({{"name", org}});
    response.set_content(Json{{"type", "user"}, {"name", token->user}, {"orgs", list}}.dump(),
                         "application/json");
  }

  // The revision that a request may see, or nullptr with the refusal written. `reads_files`: also
  // past the gate.
  const Stored* Enter(RepositoryKind kind, const std::string& id, const std::string& name,
                      bool reads_files, const httplib::Request& request,
                      httplib::Response& response, std::string& commit) REQUIRES(mutex_) {
    const Token* token = TokenOf(request);
    if (request.has_header("Authorization") && token == nullptr) {
      Refuse(response, 401, "", "Invalid credentials in Authorization header");
      return nullptr;
    }
    const auto at = repositories_.find(id);
    const bool granted = token != nullptr && token->ids.contains(id);
    if (at == repositories_.end() || at->second.facts.kind != kind ||
        (at->second.facts.is_private && !granted)) {
      Refuse(response, token == nullptr ? 401 : 404, "RepoNotFound", "Repository not found");
      return nullptr;
    }
    const Stored& stored = at->second;
    const auto ref = stored.refs.find(name);
    commit = ref == stored.refs.end() ? name : ref->second;
    if (!stored.commits.contains(commit)) {
      Refuse(response, 404, "RevisionNotFound", "Invalid rev id: " + name);
      return nullptr;
    }
    if (reads_files && stored.facts.gated && !granted) {
      Refuse(response, token == nullptr ? 401 : 403, "GatedRepo",
             "Access to model " + id + " is restricted.");
      return nullptr;
    }
    return &stored;
  }

  void ServeInfo(RepositoryKind kind, const std::string& rest, const httplib::Request& request,
                 httplib::Response& response) {
    static constexpr std::string_view kMark = "/revision/";
    const size_t mark = rest.find(kMark);
    const std::string id = rest.substr(0, mark);
    const std::string name = mark == std::string::npos ? "main" : rest.substr(mark + kMark.size());
    MutexLock lock(mutex_);
    std::string commit;
    const Stored* stored = Enter(kind, id, name, false, request, response, commit);
    if (stored == nullptr) return;
    const bool blobs = Lower(request.get_param_value("blobs")) == "true";
    Json siblings = Json::array();
    for (const auto& [path, blob] : stored->commits.at(commit).files) {
      Json sibling{{"rfilename", path}};
      if (blobs) {
        sibling["blobId"] =
            blob->is_lfs ? DigestOf(false, "pointer " + blob->digest) : blob->digest;
        sibling["size"] = blob->bytes.size();
        if (blob->is_lfs) {
          sibling["lfs"] = {
              {"sha256", blob->digest}, {"size", blob->bytes.size()}, {"pointerSize", 134}};
        }
      }
      siblings.push_back(std::move(sibling));
    }
    const FakeRepository& facts = stored->facts;
    response.set_content(Json{{"id", id},
                              {"author", id.substr(0, id.find('/'))},
                              {"sha", commit},
                              {"lastModified", "2024-08-12T09:30:00.000Z"},
                              {"private", facts.is_private},
                              {"gated", facts.gated ? Json("manual") : Json(false)},
                              {"disabled", false},
                              {"likes", facts.likes},
                              {"tags", facts.tags},
                              {"cardData", facts.card},
                              {"siblings", std::move(siblings)}}
                             .dump(),
                         "application/json");
  }

  void ServeFile(const httplib::Request& request, httplib::Response& response,
                 const Delivery& delivery, std::optional<size_t> flip) {
    static constexpr std::string_view kMark = "/resolve/";
    std::string path = request.path.substr(1);
    const bool dataset = path.starts_with("datasets/");
    if (dataset) path.erase(0, 9);
    const size_t mark = path.find(kMark);
    if (mark == std::string::npos) return Refuse(response, 404, "", "no such page");
    const std::string id = path.substr(0, mark);
    const std::string rest = path.substr(mark + kMark.size());
    // A branch may hold slashes: the longest known name counts.
    size_t slash = rest.find('/');
    MutexLock lock(mutex_);
    if (const auto at = repositories_.find(id); at != repositories_.end()) {
      for (const auto& [name, ref] : at->second.refs) {
        if (rest.starts_with(name + "/")) slash = name.size();
      }
    }
    std::string commit;
    const Stored* stored = Enter(dataset ? RepositoryKind::kDataset : RepositoryKind::kModel, id,
                                 rest.substr(0, slash), true, request, response, commit);
    if (stored == nullptr) return;
    const auto& files = stored->commits.at(commit).files;
    const auto file = slash == std::string::npos ? files.end() : files.find(rest.substr(slash + 1));
    if (file == files.end()) return Refuse(response, 404, "EntryNotFound", "Entry not found");
    const Blob& blob = *file->second;
    response.set_header("X-Repo-Commit", commit);
    if (!blob.is_lfs) {
      std::string bytes = blob.bytes;
      if (flip && *flip < bytes.size()) bytes[*flip] = static_cast<char>(bytes[*flip] ^ 1);
      return SendBytes(request, response, bytes, "\"" + blob.digest + "\"", delivery);
    }
    response.status = 302;
    response.set_header("X-Linked-Etag", "\"" + blob.digest + "\"");
    response.set_header("X-Linked-Size", std::to_string(blob.bytes.size()));
    response.set_header(
        "Location", cdn_.endpoint() + "/" + blob.digest + "/" + file->first + "?Signature=secret");
  }

  void ServeContent(const httplib::Request& request, httplib::Response& response,
                    const Delivery& delivery, std::optional<size_t> flip) {
    std::shared_ptr<const Blob> blob;
    {
      MutexLock lock(mutex_);
      const auto at = content_.find(request.path.substr(1, 64));
      if (at != content_.end()) blob = at->second;
    }
    if (blob == nullptr) return Refuse(response, 404, "", "no such content");
    std::string bytes = blob->bytes;
    if (flip && *flip < bytes.size()) bytes[*flip] = static_cast<char>(bytes[*flip] ^ 1);
    SendBytes(request, response, bytes, "\"" + blob->digest + "\"", delivery);
  }

  mutable Mutex mutex_;
  CondVar changed_;
  std::map<std::string, Stored> repositories_ GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<const Blob>> content_ GUARDED_BY(mutex_);  // by SHA-256
  std::map<std::string, Token> tokens_ GUARDED_BY(mutex_);
  std::vector<Fault> faults_ GUARDED_BY(mutex_);
  std::vector<Seen> seen_ GUARDED_BY(mutex_);
  int held_ GUARDED_BY(mutex_) = 0;
  std::atomic<int64_t> bytes_per_second_{0};
  bool released_ GUARDED_BY(mutex_) = false;
  FakeServer hub_, cdn_;  // last: their threads use what is above
};

FakeHub::FakeHub(int port) : impl_(std::make_unique<Impl>(port)) {}
FakeHub::~FakeHub() = default;

std::string FakeHub::endpoint() const {
  return impl_->endpoint();
}
std::string FakeHub::Add(const FakeRepository& repository) {
  return impl_->Add(repository);
}

std::string FakeHub::AddFolder(const std::string& id, const std::string& folder,
                               RepositoryKind kind) {
  FakeRepository repository;
  repository.kind = kind;
  repository.id = id;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const auto bytes = ReadFile(entry.path().string());
    KOEVAL_CHECK(bytes.ok(), "a file of the folder");
    repository.files[entry.path().lexically_relative(folder).string()] = *bytes;
  }
  return Add(repository);
}

void FakeHub::Tag(const std::string& id, const std::string& tag, const std::string& commit) {
  impl_->Tag(id, tag, commit);
}
void FakeHub::Remove(const std::string& id) {
  impl_->Remove(id);
}
void FakeHub::AddToken(const std::string& token, const std::string& user,
                       const std::vector<std::string>& ids) {
  impl_->AddToken(token, user, ids);
}
void FakeHub::Misbehave(Fault fault) {
  impl_->Misbehave(std::move(fault));
}

namespace {

FakeHub::Fault FaultOf(FakeHub::Fault::Kind kind, const std::string& where, int times) {
  FakeHub::Fault fault;
  fault.kind = kind;
  fault.where = where;
  fault.times = times;
  return fault;
}

}  // namespace

FakeHub::Fault FakeHub::Truncate(const std::string& where, size_t at, int times) {
  Fault fault = FaultOf(Fault::Kind::kTruncate, where, times);
  fault.at = at;
  return fault;
}
FakeHub::Fault FakeHub::Flip(const std::string& where, size_t at, int times) {
  Fault fault = FaultOf(Fault::Kind::kFlip, where, times);
  fault.at = at;
  return fault;
}
FakeHub::Fault FakeHub::Answer(const std::string& where, int status, int times,
                               std::map<std::string, std::string> headers) {
  Fault fault = FaultOf(Fault::Kind::kStatus, where, times);
  fault.status = status;
  fault.headers = std::move(headers);
  return fault;
}
FakeHub::Fault FakeHub::Hold(const std::string& where, int times) {
  return FaultOf(Fault::Kind::kHold, where, times);
}
FakeHub::Fault FakeHub::HoldAt(const std::string& where, size_t at, int times) {
  Fault fault = FaultOf(Fault::Kind::kHoldAt, where, times);
  fault.at = at;
  return fault;
}
FakeHub::Fault FakeHub::Redirect(const std::string& where, const std::string& location, int times) {
  Fault fault = FaultOf(Fault::Kind::kRedirect, where, times);
  fault.location = location;
  return fault;
}
FakeHub::Fault FakeHub::Call(const std::string& where, std::function<void()> call, int times) {
  Fault fault = FaultOf(Fault::Kind::kCall, where, times);
  fault.call = std::move(call);
  return fault;
}

void FakeHub::SlowDown(int64_t bytes_per_second) {
  impl_->SlowDown(bytes_per_second);
}

void FakeHub::Release() {
  impl_->Release();
}
void FakeHub::AwaitHeld() {
  impl_->AwaitHeld();
}
std::vector<FakeHub::Seen> FakeHub::Requests(const std::string& where) const {
  return impl_->Requests(where);
}
void FakeHub::ForgetRequests() {
  impl_->ForgetRequests();
}

}  // namespace koeval::hub
