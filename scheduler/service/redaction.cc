// Aliases and shortened texts.
#include "scheduler/service/redaction.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <utility>

#include "common/base/json.h"
#include "common/base/random.h"
#include "common/base/sha256.h"
#include "common/rpc/auth.h"
#include "scheduler/board/board_path.h"
#include "scheduler/core/sentences.h"
#include "scheduler/service/limits.h"

namespace koeval::service {
namespace {

constexpr size_t kSaltBytes = 16;
constexpr size_t kAliasChars = 8;
constexpr std::string_view kWorker = "worker ";
constexpr std::string_view kAddress = "[address]";
constexpr std::string_view kPathStart = "…/";

bool IsNameChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

// Where the run of name characters that starts at `at` ends, without a full stop behind it.
size_t NameEnd(std::string_view text, size_t at) {
  size_t end = at;
  while (end < text.size() && IsNameChar(text[end])) ++end;
  while (end > at && text[end - 1] == '.') --end;
  return end;
}

// Words that stand behind "worker" in the core's sentences and in those of others, so that no name
// is looked for there.
std::unordered_set<std::string> WordsBehindWorker() {
  std::unordered_set<std::string> words = {
      "and",  "asks", "at",   "by",    "can",  "cannot",  "could", "crashed", "died", "does",
      "for",  "from", "had",  "has",   "in",   "is",      "log",   "may",     "must", "name",
      "node", "not",  "of",   "on",    "or",   "process", "said",  "says",    "that", "the",
      "to",   "was",  "were", "which", "will", "with",    "ended", "stopped", "lost", "failed"};
  for (const core::SentenceInfo& info : core::AllSentences()) {
    const std::string_view text = info.text;
    for (size_t at = text.find(kWorker); at != std::string_view::npos;
         at = text.find(kWorker, at + 1)) {
      const size_t begin = at + kWorker.size();
      if (text[begin] != '{') words.emplace(text.substr(begin, NameEnd(text, begin) - begin));
    }
  }
  return words;
}

std::vector<std::string> Roots(const ServiceConfig& config) {
  std::vector<std::string> roots = config.local_model_roots;
  for (const std::string& folder :
       {config.state_dir, config.database, config.suites_dir, config.datasets_dir,
        config.models_dir, config.exports.requests_dir, config.exports.results_dir}) {
    roots.push_back(folder);
  }
  std::erase_if(roots, [](const std::string& root) { return root.size() < 2; });
  std::sort(roots.begin(), roots.end(),
            [](const auto& a, const auto& b) { return a.size() > b.size(); });
  return roots;
}

// Whether a path, an address or a word may start at `at`.
bool StartsWord(std::string_view text, size_t at) {
  return at == 0 ||
         std::string_view(" \t\n\"'`(=<>[{,;:|").find(text[at - 1]) != std::string_view::npos;
}

size_t WordEnd(std::string_view text, size_t at) {
  return std::min(text.find_first_of(" \t\n\"'`()<>[]{},;|", at), text.size());
}

// The length of an IPv4 address at the start of `text`, with its port; 0 where there is none.
size_t Ipv4Length(std::string_view text) {
  size_t at = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && (at >= text.size() || text[at++] != '.')) return 0;
    int value = 0;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), value);
    if (error != std::errc() || value < 0 || value > 255) return 0;
    at = static_cast<size_t>(end - text.data());
  }
  if (at < text.size() && text[at] == '.' && at + 1 < text.size() && IsNameChar(text[at + 1])) {
    return 0;
  }
  const auto is_digit = [&text](size_t i) {
    return i < text.size() && text[i] >= '0' && text[i] <= '9';
  };
  if (at < text.size() && text[at] == ':' && is_digit(at + 1)) {
    do ++at;
    while (is_digit(at));
  }
  return at;
}

// The length of "[2001:db8::1]:443" at the start of `text`; 0 where there is none.
size_t Ipv6Length(std::string_view text) {
  const size_t end = text.find(']');
  if (!text.starts_with('[') || end == std::string_view::npos) return 0;
  const std::string_view inner = text.substr(1, end - 1);
  const bool is_address =
      std::count(inner.begin(), inner.end(), ':') >= 2 &&
      inner.find_first_not_of("0123456789abcdefABCDEF:.%") == std::string_view::npos;
  return is_address ? WordEnd(text, end + 1) : 0;
}

