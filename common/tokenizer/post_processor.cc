// Every post-processor is worked out at load to one list of steps around the text.
//
// In the reference a processor of a Sequence gets the pieces that the one before it made: BERT's
// and RoBERTa's put tokens around each, and a template counts two pieces as a pair of texts.
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
  if (front) steps_.push_back({false, *front});
  steps_.push_back({true, -1});
  if (back) steps_.push_back({false, *back});
}

// The pieces after each processor.
class PostProcessor::Builder {
 public:
  explicit Builder(int32_t id_end) : id_end_(id_end) {}

  Status Add(const Json& component, const std::string& where) {
    if (component.is_null()) return OkStatus();
    ASSIGN_OR_RETURN(const std::string type, JsonString(component, "type", where));
    if (type == "ByteLevel") return OkStatus();  // concerns offsets only
    if (type == "TemplateProcessing") return AddTemplate(component, where);
    if (type == "BertProcessing") return AddPair(component, /*sep_in_front=*/false, where);
    if (type == "RobertaProcessing") return AddPair(component, /*sep_in_front=*/true, where);
    if (type == "Sequence") {
      ASSIGN_OR_RETURN(const Json* list, ComponentList(component, "processors", where));
      for (size_t i = 0; i < list->size(); ++i) {
        RETURN_IF_ERROR(Add((*list)[i], fmt::format("{}.processors[{}]", where, i)));
      }
      return OkStatus();
    }
    return UnsupportedComponent("post-processor", type, where);
  }

  std::vector<Step> Finish() const {
    std::vector<Step> out;
    for (const Piece& piece : pieces_) out.insert(out.end(), piece.begin(), piece.end());
    return out;
  }

 private:
  Status AddTemplate(const Json& component, const std::string& where) {
    if (pieces_.size() > 2) {
      return InvalidArgument(
          fmt::format("{}: the processors before it make {} pieces, a template takes one or two",
                      where, pieces_.size()));
    }
    const char* key = pieces_.size() == 1 ? "single" : "pair";
    ASSIGN_OR_RETURN(const Json* list, ComponentList(component, key, where));
    std::vector<Piece> out;
    size_t texts = 0;
    for (size_t i = 0; i < list->size(); ++i) {
      const std::string place = fmt::format("{}.{}[{}]", where, key, i);
      if (const Json* sequence = JsonFind((*list)[i], "Sequence"); sequence != nullptr) {
        ASSIGN_OR_RETURN(const std::string id, JsonString(*sequence, "id", place));
        const size_t index = id == "A" ? 0 : 1;
        if ((id != "A" && id != "B") || index >= pieces_.size()) {
          return InvalidArgument(fmt::format("{}: sequence \"{}\" in the template of {}", place, id,
                                             pieces_.size() == 1 ? "a single text" : "a pair"));
        }
        out.push_back(pieces_[index]);
        ++texts;
      } else if (const Json* special = JsonFind((*list)[i], "SpecialToken"); special != nullptr) {
        ASSIGN_OR_RETURN(const std::string name, JsonString(*special, "id", place));
        ASSIGN_OR_RETURN(const auto ids, SpecialTokenIds(component, name, id_end_, where));
        Piece piece;
        for (int32_t id : ids) piece.push_back({false, id});
        out.push_back(std::move(piece));
      } else {
        return InvalidArgument(
            fmt::format("{}: must be an object with Sequence or SpecialToken", place));
      }
    }
    if (texts != pieces_.size()) {
      return InvalidArgument(fmt::format("{}.{}: must have the sequence {} once, found {} times",
                                         where, key, pieces_.size() == 1 ? "A" : "A and B", texts));
    }
    pieces_ = std::move(out);
    return OkStatus();
  }

  // "cls" in front and "sep" behind, each [token, id]; a piece that is not the first has nothing in
  // front with BERT's, "sep" with RoBERTa's.
  Status AddPair(const Json& component, bool sep_in_front, const std::string& where) {
    int32_t ids[2];
    for (size_t i = 0; i < 2; ++i) {
      const char* key = i == 0 ? "cls" : "sep";
      const Json* pair = JsonFind(component, key);
      if (pair == nullptr || !pair->is_array() || pair->size() != 2) {
        return InvalidArgument(
            fmt::format("{}: field \"{}\" must be a list of a token and its id", where, key));
      }
      ASSIGN_OR_RETURN(ids[i], IdBelow((*pair)[1], id_end_, where));
    }
    for (size_t i = 0; i < pieces_.size(); ++i) {
      Piece& piece = pieces_[i];
      if (i == 0 || sep_in_front) piece.insert(piece.begin(), {false, ids[i == 0 ? 0 : 1]});
      piece.push_back({false, ids[1]});
    }
    return OkStatus();
  }

  const int32_t id_end_;
  std::vector<Piece> pieces_ = {{{true, -1}}};
};

Result<PostProcessor> PostProcessor::Read(const Json& component, int32_t id_end,
                                          const std::string& where) {
  Builder builder(id_end);
  RETURN_IF_ERROR(builder.Add(component, where));
  PostProcessor out;
  out.steps_ = builder.Finish();
  return out;
}

void PostProcessor::Apply(std::vector<int32_t>& ids, bool add_special_tokens) const {
  if (!add_special_tokens || steps_.size() <= 1) return;
  std::vector<int32_t> out;
  out.reserve(ids.size() + steps_.size());
  for (const Step& step : steps_) {
    if (step.is_text) {
      out.insert(out.end(), ids.begin(), ids.end());
    } else {
      out.push_back(step.id);
    }
  }
  ids = std::move(out);
}

}  // namespace koeval::tokenizer
