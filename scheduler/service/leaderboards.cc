// The leaderboards of all suites.
#include "scheduler/service/leaderboards.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "common/base/log.h"
#include "scheduler/board/board_path.h"
#include "scheduler/board/model_type.h"
#include "scheduler/core/event_kinds.h"
#include "scheduler/service/chat_spec.h"
#include "scheduler/service/limits.h"
#include "scheduler/service/model_facts.h"
#include "scheduler/service/results_convert.h"

namespace koeval::service {
namespace {

using Models = std::map<std::string, core::ModelRow>;
using Flags = std::map<std::string, core::FlagRow>;  // by model

void FillScores(const std::vector<std::string>& columns,
                const std::vector<evaluation::EntryScore>& entries, web::BoardRow* row) {
  for (const std::string& column : columns) {
    auto& cell = row->scores.emplace_back();
    for (const evaluation::EntryScore& entry : entries) {
      if (entry.name == column) cell = {entry.value, entry.stderr_value};
    }
  }
}

void FillFacts(const core::ModelRow& facts, web::BoardRow* row) {
  if (!facts.type.empty()) row->model_type = facts.type;
  const auto type = board::ParseModelType(row->model_type);
  if (type) row->type_icon = board::ModelTypeIcon(*type);
  row->architecture = facts.architecture;
  row->license = facts.license;
  row->parameters = facts.parameters.value_or(0);
  row->likes = facts.likes;
  row->deleted = facts.deleted_at.micros != 0;
}

Result<Models> ReadModels(store::Reader& reader) {
  Models models;
  std::string after;
  while (static_cast<int64_t>(models.size()) < kLeaderboardMax) {
    ASSIGN_OR_RETURN(const auto rows, reader.Models(after, kPageMax));
    for (const core::ModelRow& row : rows) models.emplace(row.model, row);
    if (static_cast<int64_t>(rows.size()) < kPageMax) break;
    after = rows.back().model;
  }
  return models;
}

web::BoardRow FromImported(const web::Board& board, const ImportedRow& from) {
  web::BoardRow row;
  row.is_imported = true;
  row.model = from.model;
  row.revision = from.revision;
  row.precision = from.precision;
  row.profile = board.profile;
  row.suite_version = board.version;
  row.stored_average = from.average;
  row.finished_at_us = from.date.micros;
  FillScores(board.columns, from.entries, &row);
  return row;
}

void FillSettings(const core::RequestSpec& spec, web::BoardRow* row) {
  const auto chat = ParseChatText(spec.chat);
  if (!chat.ok()) return;
  row->prompts = {chat->chat_template, chat->fewshot_as_multiturn, chat->system_instruction};
}

// Those in force.
Result<Flags> ReadFlags(store::Reader& reader) {
  ASSIGN_OR_RETURN(const auto rows, reader.Flags("", /*lifted=*/false, kLeaderboardMax));
  Flags flags;
  for (const core::FlagRow& flag : rows) flags.emplace(flag.model, flag);
  return flags;
}

// A leaderboard without rows in `version`, in the columns that the suite has or, for an earlier
// version, that one of its evaluations has.
Leaderboard EmptyBoard(const evaluation::Suite& suite, const std::string& version,
                       const std::vector<evaluation::EntryScore>& entries) {
  Leaderboard out;
  out.board.suite = suite.name;
  out.board.title = suite.title;
  out.board.version = version;
  out.board.profile = evaluation::ProfileName(suite.profile);
  if (version == suite.version) {
    for (const evaluation::SuiteEntry& entry : suite.entries) {
      out.board.columns.push_back(entry.name);
      out.metrics.push_back(entry.metric);
    }
    return out;
  }
  for (const evaluation::EntryScore& entry : entries) {
    out.board.columns.push_back(entry.name);
    out.metrics.push_back(entry.metric);
  }
  return out;
}

// Adds rows to a leaderboard with what is known about their models.
class Collector {
 public:
  Collector(const Models& models, const Flags& flags) : models_(models), flags_(flags) {}

  void Add(web::BoardRow row, core::ModelRow known, Leaderboard* to) const {
    const auto stored = models_.find(known.model);
    const auto flag = flags_.find(known.model);
    if (stored != models_.end()) known = stored->second;
    FillFacts(known, &row);
    known.model = row.model;
    row.index = to->board.rows.size();
    to->flags.emplace_back();
    if (flag != flags_.end()) {
      row.flags = {flag->second.reason};
      row.flag_url = flag->second.url;
      to->flags.back() = flag->second;
      to->flags.back()->model = row.model;
    }
    to->models.push_back(std::move(known));
    to->board.rows.push_back(std::move(row));
  }