// Whether the host of a URL is a name that everyone can look up: with dots, and without a port.
bool IsPublicHost(std::string_view host) {
  return host.find('.') != std::string_view::npos && host.find(':') == std::string_view::npos &&
         Ipv4Length(host) == 0 && !host.ends_with(".local") && !host.ends_with(".internal");
}

std::string WithoutAddresses(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    size_t length = 0;
    if (StartsWord(text, at)) {
      length = std::max(Ipv4Length(rest), Ipv6Length(rest));
      for (const std::string_view scheme : {"http://", "https://", "grpc://"}) {
        if (!rest.starts_with(scheme)) continue;
        const size_t end = std::min(rest.find('/', scheme.size()), WordEnd(rest, scheme.size()));
        if (!IsPublicHost(rest.substr(scheme.size(), end - scheme.size()))) length = end;
      }
    }
    if (length > 0) out += kAddress;
    if (length == 0) out += text[at++];
    at += length;
  }
  return out;
}

void ForEachString(Json* json, const std::function<std::string(const std::string&)>& change) {
  if (json->is_string()) {
    *json = change(json->get_ref<const std::string&>());
  } else if (json->is_structured()) {
    for (Json& item : *json) ForEachString(&item, change);
  }
}

}  // namespace

Redaction::Redaction(const ServiceConfig& config)
    : salt_(RandomHex(kSaltBytes)), roots_(Roots(config)), no_names_(WordsBehindWorker()) {}

bool Redaction::SeesAll(const core::Actor& actor) {
  return actor.role == rpc::RoleName(rpc::Role::kOperator);
}

std::string Redaction::Alias(const std::string& worker) {
  if (worker.empty()) return worker;
  {
    MutexLock lock(mutex_);
    if (names_.size() < kRedactedNamesMax) names_.insert(worker);
  }
  return AliasOf(worker);
}

std::string Redaction::AliasOf(const std::string& worker) const {
  return "node-" + Sha256Hex(salt_ + worker).substr(0, kAliasChars);
}

bool Redaction::IsKnown(const std::string& name) {
  MutexLock lock(mutex_);
  return names_.contains(name);
}

std::string Redaction::Text(std::string_view text) {
  return WithoutWorkers(WithoutPaths(WithoutAddresses(text)));
}

std::string Redaction::WithoutPaths(std::string_view text) const {
  std::string whole(text);
  for (const std::string& root : roots_) {  // which may hold blanks
    std::string name = root.substr(root.rfind('/'));
    std::replace_if(
        name.begin(), name.end(), [](char c) { return !IsNameChar(c) && c != '/'; }, '_');
    for (size_t at = whole.find(root); at != std::string::npos; at = whole.find(root, at + 1)) {
      if (StartsWord(whole, at)) whole.replace(at, root.size(), name);
    }
  }
  std::string out;
  for (size_t at = 0; at < whole.size();) {
    const bool is_path = whole[at] == '/' && StartsWord(whole, at) && at + 1 < whole.size() &&
                         IsNameChar(whole[at + 1]);
    if (!is_path) {
      out += whole[at++];
      continue;
    }
    size_t end = std::min(whole.find(':', at), WordEnd(whole, at));
    while (whole[end - 1] == '.' || whole[end - 1] == '/') --end;
    const std::string path = whole.substr(at, end - at);
    out += std::string(kPathStart) + path.substr(path.rfind('/') + 1);
    at = end;
  }
  return out;
}

std::string Redaction::WithoutWorkers(std::string_view text) {
  // Those that this text itself calls workers, before those that are known.
  std::unordered_set<std::string> named;
  for (size_t at = text.find(kWorker); at != std::string_view::npos;
       at = text.find(kWorker, at + 1)) {
    const size_t begin = at + kWorker.size();
    std::string name(text.substr(begin, NameEnd(text, begin) - begin));
    if (!name.empty() && !no_names_.contains(name)) named.insert(std::move(name));
  }
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = NameEnd(text, at);
    if (end == at) {
      out += text[at++];
      continue;
    }
    const std::string word(text.substr(at, end - at));
    const std::string host = word.substr(0, word.find('.'));  // of a full host name
    if (named.contains(word) || IsKnown(word)) {
      out += AliasOf(word);
    } else {
      out += named.contains(host) || IsKnown(host) ? AliasOf(host) : word;
    }
    at = end;
  }
  return out;
}

