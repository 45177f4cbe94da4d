// Requests to the hub, and what its answers mean.
#include "common/hub/hub_client.h"

#include <fmt/core.h>

#include <utility>

#include "common/base/json.h"
#include "common/base/utf8.h"
#include "common/hub/digest.h"
#include "common/hub/http_url.h"
#include "common/hub/hub_info.h"

namespace koeval::hub {
namespace {

constexpr size_t kAccountBytesMax = 1 << 20;
constexpr size_t kMessageShown = 300;

std::string Plural(RepositoryKind kind) {
  return kind == RepositoryKind::kModel ? "models" : "datasets";
}

// A revision is one part of the URL's path: its slashes are escaped.
std::string EscapeRevision(const std::string& revision) {
  std::string out;
  for (char c : EscapeUrlPath(revision)) out += c == '/' ? std::string("%2F") : std::string(1, c);
  return out;
}

// The hub's own words, for people.
std::string HubMessage(const HttpAnswer& answer) {
  const std::string message = answer.Header("x-error-message");
  const std::string& text = message.empty() ? answer.error_body : message;
  if (!IsValidUtf8(text)) return "";
  std::string out;
  for (char c : Utf8Prefix(text, kMessageShown))
    out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  return out.empty() ? "" : ": " + out;
}

Status Gated(const std::string& what, const HttpAnswer& answer) {
  return PermissionDenied(fmt::format(
      "{} is gated or private{}; accept its terms on the hub and give a token that may read it",
      what, HubMessage(answer)));
}

// Without a token the hub answers 401 for what is private and for what does not exist.
Status Denied(const std::string& what, const HttpAnswer& answer, bool has_token) {
  if (answer.Header("x-error-code") == "GatedRepo") return Gated(what, answer);
  if (has_token && answer.status == 401) {
    return Unauthenticated(fmt::format("the hub does not accept the token for {}{}; make a new one",
                                       what, HubMessage(answer)));
  }
  if (answer.status == 403) return Gated(what, answer);
  return NotFound(
      fmt::format("{} does not exist on the hub, or is private and needs a token", what));
}

Status StatusOf(const std::string& what, const HttpAnswer& answer, bool has_token) {
  if (answer.status >= 200 && answer.status < 300) return OkStatus();
  if (answer.status == 401 || answer.status == 403) return Denied(what, answer, has_token);
  const std::string code = answer.Header("x-error-code");
  if (answer.status == 404 && code == "RevisionNotFound") {
    return NotFound(fmt::format("{} does not exist on the hub; check the revision", what));
  }
  if (answer.status == 404 || answer.status == 410) {
    return NotFound(fmt::format("{} does not exist on the hub", what));
  }
  return Unavailable(
      fmt::format("{}: the hub answers with status {}{}", what, answer.status, HubMessage(answer)));
}

std::string NameOf(const Json& object) {
  const Json* name = JsonFind(object, "name");
  return name != nullptr && name->is_string() ? name->get<std::string>() : "";
}

class HubRepository final : public Repository {
 public:
  HubRepository(std::shared_ptr<const HubClient> client, RepositoryKind kind, RepositoryInfo info,
                std::shared_ptr<const Cancel> cancel)
      : client_(std::move(client)),
        kind_(kind),
        info_(std::move(info)),
        cancel_(std::move(cancel)) {}

  const RepositoryInfo& info() const override { return info_; }

  Result<std::string> ReadFile(const std::string& path, size_t bytes_max) const override {
    ASSIGN_OR_RETURN(const RepositoryFile* file, FindFor(path));
    if (static_cast<uint64_t>(file->size) > bytes_max) {
      return OutOfRange(fmt::format("{}: {} has {} bytes, at most {} are read", info_.id, path,
                                    file->size, bytes_max));
    }
    if (file->size == 0) return std::string();
    HttpRequest request = client_->FileRequest(kind_, info_.id, info_.commit, path);
    request.bytes_max = static_cast<uint64_t>(file->size);
    ASSIGN_OR_RETURN(auto text, client_->http().GetText(request, *cancel_));
    RETURN_IF_ERROR(client_->CheckFileAnswer(text.answer, What(path), info_.commit));
    RETURN_IF_ERROR(CheckBytes(*file, text.body, info_.id));
    return std::move(text.body);
  }

  Result<std::string> ReadRange(const std::string& path, uint64_t offset,
                                uint64_t length) const override {
    RETURN_IF_ERROR(FindRange(path, offset, length).status());
    if (length == 0) return std::string();
    HttpRequest request = client_->FileRequest(kind_, info_.id, info_.commit, path);
    request.range = {offset, offset + length - 1};
    request.bytes_max = length;
    ASSIGN_OR_RETURN(auto text, client_->http().GetText(request, *cancel_));
    RETURN_IF_ERROR(client_->CheckFileAnswer(text.answer, What(path), info_.commit));
    if (text.answer.status == 206 && text.body.size() == length) return std::move(text.body);
    return Unavailable(fmt::format("{}: the hub does not answer with the {} bytes from byte {}",
                                   What(path), length, offset));
  }

