// From a SentencePiece model to tokenizer.json.
//
// Source of the rules: transformers 5.23, SentencePieceExtractor, generate_merges and
// SpmConverter.build_tokenizer_from_spm_proto; transformers 4.36, LlamaConverter. Neither looks at
// add_dummy_prefix, remove_extra_whitespaces or escape_whitespaces of the model.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "common/base/base64.h"
#include "common/tokenizer/components.h"
#include "common/tokenizer/model.h"
#include "common/tokenizer/sentencepiece.h"
#include "common/tokenizer/unicode_class.h"

namespace koeval::tokenizer {
namespace {

using Piece = SentencePieceModel::Piece;
using PieceIds = std::unordered_map<std::string_view, int32_t>;

constexpr std::array<std::string_view, 3> kLlamaPieces = {"<unk>", "<s>", "</s>"};

// A merge by the pieces that it joins; `joined` is the piece that it gives.
struct Cut {
  size_t joined;
  std::string_view left, right;
  size_t left_length;  // code points
};

// Every way to cut a piece into two pieces, by piece and then by the length of the left one.
std::vector<Cut> AllCuts(const std::vector<Piece>& pieces, const PieceIds& ids) {
  std::vector<Cut> out;
  for (size_t i = 0; i < pieces.size(); ++i) {
    const std::string_view text = pieces[i].text;
    if (ids.at(text) != static_cast<int32_t>(i)) continue;  // it comes again later
    size_t length = 0;
    for (size_t at = 0; at < text.size();) {
      NextCodePoint(text, at);
      ++length;
      if (at == text.size()) break;
      const auto left = ids.find(text.substr(0, at));
      if (left == ids.end()) continue;
      const auto right = ids.find(text.substr(at));
      if (right != ids.end()) out.push_back({i, left->first, right->first, length});
    }
  }
  return out;
}

// Merges with the rank of the piece that they give: its id in generation 5, its score in 4, where
// the ids of the parts decide among merges of one score.
std::vector<Cut> OrderedCuts(const std::vector<Piece>& pieces, bool by_score) {
  PieceIds ids;
  ids.reserve(pieces.size());
  for (size_t i = 0; i < pieces.size(); ++i) ids[pieces[i].text] = static_cast<int32_t>(i);
  std::vector<Cut> cuts = AllCuts(pieces, ids);
  if (!by_score) return cuts;
  std::stable_sort(cuts.begin(), cuts.end(), [&](const Cut& a, const Cut& b) {
    if (a.joined == b.joined) {
      return std::tuple(ids.at(a.left), ids.at(a.right)) <
             std::tuple(ids.at(b.left), ids.at(b.right));
    }
    return pieces[a.joined].score > pieces[b.joined].score;
  });
  return cuts;
}

// Json's look-up by key is linear, so that the members are appended unseen: keys must not repeat.
void Append(Json& object, std::string_view key, Json value) {
  auto& members = static_cast<Json::object_t::Container&>(object.get_ref<Json::object_t&>());
  members.emplace_back(std::string(key), std::move(value));
}

Json BpeModel(const std::vector<Piece>& pieces, bool by_score) {
  Json vocab = Json::object();
  std::unordered_map<std::string_view, int32_t> last;
  for (size_t i = 0; i < pieces.size(); ++i) last[pieces[i].text] = static_cast<int32_t>(i);
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (last.at(pieces[i].text) == static_cast<int32_t>(i)) Append(vocab, pieces[i].text, i);
  }
  Json merges = Json::array();
  for (const Cut& cut : OrderedCuts(pieces, by_score)) {
    merges.push_back(Json::array({std::string(cut.left), std::string(cut.right)}));
  }
  Json out = TypedComponent("BPE");
  out["vocab"] = std::move(vocab);
  out["merges"] = std::move(merges);
  return out;
}

Json UnigramModel(const std::vector<Piece>& pieces, int32_t unk_id, bool byte_fallback) {
  Json vocab = Json::array();
  for (const Piece& piece : pieces) {
    vocab.push_back(Json::array({piece.text, static_cast<double>(piece.score)}));
  }
  Json out = TypedComponent("Unigram");
  out["unk_id"] = unk_id;
  out["byte_fallback"] = byte_fallback;
  out["vocab"] = std::move(vocab);
  return out;
}

void SetBpeUnknown(Json& model, const std::string& unk_piece, bool byte_fallback) {
  model["unk_token"] = unk_piece;
  model["fuse_unk"] = true;
  model["byte_fallback"] = byte_fallback;
}

Json SpecialToken(size_t id, std::string_view content) {
  Json out = Json::object();
  out["id"] = id;
  out["content"] = content;
  out["special"] = true;
  return out;
}

Json ConvertForLlama4(const SentencePieceModel& model) {
  std::vector<Piece> pieces = model.pieces;
  for (size_t i = 0; i < kLlamaPieces.size() && i < pieces.size(); ++i) {
    pieces[i].text = kLlamaPieces[i];
    pieces[i].score = 0;
  }
  Json out = Json::object();
  Json prepend = TypedComponent("Prepend");
  prepend["prepend"] = kMetaspaceText;
  out["normalizer"] =
      SequenceComponent("normalizers", {std::move(prepend), ReplaceComponent(" ", kMetaspaceText)});
  out["decoder"] = SequenceComponent(
      "decoders", {ReplaceComponent(kMetaspaceText, " "), TypedComponent("ByteFallback"),
                   TypedComponent("Fuse"), StripComponent(" ", 1, 0)});
  if (model.algorithm == SentencePieceModel::Algorithm::kUnigram) {
    out["model"] = UnigramModel(pieces, 0, true);
    return out;
  }
  out["model"] = BpeModel(pieces, /*by_score=*/true);
  SetBpeUnknown(out["model"], model.unk_piece, true);
  Json& added = out["added_tokens"];
  for (size_t i = 0; i < kLlamaPieces.size(); ++i)
    added.push_back(SpecialToken(i, kLlamaPieces[i]));
  return out;
}

// transformers 5 renames pieces by added_tokens_decoder, and fails for a Unigram model that has
// one.
Status RefuseRenames(const SentencePieceModel& model, const Json& config) {
  constexpr std::string_view kRemedy =
      "save the tokenizer with transformers, which writes tokenizer.json";
  const Json* decoder = JsonFind(config, "added_tokens_decoder");
  if (decoder == nullptr || !decoder->is_object() || decoder->empty()) return OkStatus();
  if (model.algorithm == SentencePieceModel::Algorithm::kUnigram) {
    return Unimplemented(fmt::format(
        "tokenizer_config.json: transformers 5 does not load a Unigram tokenizer.model beside an "
        "added_tokens_decoder; {}",
        kRemedy));
  }
  std::unordered_set<std::string_view> known;
  for (const Piece& piece : model.pieces) known.insert(piece.text);
  for (const auto& [key, token] : decoder->get_ref<const Json::object_t&>()) {
    const Json* content = JsonFind(token, "content");
    if (content == nullptr || !content->is_string()) continue;
    size_t id = model.pieces.size();
    std::from_chars(key.data(), key.data() + key.size(), id);
    const std::string& text = content->get_ref<const std::string&>();
    if (id >= model.pieces.size() || known.count(text) > 0) continue;
    return Unimplemented(fmt::format(
        "tokenizer_config.json: added_tokens_decoder renames piece {} of tokenizer.model to "
        "\"{}\", which is not supported; {}",
        id, text, kRemedy));
  }
  return OkStatus();
}

Result<Json> ConvertGeneric5(const SentencePieceModel& model, const Json& config) {
  RETURN_IF_ERROR(RefuseRenames(model, config));
  Json out = Json::object();
  if (model.algorithm == SentencePieceModel::Algorithm::kUnigram) {
    out["model"] = UnigramModel(model.pieces, model.unk_id, model.byte_fallback);
  } else {
    out["model"] = BpeModel(model.pieces, /*by_score=*/false);
    SetBpeUnknown(out["model"], model.unk_piece, model.byte_fallback);
  }
  std::vector<Json> normalizers;
  if (!model.charsmap.empty()) {
    Json precompiled = TypedComponent("Precompiled");
    precompiled["precompiled_charsmap"] = EncodeBase64(model.charsmap);
    normalizers.push_back(std::move(precompiled));
  }
  normalizers.push_back(ReplaceComponent(" ", kMetaspaceText));
  out["normalizer"] = SequenceComponent("normalizers", std::move(normalizers));
  std::vector<Json> decoders = {ReplaceComponent(kMetaspaceText, " ")};
  if (model.byte_fallback) {
    decoders.push_back(TypedComponent("ByteFallback"));
    decoders.push_back(TypedComponent("Fuse"));
  }
  out["decoder"] = SequenceComponent("decoders", std::move(decoders));
  return out;
}

}  // namespace