std::string Redaction::JsonText(const std::string& json) {
  if (json.empty()) return json;
  auto document = ParseJson(json);
  if (!document.ok()) return Text(json);
  ForEachString(&*document, [this](const std::string& text) { return Text(text); });
  return CompactJson(*document);
}

void Redaction::HideTexts(v1::Request* request) {
  for (std::string& worker : *request->mutable_progress()->mutable_workers()) {
    worker = Alias(worker);
  }
  request->set_reason(Text(request->reason()));
  request->set_remedy(Text(request->remedy()));
  request->set_facts_json(JsonText(request->facts_json()));
}

void Redaction::Hide(const core::Actor& actor, v1::Request* request) {
  if (SeesAll(actor)) return;
  HideTexts(request);
  if (request->submitter() == actor.who) return;  // who has typed the path
  v1::RequestSpec* spec = request->mutable_spec();
  spec->set_model(board::PublicModelName(spec->model()));
}

void Redaction::Hide(const core::Actor& actor, v1::GetRequestResponse* response) {
  if (SeesAll(actor)) return;
  for (v1::Attempt& attempt : *response->mutable_attempts()) {
    attempt.set_worker(Alias(attempt.worker()));
  }
  for (v1::Attempt& attempt : *response->mutable_attempts()) {
    attempt.set_reason(Text(attempt.reason()));
  }
  Hide(actor, response->mutable_request());
}

void Redaction::Hide(const core::Actor& actor, v1::ListRequestsResponse* response) {
  for (v1::Request& request : *response->mutable_requests()) Hide(actor, &request);
}

void Redaction::HideSlots(google::protobuf::RepeatedPtrField<v1::SlotVerdict>* slots) {
  for (v1::SlotVerdict& slot : *slots) slot.set_worker(Alias(slot.worker()));
  for (v1::SlotVerdict& slot : *slots) slot.set_text(Text(slot.text()));
}

void Redaction::Hide(const core::Actor& actor, v1::ExplainResponse* response) {
  if (SeesAll(actor)) return;
  HideSlots(response->mutable_slots());
  Hide(actor, response->mutable_request());
  response->set_answer(Text(response->answer()));
  for (v1::WatchResponse& change : *response->mutable_decisions()) Hide(actor, &change);
}

void Redaction::Hide(const core::Actor& actor, v1::DryRunResponse* response) {
  if (SeesAll(actor)) return;
  HideSlots(response->mutable_slots());
  response->set_report_json(JsonText(response->report_json()));
  response->set_placement(Text(response->placement()));
  response->set_placement_remedy(Text(response->placement_remedy()));
}

void Redaction::Hide(const core::Actor& actor, v1::WatchResponse* change) {
  if (!SeesAll(actor)) change->set_text(Text(change->text()));
}

void Redaction::Hide(const core::Actor& actor, v1::ListWorkersResponse* response) {
  if (SeesAll(actor)) return;
  for (v1::Worker& worker : *response->mutable_workers()) worker.set_id(Alias(worker.id()));
  for (v1::Worker& worker : *response->mutable_workers()) {
    worker.set_drain_reason(Text(worker.drain_reason()));
    for (v1::Slot& slot : *worker.mutable_slots()) {
      slot.set_model(board::PublicModelName(slot.model()));
    }
  }
}

void Redaction::Hide(const core::Actor& actor,
                     google::protobuf::RepeatedPtrField<v1::Suite>* suites) {
  if (SeesAll(actor)) return;
  for (v1::Suite& suite : *suites) suite.set_unavailable(Text(suite.unavailable()));
}

Status Redaction::Hidden(const core::Actor& actor, const Status& status) {
  if (status.ok() || SeesAll(actor)) return status;
  return {status.code(), Text(status.message())};
}

void Redaction::Hide(const core::Actor& actor, v1::GetSamplesResponse* sample) {
  if (SeesAll(actor)) return;
  for (std::string& worker : *sample->mutable_workers()) worker = Alias(worker);
}

}  // namespace koeval::service
