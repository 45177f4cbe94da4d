// What is known about models.
#include "scheduler/service/model_facts.h"

#include <fmt/format.h>

#include <array>
#include <tuple>

#include "common/base/json.h"
#include "scheduler/board/model_type.h"

namespace koeval::service {
namespace {

// A text, or the texts of a list joined by commas.
void TakeText(const Json& facts, const char* key, std::string* out) {
  const Json* value = JsonFind(facts, key);
  if (value == nullptr) return;
  std::string text = value->is_string() ? value->get<std::string>() : "";
  if (value->is_array()) {
    for (const Json& part : *value) {
      if (part.is_string()) text += (text.empty() ? "" : ",") + part.get<std::string>();
    }
  }
  if (!text.empty()) *out = text;
}

}  // namespace

void AddRequestFacts(const core::RequestSpec& spec, const std::string& facts_json,
                     core::ModelRow* row) {
  const board::ModelType type = board::ModelTypeOf(spec.model_type);
  if (type != board::ModelType::kUnknown) row->type = board::ModelTypeName(type);
  row->precision = spec.precision;
  row->source = "checks";
  const auto json = ParseJson(facts_json);
  const Json* facts = json.ok() ? JsonFind(*json, "facts") : nullptr;
  if (facts == nullptr) return;
  TakeText(*facts, "architecture", &row->architecture);
  TakeText(*facts, "license", &row->license);
  TakeText(*facts, "base_model", &row->base_model);
  if (const auto count = JsonInt(*facts, "parameters", "facts"); count.ok() && *count > 0) {
    row->parameters = *count;
  }
  if (const auto likes = JsonInt(*facts, "likes", "facts"); likes.ok()) row->likes = *likes;
}

Status AddHubFacts(const Result<hub::RepositoryInfo>& answer, WallTime now, core::ModelRow* row) {
  if (!answer.ok() && answer.status().code() != Code::kNotFound) return answer.status();
  row->source = "hub";
  if (!answer.ok()) {
    if (row->deleted_at == WallTime{}) row->deleted_at = now;
    return OkStatus();
  }
  row->deleted_at = WallTime{};
  row->likes = answer->likes;
  const bool other = answer->license.empty() || answer->license == "other";
  const std::string& license =
      other && !answer->license_name.empty() ? answer->license_name : answer->license;
  if (!license.empty()) row->license = license;
  if (!answer->base_models.empty()) {
    row->base_model = fmt::format("{}", fmt::join(answer->base_models, ","));
  }
  return OkStatus();
}

bool SameFacts(const core::ModelRow& a, const core::ModelRow& b) {
  const auto fields = [](const core::ModelRow& row) {
    return std::tie(row.model, row.type, row.license, row.likes, row.parameters, row.precision,
                    row.architecture, row.base_model, row.deleted_at);
  };
  return fields(a) == fields(b);
}

Result<ModelUpdate> UpdateModel(Dispatcher& dispatcher, ReaderPool& readers,
                                const std::string& model, WallTime now, bool confirm,
                                const std::function<void(core::ModelRow&)>& change) {
  ModelUpdate update;
  RETURN_IF_ERROR(dispatcher.AskStore([&](store::JobStore& store) -> Status {
    ASSIGN_OR_RETURN(const auto reader, readers.Borrow());
    ASSIGN_OR_RETURN(const auto known, reader->Model(model));
    update.row = known.value_or(core::ModelRow{});
    update.row.model = model;
    change(update.row);
    update.changed = !known || !SameFacts(*known, update.row);
    if (!update.changed && !confirm) return OkStatus();
    update.row.refreshed_at = now;
    const std::array<core::Mutation, 1> mutations = {update.row};
    return store.Commit(mutations);
  }));
  return update;
}

v1::ModelFacts ToProto(const core::ModelRow& row) {
  v1::ModelFacts out;
  const board::ModelType type = board::ModelTypeOf(row.type);
  out.set_model(row.model);
  out.set_type(std::string(board::ModelTypeName(type)));
  out.set_icon(std::string(board::ModelTypeIcon(type)));
  out.set_license(row.license);
  if (row.likes) out.set_likes(*row.likes);
  if (row.parameters) out.set_parameters(*row.parameters);
  out.set_precision(row.precision);
  out.set_architecture(row.architecture);
  out.set_base_model(row.base_model);
  out.set_deleted(row.deleted_at != WallTime{});
  out.set_deleted_at_us(row.deleted_at.micros);
  out.set_refreshed_at_us(row.refreshed_at.micros);
  out.set_source(row.source);
  return out;
}

v1::ModelFlag ToProto(const core::FlagRow& row) {
  v1::ModelFlag out;
  out.set_model(row.model);
  out.set_reason(row.reason);
  out.set_url(row.url);
  out.set_set_by(row.set_by);
  out.set_set_at_us(row.set_at.micros);
  out.set_lifted_by(row.lifted_by);
  out.set_lifted_at_us(row.lifted_at.micros);
  return out;
}

}  // namespace koeval::service
