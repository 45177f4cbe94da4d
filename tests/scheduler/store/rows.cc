// Row makers and texts.
#include "tests/scheduler/store/rows.h"

#include <fmt/format.h>

#include "scheduler/store/columns.h"
#include "scheduler/store/plan_json.h"

namespace koeval::store {
namespace {

class TextVisitor {
 public:
  void operator()(const char* name, const std::string& value) { Add(name, value); }
  void operator()(const char* name, const int64_t& value) { Add(name, fmt::format("{}", value)); }
  void operator()(const char* name, const double& value) { Add(name, fmt::format("{:a}", value)); }
  void operator()(const char* name, const WallTime& value) {
    Add(name, fmt::format("{}", value.micros));
  }
  void operator()(const char* name, const std::optional<int64_t>& value) {
    Add(name, value ? fmt::format("{}", *value) : "none");
  }
  void operator()(const char* name, const std::optional<core::PlanInfo>& value) {
    Add(name, value ? EncodePlan(*value) : "none");
  }
  void operator()(const char* name, core::RequestState value) {
    Add(name, std::string(core::StateName(value)));
  }
  void operator()(const char* name, core::Phase value) {
    Add(name, std::string(core::PhaseName(value)));
  }
  template <typename Tag>
  void operator()(const char* name, const TextId<Tag>& value) {
    Add(name, value.text);
  }
  template <typename Tag>
  void operator()(const char* name, const NumberId<Tag>& value) {
    Add(name, fmt::format("{}", value.value));
  }
  std::string text;

