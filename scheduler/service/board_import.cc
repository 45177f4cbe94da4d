// Parsing and storing imported files.
#include "scheduler/service/board_import.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/sha256.h"
#include "scheduler/board/model_type.h"
#include "scheduler/board/request_file.h"
#include "scheduler/board/result_file.h"

namespace koeval::service {
namespace {

constexpr const char* kSource = "import";

// Fills what is not known yet: a file of the past overrides nothing.
void FillBlanks(const core::ModelRow& from, core::ModelRow* to) {
  const auto text = [](const std::string& value, std::string* field) {
    if (field->empty()) *field = value;
  };
  text(from.type, &to->type);
  text(from.license, &to->license);
  text(from.precision, &to->precision);
  text(from.architecture, &to->architecture);
  text(from.base_model, &to->base_model);
  text(from.source, &to->source);
  if (!to->likes) to->likes = from.likes;
  if (!to->parameters) to->parameters = from.parameters;
}

core::ModelRow FactsOf(const board::RequestFile& file) {
  constexpr double kBillion = 1e9;
  constexpr double kBillionsMax = 1e6;
  core::ModelRow row;
  row.model = file.model;
  const board::ModelType type = board::ModelTypeOf(file.model_type);
  if (type != board::ModelType::kUnknown) row.type = board::ModelTypeName(type);
  if (file.license != "?") row.license = file.license;
  row.precision = file.precision;
  row.architecture = file.architectures;
  row.base_model = file.base_model;
  row.likes = file.likes;
  if (file.params && *file.params > 0 && *file.params < kBillionsMax) {
    row.parameters = std::llround(*file.params * kBillion);
  }
  row.source = kSource;
  return row;
}

}  // namespace

Result<board::FileKind> FileKindFromProto(int kind) {
  if (kind == v1::FILE_KIND_REQUESTS) return board::FileKind::kRequests;
  if (kind == v1::FILE_KIND_RESULTS) return board::FileKind::kResults;
  return InvalidArgument("kind: must be requests or results");
}

Status BoardImport::Add(const v1::ImportFilesRequest& request) {
  ASSIGN_OR_RETURN(const board::FileKind kind, FileKindFromProto(request.kind()));
  if (kind_ && *kind_ != kind) return InvalidArgument("kind: must be the same in every message");
  kind_ = kind;
  if (++files_ > kImportFilesMax) {
    return ResourceExhausted(fmt::format(
        "more than {} files in one import; those before are kept, send the others again",
        kImportFilesMax));
  }
  const std::string& path = request.file().path();
  const Status taken = Take(path, request.file().text());
  if (!taken.ok()) Refuse(path, taken);
  const bool full = pending_.size() >= kImportBatchFiles || pending_bytes_ >= kImportBatchBytes;
  return full ? Store() : OkStatus();
}

Status BoardImport::Take(const std::string& path, const std::string& text) {
  RETURN_IF_ERROR(board::CheckBoardPath(path));
  if (text.size() > board::kFileBytesMax) {
    return InvalidArgument(fmt::format("it has {} bytes, over the limit of {}; leave it out",
                                       text.size(), board::kFileBytesMax));
  }
  ASSIGN_OR_RETURN(Pending pending, Parse(path, text));
  ASSIGN_OR_RETURN(const auto reader, context_.readers.Borrow());
  ASSIGN_OR_RETURN(const auto known, reader->Import(pending.row.kind, path));
  if (known && known->digest == pending.row.digest) {
    answer_.set_unchanged(answer_.unchanged() + 1);
    return OkStatus();
  }
  pending.is_new = !known;
  pending_bytes_ += text.size();
  pending_.push_back(std::move(pending));
  return OkStatus();
}

Result<BoardImport::Pending> BoardImport::Parse(const std::string& path,
                                                const std::string& text) const {
  Pending out;
  core::ImportRow& row = out.row;
  row.kind = board::FileKindName(*kind_);
  row.path = path;
  row.digest = Sha256Hex(text);
  row.imported_by = actor_.who;
  row.imported_at = context_.clock.Wall();
  out.text = text;
  if (*kind_ == board::FileKind::kRequests) {
    ASSIGN_OR_RETURN(const board::RequestFile file, board::ParseRequestFile(text));
    row.model = file.model;
    row.revision = file.revision;
    row.precision = file.precision;
    row.status = file.status;
    row.facts_json = board::RequestFactsJson(file);
    out.facts = FactsOf(file);
    return out;
  }
  ASSIGN_OR_RETURN(const board::ResultFile file, board::ParseResultFile(path, text));
  row.model = file.model;
  row.revision = file.revision;
  row.precision = file.precision;
  row.facts_json = board::ResultFactsJson(file);
  out.facts.model = file.model;
  out.facts.precision = file.precision;
  out.facts.source = kSource;
  return out;
}

Status BoardImport::Store() {
  if (pending_.empty()) return OkStatus();
  const WallTime now = context_.clock.Wall();
  const auto store_all = [&](store::JobStore& store) -> Status {
    ASSIGN_OR_RETURN(const auto reader, context_.readers.Borrow());
    std::vector<core::Mutation> mutations;
    std::map<std::string, core::ModelRow> models;
    for (const Pending& pending : pending_) {
      const auto place = models.find(pending.row.model);
      if (place == models.end()) {
        ASSIGN_OR_RETURN(const auto known, reader->Model(pending.row.model));
        core::ModelRow fresh;
        fresh.model = pending.row.model;
        fresh.refreshed_at = now;
        models.emplace(pending.row.model, known.value_or(fresh));
      }
      FillBlanks(pending.facts, &models[pending.row.model]);
      mutations.emplace_back(pending.row);
      mutations.emplace_back(core::ImportTextRow{pending.row.kind, pending.row.path, pending.text});
    }
    for (auto& [name, row] : models) mutations.emplace_back(row);
    return store.Commit(mutations);
  };
  RETURN_IF_ERROR(context_.dispatcher.AskStore(store_all));
  const auto fresh =
      std::count_if(pending_.begin(), pending_.end(), [](const Pending& p) { return p.is_new; });
  const auto all = static_cast<int64_t>(pending_.size());
  answer_.set_added(answer_.added() + fresh);
  answer_.set_changed(answer_.changed() + all - fresh);
  pending_.clear();
  pending_bytes_ = 0;
  return OkStatus();
}

Result<v1::ImportFilesResponse> BoardImport::Finish() {
  RETURN_IF_ERROR(Store());
  const std::string counts =
      fmt::format("{} added, {} changed, {} unchanged, {} refused", answer_.added(),
                  answer_.changed(), answer_.unchanged(), answer_.refused());
  const std::string kind(kind_ ? board::FileKindName(*kind_) : "nothing");
  const std::vector<core::Mutation> audit = {
      core::AuditRow{context_.clock.Wall(), actor_.who, actor_.role, "import " + kind, "", counts}};
  RETURN_IF_ERROR(context_.dispatcher.AskStore(
      [&audit](store::JobStore& store) { return store.Commit(audit); }));
  spdlog::info("import of {} by {}: {}", kind, LogSafe(actor_.who), counts);
  return answer_;
}

void BoardImport::Refuse(const std::string& path, const Status& why) {
  answer_.set_refused(answer_.refused() + 1);
  if (answer_.problems_size() == kImportProblemsMax) return;
  v1::ImportProblem* problem = answer_.add_problems();
  problem->set_path(LogSafe(path));
  problem->set_text(why.message());
}

}  // namespace koeval::service
