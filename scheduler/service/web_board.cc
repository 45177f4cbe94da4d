// The leaderboards that pages show.
#include "scheduler/service/web_board.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "scheduler/board/board_path.h"
#include "scheduler/board/model_type.h"
#include "scheduler/core/event_kinds.h"
#include "scheduler/service/limits.h"
#include "scheduler/service/model_facts.h"

namespace koeval::service {
namespace {

using Models = std::map<std::string, core::ModelRow>;

void FillScores(const LoadedSuite& suite, const std::vector<evaluation::EntryScore>& entries,
                web::BoardRow* row) {
  for (const evaluation::SuiteEntry& column : suite.suite.entries) {
    auto& cell = row->scores.emplace_back();
    for (const evaluation::EntryScore& entry : entries) {
      if (entry.name == column.name) cell = {entry.value, entry.stderr_value};
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

web::BoardRow FromImported(const LoadedSuite& suite, const ImportedRow& from) {
  web::BoardRow row;
  row.is_imported = true;
  row.model = from.model;
  row.revision = from.revision;
  row.precision = from.precision;
  row.suite_version = suite.suite.version;
  row.stored_average = from.average;
  row.finished_at_us = from.date.micros;
  FillScores(suite, from.entries, &row);
  return row;
}

bool SameFlags(const std::map<std::string, core::FlagRow>& a,
               const std::map<std::string, core::FlagRow>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.first == y.first && x.second.set_at == y.second.set_at;
  });
}

}  // namespace

Result<std::optional<BoardCache::OwnRow>> BoardCache::ReadRow(store::Reader& reader,
                                                              const LoadedSuite& suite,
                                                              const core::RequestRow& row) {
  if (row.state != core::RequestState::kFinished || row.spec.suite != suite.suite.name) {
    return std::optional<OwnRow>();
  }
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
  own.row.chat_template = !row.spec.chat.empty();
  own.row.limit = row.spec.limit;
  own.row.stored_average = stored.suite.average;
  own.row.finished_at_us = row.finished_at.micros;
  FillScores(suite, stored.suite.entries, &own.row);
  own.known.model = row.spec.model;
  AddRequestFacts(row.spec, row.facts_json, &own.known);
  return std::optional<OwnRow>(std::move(own));
}

Result<std::shared_ptr<const web::Board>> BoardCache::Get(const LoadedSuite& suite) {
  Kept old;
  {
    MutexLock lock(mutex_);
    Kept& kept = kept_[suite.suite.name];
    while (kept.busy && !kept.board) read_.Wait(mutex_);
    if (kept.busy) return kept.board;
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
  return kept.board;
}

std::shared_ptr<const BoardCache::OwnRows> BoardCache::Joined(OwnRows own, OwnRows added) {
  for (OwnRow& row : added) {
    std::erase_if(own, [&row](const OwnRow& known) {
      return known.row.request == row.row.request;  // of an earlier round
    });
    own.push_back(std::move(row));
  }
  return std::make_shared<const OwnRows>(std::move(own));
}

Result<BoardCache::Kept> BoardCache::ReadAnew(const LoadedSuite& suite, Kept old) {
  // Read first: what is committed or changed later is read with the next page.
  Kept fresh;
  fresh.suite = &suite;
  fresh.seq = context_.dispatcher.committed_seq();
  fresh.changes = context_.board.changes.load();
  ASSIGN_OR_RETURN(const auto reader, context_.readers.Borrow());
  ASSIGN_OR_RETURN(const auto flags, reader->Flags("", /*lifted=*/false, kLeaderboardMax));
  for (const core::FlagRow& flag : flags) fresh.flags.emplace(flag.model, flag);
  bool changed = true;
  const bool same_suite = old.board && old.suite == &suite;
  if (same_suite && old.seq >= fresh.seq) {
    fresh.own = old.own;
    changed = false;
  } else if (same_suite) {
    ASSIGN_OR_RETURN(auto changes, ReadChanges(*reader, suite, old.seq, *old.own));
    if (changes) {
      changed = changes->facts || !changes->rows.empty();
      fresh.own = changes->rows.empty() ? old.own : Joined(*old.own, std::move(changes->rows));
    }
  }
  if (!fresh.own) {
    ASSIGN_OR_RETURN(OwnRows own, ReadAll(*reader, suite));
    fresh.own = std::make_shared<const OwnRows>(std::move(own));
    changed = true;
  }
  if (!changed && old.changes == fresh.changes && SameFlags(old.flags, fresh.flags)) {
    fresh.board = old.board;
  } else {
    ASSIGN_OR_RETURN(fresh.board, Assemble(*reader, suite, *fresh.own, fresh.flags));
  }
  return fresh;
}

Result<BoardCache::OwnRows> BoardCache::ReadAll(store::Reader& reader, const LoadedSuite& suite) {
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

Result<std::optional<BoardCache::Changes>> BoardCache::ReadChanges(store::Reader& reader,
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

Result<std::shared_ptr<const web::Board>> BoardCache::Assemble(store::Reader& reader,
                                                               const LoadedSuite& suite,
                                                               const OwnRows& own,
                                                               const Flags& flags) {
  web::Board board{suite.suite.name, suite.suite.title, suite.suite.version, {}, {}};
  for (const auto& entry : suite.suite.entries) board.columns.push_back(entry.name);
  ASSIGN_OR_RETURN(const Models models, ReadModels(reader));
  const auto add = [&](web::BoardRow row, const core::ModelRow& known) {
    const auto stored = models.find(known.model);
    FillFacts(stored == models.end() ? known : stored->second, &row);
    if (const auto flag = flags.find(known.model); flag != flags.end()) {
      row.flags = {flag->second.reason};
      row.flag_url = flag->second.url;
    }
    board.rows.push_back(std::move(row));
  };
  std::set<std::pair<std::string, std::string>> evaluated;
  for (const OwnRow& one : own) {
    evaluated.emplace(one.row.model, one.row.precision);
    add(one.row, one.known);
  }
  ASSIGN_OR_RETURN(const auto files, context_.board.imported.Files());
  for (const ImportedRow& from : ImportedRows(suite.suite, *files)) {
    if (evaluated.contains({from.model, from.precision})) continue;
    core::ModelRow known;
    known.model = from.model;
    add(FromImported(suite, from), known);
  }
  web::RankRows(&board);
  return std::make_shared<const web::Board>(std::move(board));
}

}  // namespace koeval::service
