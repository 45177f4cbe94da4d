// Own requests and scores as files of the leaderboard's datasets.
#include "scheduler/service/board_files.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "common/base/json.h"
#include "common/base/sha256.h"
#include "common/evaluation/result_file.h"
#include "common/rpc/auth.h"
#include "scheduler/board/model_type.h"
#include "scheduler/board/python_json.h"
#include "scheduler/board/request_file.h"
#include "scheduler/service/chat_spec.h"
#include "scheduler/service/limits.h"
#include "scheduler/service/model_facts.h"
#include "scheduler/service/private_texts.h"
#include "scheduler/service/results_convert.h"

namespace koeval::service {
namespace {

constexpr int64_t kSecondMicros = 1'000'000;
constexpr size_t kDigestChars = 8;

// "2024-01-02T03:04:05.123456", as Python's isoformat gives UTC without a zone.
std::string IsoTime(WallTime time) {
  std::string text = FormatUtcMicros(time);
  text.pop_back();
  return text;
}

std::string TypeText(const core::RequestSpec& spec, const core::ModelRow& known) {
  if (const auto type = board::ParseModelType(spec.model_type)) return board::ModelTypeText(*type);
  if (!spec.model_type.empty()) return spec.model_type;
  return board::ModelTypeText(board::ModelTypeOf(known.type));
}

// Billions with three decimals, as the leaderboard rounds them.
double Billions(int64_t parameters) {
  constexpr double kMillion = 1e6;
  constexpr double kThousand = 1e3;
  return std::round(static_cast<double>(parameters) / kMillion) / kThousand;
}

void ReplaceAll(std::string* text, const std::string& from, const std::string& to) {
  for (size_t at = text->find(from); at != std::string::npos; at = text->find(from, at)) {
    text->replace(at, from.size(), to);
    at += to.size();
  }
}

// As it stands inside of a JSON string.
std::string Escaped(const std::string& text) {
  const std::string quoted = PythonJsonDumps(Json(text));
  return quoted.substr(1, quoted.size() - 2);
}

Json GeneralConfig(const core::RequestRow& row, const std::string& model) {
  const auto seconds = [](WallTime time) { return static_cast<double>(time.micros) / 1e6; };
  Json out;
  out["model_name"] = model;
  out["model_sha"] = row.spec.revision;
  out["model_dtype"] = "torch." + row.spec.precision;
  out["job_id"] = row.number;
  out["max_samples"] = nullptr;
  out["start_time"] = seconds(row.started_at);
  out["end_time"] = seconds(row.finished_at);
  out["total_evaluation_time_secondes"] =
      PythonFloat(seconds(row.finished_at) - seconds(row.started_at));
  return out;
}

}  // namespace

Redact RedactForReaders(const ServiceConfig& config, const DatasetStore& datasets) {
  return [&config, &datasets](const std::string& results_json) {
    const TextAccess access({"", std::string(rpc::RoleName(rpc::Role::kReader))}, config, datasets);
    return access.WithoutPrivateDefinitions(results_json);
  };
}

void UsePublicName(const std::string& model, std::string* results_json) {
  const std::string name = board::PublicModelName(model);
  if (name == model) return;
  ReplaceAll(results_json, Escaped(model), Escaped(name));
  ReplaceAll(results_json, Escaped(evaluation::SanitizeModelName(model)),
             Escaped(evaluation::SanitizeModelName(name)));
}

std::string BoardFiles::NameOf(const std::string& model) {
  std::string name = board::PublicModelName(model);
  if (name == model) return name;
  const auto [first, is_new] = models_.try_emplace(name, model);
  if (first->second != model) name += "-" + Sha256Hex(model).substr(0, kDigestChars);
  return name;
}

std::string BoardFiles::ResultPathOf(const core::RequestRow& row) {
  const std::string model = NameOf(row.spec.model);
  WallTime time = row.finished_at;
  for (;;) {  // two scores of one model in one second: the later one takes the next free second
    std::string path = board::ResultPath(model, time);
    const auto own = own_.find(path);
    if (own == own_.end() || own->second.id == row.id) return path;
    time.micros += kSecondMicros;
  }
}

std::optional<std::string> BoardFiles::Take(const core::RequestRow& row) {
  if (row.spec.suite != suite_ || row.spec.limit) return std::nullopt;
  std::string path;
  if (kind_ == board::FileKind::kRequests) {
    path = board::RequestPath(NameOf(row.spec.model), /*is_private=*/false, row.spec.precision,
                              row.spec.weight_type);
  } else {
    if (row.state != core::RequestState::kFinished) return std::nullopt;
    path = ResultPathOf(row);
  }
  if (!board::CheckBoardPath(path).ok()) return std::nullopt;
  Owner& owner = own_[path];
  if (owner.number > row.number) return std::nullopt;
  owner = {row.id, row.number};
  paths_.insert(path);
  return path;
}

Status BoardFiles::Scan() {
  own_.clear();
  paths_.clear();
  models_.clear();
  ASSIGN_OR_RETURN(const auto reader, readers_.Borrow());
  store::RequestFilter filter;
  filter.suite = suite_;
  if (kind_ == board::FileKind::kResults) filter.states = {core::RequestState::kFinished};
  store::Page page{.after_number = 0, .limit = kPageMax, .newest_first = false};
  for (;;) {
    ASSIGN_OR_RETURN(const auto rows, reader->ListRequests(filter, page));
    for (const core::RequestRow& row : rows) (void)Take(row);
    if (static_cast<int64_t>(rows.size()) < page.limit) break;
    page.after_number = rows.back().number;
  }
  std::string after;
  for (;;) {
    ASSIGN_OR_RETURN(const auto rows,
                     reader->Imports(std::string(board::FileKindName(kind_)), after, kPageMax));
    for (const core::ImportRow& row : rows) paths_.insert(row.path);
    if (static_cast<int64_t>(rows.size()) < kPageMax) return OkStatus();
    after = rows.back().path;
  }
}

Result<std::optional<std::string>> BoardFiles::Update(const RequestId& id) {
  ASSIGN_OR_RETURN(const auto reader, readers_.Borrow());
  const auto row = reader->GetRequest(id);
  if (row.status().code() == Code::kNotFound) return std::optional<std::string>();
  RETURN_IF_ERROR(row.status());
  return Take(*row);
}

Result<std::string> BoardFiles::Text(const std::string& path) const {
  ASSIGN_OR_RETURN(std::string text, StoredText(path));
  const bool as_stored =
      kind_ == board::FileKind::kRequests || format_ == board::ResultFormat::kStored;
  return as_stored ? text : board::ToLeaderboardV1(path, text);
}

Result<std::string> BoardFiles::StoredText(const std::string& path) const {
  ASSIGN_OR_RETURN(const auto reader, readers_.Borrow());
  const auto own = own_.find(path);
  if (own == own_.end()) {
    return reader->ImportText(std::string(board::FileKindName(kind_)), path);
  }
  ASSIGN_OR_RETURN(const core::RequestRow row, reader->GetRequest(own->second.id));
  return kind_ == board::FileKind::kRequests ? RequestText(*reader, row, path)
                                             : ResultText(*reader, row);
}

Result<std::string> BoardFiles::RequestText(store::Reader& reader, const core::RequestRow& row,
                                            const std::string& path) const {
  ASSIGN_OR_RETURN(auto known, reader.Model(row.spec.model));
  core::ModelRow model = known.value_or(core::ModelRow{});
  if (!known) AddRequestFacts(row.spec, row.facts_json, &model);
  Json previous;
  const auto imported = reader.ImportText(std::string(board::FileKindName(kind_)), path);
  if (imported.ok()) {
    if (auto json = board::ParsePythonObject(*imported); json.ok()) previous = *std::move(json);
  }
  board::RequestFile file;
  const size_t end = path.rfind("_eval_request_");
  file.model = path.substr(0, end);
  file.base_model = model.base_model;
  file.revision = row.spec.revision;
  file.is_private = false;
  file.precision = row.spec.precision;
  file.params = Billions(model.parameters.value_or(0));
  file.architectures = model.architecture;
  file.weight_type = row.spec.weight_type;
  file.status = core::StateName(row.state);
  file.submitted_time = FormatUtc(row.submitted_at);
  file.model_type = TypeText(row.spec, model);
  file.likes = model.likes;
  file.license = model.license.empty() ? "?" : model.license;
  if (row.started_at != WallTime{}) {
    file.job_id = row.number;
    file.job_start_time = IsoTime(row.started_at);
  }
  const auto chat = ParseChatText(row.spec.chat);
  file.use_chat_template = !row.spec.chat.empty() && chat.ok() && chat->chat_template.has_value();
  file.sender = row.spec.submitter;
  return board::RequestFileText(file, previous);
}

Result<std::string> BoardFiles::ResultText(store::Reader& reader,
                                           const core::RequestRow& row) const {
  ASSIGN_OR_RETURN(const auto score, reader.Score(row.id, row.round));
  if (!score) return DataLoss(fmt::format("request {} has no stored score", row.id.text));
  ASSIGN_OR_RETURN(const StoredScores stored, ScoresFromJson(score->scores_json));
  ASSIGN_OR_RETURN(std::string text, redact_(stored.results_json));
  if (!text.starts_with("{")) return DataLoss("the stored result file is no object");
  const std::string name = board::PublicModelName(row.spec.model);
  UsePublicName(row.spec.model, &text);
  std::string general = PythonJsonDumps(GeneralConfig(row, name), {.indent = 2});
  ReplaceAll(&general, "\n", "\n  ");
  return fmt::format("{{\n  \"config_general\": {},{}", general, text.substr(1));
}

}  // namespace koeval::service