Result<Json> ConvertSentencePiece(const SentencePieceModel& model, SentencePieceRules rules,
                                  const Json& config) {
  using Algorithm = SentencePieceModel::Algorithm;
  if (model.algorithm != Algorithm::kUnigram && model.algorithm != Algorithm::kBpe) {
    return Unimplemented(
        "tokenizer.model: holds a word or character model, which transformers does not convert; "
        "save the tokenizer as tokenizer.json");
  }
  switch (rules) {
    case SentencePieceRules::kLlama4:
      return ConvertForLlama4(model);
    case SentencePieceRules::kGeneric5:
      return ConvertGeneric5(model, config);
    case SentencePieceRules::kOwnBpe5:
      break;
  }
  Json out = Json::object();
  out["model"] = BpeModel(model.pieces, /*by_score=*/false);
  return out;
}

std::vector<AddedToken> SentencePieceAddedTokens(const SentencePieceModel& model) {
  std::vector<AddedToken> out;
  for (const Piece& piece : model.pieces) {
    const bool is_control = piece.type == SentencePieceModel::PieceType::kControl;
    if (!is_control && piece.type != SentencePieceModel::PieceType::kUserDefined) continue;
    AddedToken token;
    token.content = piece.text;
    token.special = is_control;
    out.push_back(std::move(token));
  }
  return out;
}

}  // namespace koeval::tokenizer
