// Every post-processor is a chain of templates for a single text.
#include "common/tokenizer/post_processor.h"

#include <fmt/core.h>

#include <utility>

#include "common/tokenizer/fields.h"

namespace koeval::tokenizer {
namespace {

Result<int32_t> IdBelow(const Json& value, int32_t id_end, const std::string& where) {
  ASSIGN_OR_RETURN(const int32_t id, ReadId(value, where));
  if (id >= id_end) {
    return InvalidArgument(
        fmt::format("{}: the id {} is outside the vocabulary of {} ids", where, id, id_end));
  }
  return id;
}

// The ids that "special_tokens" gives for `name`.
Result<std::vector<int32_t>> SpecialTokenIds(const Json& component, const std::string& name,
                                             int32_t id_end, const std::string& where) {
  const Json* all = JsonFind(component, "special_tokens");
  const Json* entry = all == nullptr ? nullptr : JsonFind(*all, name);
  const Json* ids = entry == nullptr ? nullptr : JsonFind(*entry, "ids");
  if (ids == nullptr || !ids->is_array() || ids->size() > kComponentsMax) {
    return InvalidArgument(fmt::format("{}: special_tokens has no ids for \"{}\"", where, name));
  }
  std::vector<int32_t> out;
  for (const Json& id : *ids) {
    ASSIGN_OR_RETURN(const int32_t read, IdBelow(id, id_end, where + ".special_tokens"));
    out.push_back(read);
  }
  return out;
}

}  // namespace

PostProcessor::PostProcessor(std::optional<int32_t> front, std::optional<int32_t> back) {
  Template steps;
  if (front) steps.push_back({false, {*front}});
  steps.push_back({true, {}});
  if (back) steps.push_back({false, {*back}});
  templates_.push_back(std::move(steps));
}

Result<PostProcessor> PostProcessor::Read(const Json& component, int32_t id_end,
                                          const std::string& where) {
  PostProcessor out;
  RETURN_IF_ERROR(out.Add(component, id_end, where));
  return out;
}

Status PostProcessor::Add(const Json& component, int32_t id_end, const std::string& where) {
  if (component.is_null()) return OkStatus();
  ASSIGN_OR_RETURN(const std::string type, JsonString(component, "type", where));
  if (type == "ByteLevel") return OkStatus();  // concerns offsets only
  if (type == "TemplateProcessing") return AddTemplate(component, id_end, where);
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    return AddPair(component, id_end, where);
  }
  if (type == "Sequence") {
    ASSIGN_OR_RETURN(const Json* list, ComponentList(component, "processors", where));
    for (size_t i = 0; i < list->size(); ++i) {
      RETURN_IF_ERROR(Add((*list)[i], id_end, fmt::format("{}.processors[{}]", where, i)));
    }
    return OkStatus();
  }
  return UnsupportedComponent("post-processor", type, where);
}

Status PostProcessor::AddTemplate(const Json& component, int32_t id_end, const std::string& where) {
  ASSIGN_OR_RETURN(const Json* single, ComponentList(component, "single", where));
  Template steps;
  int texts = 0;
  for (size_t i = 0; i < single->size(); ++i) {
    const std::string place = fmt::format("{}.single[{}]", where, i);
    if (const Json* sequence = JsonFind((*single)[i], "Sequence"); sequence != nullptr) {
      ASSIGN_OR_RETURN(const std::string id, JsonString(*sequence, "id", place));
      if (id != "A") {
        return InvalidArgument(
            fmt::format("{}: sequence \"{}\" in the template of a single text", place, id));
      }
      steps.push_back({true, {}});
      ++texts;
    } else if (const Json* special = JsonFind((*single)[i], "SpecialToken"); special != nullptr) {
      ASSIGN_OR_RETURN(const std::string name, JsonString(*special, "id", place));
      ASSIGN_OR_RETURN(auto ids, SpecialTokenIds(component, name, id_end, where));
      steps.push_back({false, std::move(ids)});
    } else {
      return InvalidArgument(
          fmt::format("{}: must be an object with Sequence or SpecialToken", place));
    }
  }
  if (texts != 1) {
    return InvalidArgument(
        fmt::format("{}.single: must have the sequence A once, found {} times", where, texts));
  }
  templates_.push_back(std::move(steps));
  return OkStatus();
}

// BERT's and RoBERTa's: "cls" in front and "sep" behind, each [token, id].
Status PostProcessor::AddPair(const Json& component, int32_t id_end, const std::string& where) {
  Template steps;
  for (const char* key : {"cls", "sep"}) {
    const Json* pair = JsonFind(component, key);
    if (pair == nullptr || !pair->is_array() || pair->size() != 2) {
      return InvalidArgument(
          fmt::format("{}: field \"{}\" must be a list of a token and its id", where, key));
    }
    ASSIGN_OR_RETURN(const int32_t id, IdBelow((*pair)[1], id_end, where));
    steps.push_back({false, {id}});
  }
  steps.insert(steps.begin() + 1, Step{true, {}});
  templates_.push_back(std::move(steps));
  return OkStatus();
}

void PostProcessor::Apply(std::vector<int32_t>& ids, bool add_special_tokens) const {
  if (!add_special_tokens) return;
  for (const Template& steps : templates_) {
    std::vector<int32_t> out;
    for (const Step& step : steps) {
      const std::vector<int32_t>& source = step.is_text ? ids : step.ids;
      out.insert(out.end(), source.begin(), source.end());
    }
    ids = std::move(out);
  }
}

}  // namespace koeval::tokenizer