 private:
  void Add(const char* name, const std::string& value) {
    text += fmt::format("{}={}\n", name, value);
  }
};

template <typename Row>
std::string Visit(const Row& row) {
  TextVisitor visit;
  VisitColumns(visit, row);
  return visit.text;
}

void Append(std::vector<std::string>& out, std::vector<std::string> more) {
  out.insert(out.end(), more.begin(), more.end());
}

}  // namespace

core::RequestRow MakeRequest(int64_t number, std::mt19937_64& random) {
  const auto text = [&](const char* what) {
    return fmt::format("{} 한국어 '\"\n{} {}", what, number, random()) + std::string("\0x", 2);
  };
  const auto time = [&] { return WallTime{static_cast<int64_t>(random() >> 12)}; };
  core::RequestRow row;
  row.id = {fmt::format("request-{}", number)};
  row.number = number;
  row.spec = {text("model"),
              text("revision"),
              "bfloat16",
              text("weight"),
              text("type"),
              fmt::format("suite-{}", number % 3),
              text("version"),
              text("profile"),
              text("bundle"),
              number * 7,
              number % 5,
              number * 1000,
              fmt::format("submitter-{}", number % 2)};
  row.state = core::RequestState::kRunning;
  row.phase = core::Phase::kBatches;
  row.round = 2;
  row.attempt = 3;
  row.plan = {text("digest"), {{"kobest_copa", 4, 5, 6, 7}, {"kobest_boolq", 1, 2, 3, 0}}};
  row.plan->digest = fmt::format("digest-{}", number);
  row.hardware_class = text("hardware");
  row.ending = text("ending");
  row.reason = text("reason");
  row.remedy = text("remedy");
  row.facts_json = text("facts");
  row.submitted_at = time();
  row.started_at = time();
  row.finished_at = time();
  row.updated_at = time();
  row.updated_seq = number * 11;
  return row;
}

core::AttemptRow MakeAttempt(const RequestId& id, int64_t round, int64_t attempt) {
  return {id, round, attempt, {"node-1"}, {1000 + attempt}, {2000}, "NODE_LOST", "the node left"};
}

core::LeaseRow MakeLease(int64_t id, const RequestId& request) {
  return {{id}, request, 2, 3, {"node-2"}, 1, 10 * id, 10 * id + 8};
}

core::BatchRow MakeBatch(const RequestId& id, int64_t round, int64_t batch) {
  return {id,
          round,
          batch,
          {"node-3"},
          {batch + 100},
          fmt::format(R"({{"task":"t","results":[[{},-1.25,true]]}})", batch),
          17,
          {batch + 5'000'000}};
}

core::ScoreRow MakeScore(const RequestId& id, int64_t round, double average) {
  return {id, round, R"({"entries":[]})", average, {99}};
}

core::EventRow MakeEvent(int64_t seq, const RequestId& id) {
  return {seq, {seq * 10}, id, "request_changed", fmt::format("event {}", seq)};
}

core::AuditRow MakeAudit(const std::string& target) {
  return {{123}, "alice", "operator", "cancel", target, "because"};
}

core::ModelRow MakeModel(const std::string& model) {
  return {model,     "fine-tuned",       "한국어 '\"\n", 17,          1'300'000'000,
          "float16", "LlamaForCausalLM", "org/base",     {1'000'007}, {2'000'009},
          "hub"};
}

core::FlagRow MakeFlag(const std::string& model, int64_t set_at, int64_t lifted_at) {
  core::FlagRow row = {model,      "오염된 데이터", "https://hub.example/discussions/1",
                       "alice",    {set_at},        "",
                       {lifted_at}};
  if (lifted_at != 0) row.lifted_by = "bob";
  return row;
}

core::ImportRow MakeImport(const std::string& kind, const std::string& path) {
  return {kind,      path,      "digest of " + path, "org/model", "main",
          "float16", "PENDING", R"({"likes":3})",    "alice",     {3'000'011}};
}

std::string TextOf(const core::RequestRow& row) {
  return Visit(row);
}
std::string TextOf(const core::AttemptRow& row) {
  return Visit(row);
}
std::string TextOf(const core::LeaseRow& row) {
  return Visit(row);
}
std::string TextOf(const core::BatchRow& row) {
  return Visit(row);
}
std::string TextOf(const core::ScoreRow& row) {
  return Visit(row);
}
std::string TextOf(const core::EventRow& row) {
  return Visit(row);
}
std::string TextOf(const core::AuditRow& row) {
  return Visit(row);
}
std::string TextOf(const core::MetaRow& row) {
  return Visit(row);
}
std::string TextOf(const core::ModelRow& row) {
  return Visit(row);
}
std::string TextOf(const core::FlagRow& row) {
  return Visit(row);
}
std::string TextOf(const core::ImportRow& row) {
  return Visit(row);
}
std::string TextOf(const Snapshot::StoredBatch& row) {
  return fmt::format("batch {} {} {}", row.request.text, row.round, row.batch);
}

std::vector<std::string> TextsOf(const Snapshot& snapshot) {
  std::vector<std::string> out = TextsOf(snapshot.requests);
  Append(out, TextsOf(snapshot.leases));
  Append(out, TextsOf(snapshot.open_attempts));
  Append(out, TextsOf(snapshot.meta));
  Append(out, TextsOf(snapshot.batches));
  return out;
}

std::vector<std::string> TextsOf(Reader& reader, const std::vector<RequestId>& ids) {
  std::vector<std::string> out;
  constexpr int64_t kAll = 1'000'000;
  constexpr int64_t kRoundMax = 3;
  for (const RequestId& id : ids) {
    const auto request = reader.GetRequest(id);
    out.push_back(request.ok() ? TextOf(*request) : request.status().ToString());
    Append(out, TextsOf(reader.Attempts(id).value()));
    for (int64_t round = 1; round <= kRoundMax; ++round) {
      Append(out, TextsOf(reader.Batches(id, round).value()));
      const auto score = reader.Score(id, round).value();
      if (score) out.push_back(TextOf(*score));
    }
  }
  Append(out, TextsOf(reader.Events(0, {}, kAll).value()));
  Append(out, TextsOf(reader.Audit(kAll).value()));
  Append(out, TextsOf(reader.Models("", kAll).value()));
  Append(out, TextsOf(reader.Flags("", true, kAll).value()));
  for (const char* kind : {"requests", "results"}) {
    const auto rows = reader.Imports(kind, "", kAll).value();
    for (const core::ImportRow& row : rows) {
      out.push_back(TextOf(row));
      out.push_back(reader.ImportText(kind, row.path).value());
    }
  }
  return out;
}

testing::AssertionResult IsOk(const Status& status) {
  if (status.ok()) return testing::AssertionSuccess();
  return testing::AssertionFailure() << status.ToString();
}

}  // namespace koeval::store