 private:
  std::string What(const std::string& path) const { return info_.id + "/" + path; }

  const std::shared_ptr<const HubClient> client_;
  const RepositoryKind kind_;
  const RepositoryInfo info_;
  const std::shared_ptr<const Cancel> cancel_;
};

}  // namespace

HubClient::HubClient(const HubOptions& options, std::unique_ptr<HttpClient> http)
    : options_(options), http_(std::move(http)) {
  while (options_.endpoint.ends_with('/')) options_.endpoint.pop_back();
}

Result<std::shared_ptr<HubClient>> HubClient::Make(const HubOptions& options) {
  RETURN_IF_ERROR(CheckHttpUrl(options.endpoint).WithContext("hub endpoint"));
  return std::make_shared<HubClient>(options, std::make_unique<HttpClient>(options.http));
}

Result<RepositoryInfo> HubClient::Info(RepositoryKind kind, const std::string& id,
                                       const std::string& revision, const Cancel& cancel) const {
  RETURN_IF_ERROR(CheckRepositoryId(id));
  RETURN_IF_ERROR(CheckRevision(revision));
  HttpRequest request;
  request.url = fmt::format("{}/api/{}/{}/revision/{}?blobs=true", options_.endpoint, Plural(kind),
                            id, EscapeRevision(revision));
  request.token = options_.token;
  request.bytes_max = kInfoBytesMax;
  const std::string what = fmt::format("{} {} at {}", KindName(kind), id, revision);
  ASSIGN_OR_RETURN(const auto text, http_->GetText(request, cancel));
  RETURN_IF_ERROR(StatusOf(what, text.answer, !options_.token.empty()));
  ASSIGN_OR_RETURN(RepositoryInfo info, ParseHubInfo(text.body, what));
  if (IsCommit(revision) && info.commit != revision) {
    return Aborted(
        fmt::format("{}: the hub answers for commit {}, not for the one asked", what, info.commit));
  }
  return info;
}

Result<std::unique_ptr<Repository>> HubClient::Open(std::shared_ptr<const HubClient> client,
                                                    RepositoryKind kind, const std::string& id,
                                                    const std::string& revision,
                                                    std::shared_ptr<const Cancel> cancel) {
  ASSIGN_OR_RETURN(RepositoryInfo info, client->Info(kind, id, revision, *cancel));
  return std::unique_ptr<Repository>(
      std::make_unique<HubRepository>(std::move(client), kind, std::move(info), std::move(cancel)));
}

Result<HubAccount> HubClient::WhoAmI(const std::string& token, const Cancel& cancel) const {
  HttpRequest request;
  request.url = options_.endpoint + "/api/whoami-v2";
  request.token = token;
  request.bytes_max = kAccountBytesMax;
  if (token.empty()) return Unauthenticated("no hub token was given");
  ASSIGN_OR_RETURN(const auto text, http_->GetText(request, cancel));
  if (text.answer.status == 401 || text.answer.status == 403) {
    return Unauthenticated("the hub does not know this token; make a new one in its settings");
  }
  RETURN_IF_ERROR(StatusOf("whoami", text.answer, true));
  const auto answer = ParseJson(text.body);
  HubAccount account;
  if (answer.ok()) account.name = NameOf(*answer);
  if (account.name.empty()) return Unavailable("the hub's answer to whoami names nobody");
  if (const Json* orgs = JsonFind(*answer, "orgs"); orgs != nullptr && orgs->is_array()) {
    for (const Json& org : *orgs) {
      if (const std::string name = NameOf(org); !name.empty()) {
        account.organisations.push_back(name);
      }
    }
  }
  return account;
}

HttpRequest HubClient::FileRequest(RepositoryKind kind, const std::string& id,
                                   const std::string& commit, const std::string& path) const {
  HttpRequest request;
  request.url = fmt::format("{}/{}{}/resolve/{}/{}", options_.endpoint,
                            kind == RepositoryKind::kDataset ? "datasets/" : "", id,
                            EscapeRevision(commit), EscapeUrlPath(path));
  request.token = options_.token;
  return request;
}

Status HubClient::CheckFileAnswer(const HttpAnswer& answer, const std::string& what,
                                  const std::string& commit) const {
  RETURN_IF_ERROR(StatusOf(what, answer, !options_.token.empty()));
  const std::string found = answer.Header("x-repo-commit");
  if (found.empty() || found == commit) return OkStatus();
  return Aborted(
      fmt::format("{}: the hub answers with commit {}, not with {}", what, found, commit));
}

}  // namespace koeval::hub