 private:
  const Models& models_;
  const Flags& flags_;
};

}  // namespace

Result<std::optional<Leaderboards::OwnRow>> Leaderboards::ReadRow(store::Reader& reader,
                                                                  const LoadedSuite& suite,
                                                                  const core::RequestRow& row) {
  const bool counts = row.state == core::RequestState::kFinished && !row.spec.limit &&
                      row.spec.suite == suite.suite.name;
  if (!counts) return std::optional<OwnRow>();
  ASSIGN_OR_RETURN(const auto score, reader.Score(row.id, row.round));
  if (!score) return std::optional<OwnRow>();
  ASSIGN_OR_RETURN(const StoredScores stored, ScoresFromJson(score->scores_json));
  OwnRow own;
  own.row.request = row.id.text;
  own.row.model = board::PublicModelName(row.spec.model);
  own.row.revision = row.spec.revision;
  own.row.precision = row.spec.precision;
  own.row.weight_type = row.spec.weight_type;
  own.row.model_type = row.spec.model_type;
  own.row.profile = row.spec.profile;
  own.row.suite_version = row.spec.suite_version;
  FillSettings(row.spec, &own.row);
  own.row.stored_average = stored.suite.average;
  own.row.finished_at_us = row.finished_at.micros;
  own.entries = stored.suite.entries;
  own.known.model = row.spec.model;
  AddRequestFacts(row.spec, row.facts_json, &own.known);
  return std::optional<OwnRow>(std::move(own));
}

Leaderboards::~Leaderboards() {
  Stop();
}

void Leaderboards::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void Leaderboards::Loop() {
  for (;;) {
    {
      MutexLock lock(mutex_);
      while (!woken_ && !stop_) changed_.Wait(mutex_);
      if (stop_) return;
      woken_ = false;
    }
    Refresh();
    MutexLock lock(mutex_);
    built_ = true;
    changed_.NotifyAll();
    // Changes that come together are read together.
    const MonoTime until = Clock::Real().Mono() + kBoardRefreshMs;
    for (int64_t left = kBoardRefreshMs; !stop_ && left > 0; left = until - Clock::Real().Mono()) {
      changed_.WaitFor(mutex_, left);
    }
  }
}

void Leaderboards::Refresh() {
  for (const LoadedSuite& suite : context_.catalogue.all()) {
    const auto read = Current(suite);
    if (!read.ok()) {
      spdlog::warn("the leaderboard of {} was not read: {}", suite.suite.name,
                   LogSafe(read.status().message()));
    }
  }
}

bool Leaderboards::WaitUntilBuilt(int64_t ms) {
  const MonoTime until = Clock::Real().Mono() + ms;
  MutexLock lock(mutex_);
  for (int64_t left = ms; !built_ && !stop_ && left > 0; left = until - Clock::Real().Mono()) {
    changed_.WaitFor(mutex_, left);
  }
  return built_;
}

void Leaderboards::Wake() {
  MutexLock lock(mutex_);
  if (woken_) return;
  woken_ = true;
  changed_.NotifyAll();
}

void Leaderboards::Stop() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

Result<LeaderboardPtr> Leaderboards::Get(const LoadedSuite& suite, const std::string& version) {
  ASSIGN_OR_RETURN(const auto boards, Current(suite));
  const auto found = boards->find(version.empty() ? suite.suite.version : version);
  if (found != boards->end()) return found->second;
  return NotFound(fmt::format("version: nothing was evaluated in version {} of {}; there are {}",
                              version, suite.suite.name,
                              fmt::join(boards->at(suite.suite.version)->board.versions, ", ")));
}

Result<std::shared_ptr<const Leaderboards::Versions>> Leaderboards::Current(
    const LoadedSuite& suite) {
  const int64_t seq = context_.dispatcher.committed_seq();
  const int64_t changes = context_.board.changes.load();
  Kept old;
  {
    MutexLock lock(mutex_);
    Kept& kept = kept_[suite.suite.name];
    for (;;) {
      const bool is_new = kept.suite == &suite && kept.seq >= seq && kept.changes >= changes;
      if (kept.boards && is_new) return kept.boards;
      if (!kept.busy) break;
      read_.Wait(mutex_);
    }
    kept.busy = true;
    old = kept;
  }
  auto fresh = ReadAnew(suite, std::move(old));
  MutexLock lock(mutex_);
  Kept& kept = kept_[suite.suite.name];
  kept.busy = false;
  read_.NotifyAll();
  if (!fresh.ok()) return fresh.status();
  kept = *std::move(fresh);
  return kept.boards;
}

std::shared_ptr<const Leaderboards::OwnRows> Leaderboards::Joined(OwnRows own, OwnRows added) {
  for (OwnRow& row : added) {
    std::erase_if(own, [&row](const OwnRow& known) {
      return known.row.request == row.row.request;  // of an earlier round
    });
    own.push_back(std::move(row));
  }
  return std::make_shared<const OwnRows>(std::move(own));
}

Result<Leaderboards::Kept> Leaderboards::ReadAnew(const LoadedSuite& suite, Kept old) {
  // Read first: what is committed or changed later is read with the next answer.
  Kept fresh;
  fresh.suite = &suite;
  fresh.seq = context_.dispatcher.committed_seq();
  fresh.changes = context_.board.changes.load();
  ASSIGN_OR_RETURN(const auto reader, context_.readers.Borrow());
  bool changed = old.changes != fresh.changes;
  if (old.boards && old.suite == &suite) {
    ASSIGN_OR_RETURN(auto changes, ReadChanges(*reader, suite, old.seq, *old.own));
    if (changes) {
      changed = changed || changes->facts || !changes->rows.empty();
      fresh.own = changes->rows.empty() ? old.own : Joined(*old.own, std::move(changes->rows));
    }
  }
  if (!fresh.own) {
    ASSIGN_OR_RETURN(OwnRows own, ReadAll(*reader, suite));
    fresh.own = std::make_shared<const OwnRows>(std::move(own));
    changed = true;
  }
  if (changed) {
    ASSIGN_OR_RETURN(fresh.boards, Assemble(*reader, suite, *fresh.own));
  } else {
    fresh.boards = std::move(old.boards);
  }
  return fresh;
}

Result<Leaderboards::OwnRows> Leaderboards::ReadAll(store::Reader& reader,
                                                    const LoadedSuite& suite) {
  OwnRows own;
  const store::RequestFilter filter{{core::RequestState::kFinished}, suite.suite.name, "", ""};
  store::Page page{0, kPageMax, /*newest_first=*/true};
  while (static_cast<int64_t>(own.size()) < kLeaderboardMax) {
    ASSIGN_OR_RETURN(const auto requests, reader.ListRequests(filter, page));
    for (const core::RequestRow& request : requests) {
      ASSIGN_OR_RETURN(auto row, ReadRow(reader, suite, request));
      if (row) own.push_back(std::move(*row));
    }
    if (static_cast<int64_t>(requests.size()) < page.limit) break;
    page.after_number = requests.back().number;
  }
  return own;
}

Result<std::optional<Leaderboards::Changes>> Leaderboards::ReadChanges(store::Reader& reader,
                                                                       const LoadedSuite& suite,
                                                                       int64_t seq,
                                                                       const OwnRows& own) {
  std::set<std::string> finished;
  std::set<std::string> checked;
  for (int64_t read = 0;; read += kPageMax) {
    if (read >= kBoardEventsMax) return std::optional<Changes>();
    ASSIGN_OR_RETURN(const auto events, reader.Events(seq, RequestId{""}, kPageMax));
    for (const core::EventRow& event : events) {
      if (event.kind == core::kind::kFinished) finished.insert(event.request.text);
      if (event.kind == core::kind::kChecked) checked.insert(event.request.text);
      seq = event.seq;
    }
    if (static_cast<int64_t>(events.size()) < kPageMax) break;
  }
  Changes changes;
  for (const std::string& id : finished) {
    ASSIGN_OR_RETURN(const core::RequestRow request, reader.GetRequest(RequestId{id}));
    ASSIGN_OR_RETURN(auto row, ReadRow(reader, suite, request));
    if (row) changes.rows.push_back(std::move(*row));
  }
  // What the checks found was stored before they were said to be done.
  for (const std::string& id : checked) {
    ASSIGN_OR_RETURN(const core::RequestRow request, reader.GetRequest(RequestId{id}));
    changes.facts |= std::any_of(own.begin(), own.end(), [&request](const OwnRow& known) {
      return known.known.model == request.spec.model;
    });
  }
  return std::optional<Changes>(std::move(changes));
}

Result<std::shared_ptr<const Leaderboards::Versions>> Leaderboards::Assemble(
    store::Reader& reader, const LoadedSuite& suite, const OwnRows& own) {
  ASSIGN_OR_RETURN(const Models models, ReadModels(reader));
  ASSIGN_OR_RETURN(const Flags flags, ReadFlags(reader));
  const Collector collector(models, flags);
  const std::string& current = suite.suite.version;
  std::map<std::string, Leaderboard> boards;
  boards.emplace(current, EmptyBoard(suite.suite, current, {}));
  std::set<std::pair<std::string, std::string>> evaluated;
  for (const OwnRow& one : own) {
    const std::string& version = one.row.suite_version;
    auto [board, is_new] = boards.try_emplace(version);
    if (is_new) board->second = EmptyBoard(suite.suite, version, one.entries);
    web::BoardRow row = one.row;
    FillScores(board->second.board.columns, one.entries, &row);
    const bool is_plain = web::SettingsOf(board->second.board, row).empty();
    if (version == current && is_plain) evaluated.emplace(row.model, row.precision);
    collector.Add(std::move(row), one.known, &board->second);
  }
  ASSIGN_OR_RETURN(const auto files, context_.board.imported.Files());
  Leaderboard& newest = boards.at(current);
  for (const ImportedRow& from : ImportedRows(suite.suite, *files)) {
    if (evaluated.contains({from.model, from.precision})) continue;
    core::ModelRow known;
    known.model = from.model;
    collector.Add(FromImported(newest.board, from), std::move(known), &newest);
  }
  std::vector<std::string> versions = {current};
  for (auto board = boards.rbegin(); board != boards.rend(); ++board) {
    if (board->first != current) versions.push_back(board->first);
  }
  auto out = std::make_shared<Versions>();
  for (auto& [version, board] : boards) {
    board.board.versions = versions;
    web::RankRows(&board.board);
    out->emplace(version, std::make_shared<const Leaderboard>(std::move(board)));
  }
  return std::shared_ptr<const Versions>(std::move(out));
}

}  // namespace koeval::service
