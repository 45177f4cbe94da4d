// The SentencePiece model file, tokenizer.model, and what transformers makes of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/json.h"
#include "common/base/status.h"
#include "common/tokenizer/added_tokens.h"

namespace koeval::tokenizer {

// The fields of sentencepiece_model.proto that decide ids and texts, with that file's defaults.
struct SentencePieceModel {
  enum class PieceType : uint8_t {
    kNormal = 1,
    kUnknown = 2,
    kControl = 3,
    kUserDefined = 4,
    kUnused = 5,
    kByte = 6
  };
  struct Piece {
    std::string text;
    float score = 0;
    PieceType type = PieceType::kNormal;
  };
  enum class Algorithm : uint8_t { kUnigram = 1, kBpe = 2, kWord = 3, kChar = 4 };

  std::vector<Piece> pieces;
  Algorithm algorithm = Algorithm::kUnigram;
  bool byte_fallback = false;
  int32_t unk_id = 0;
  int32_t bos_id = 1;
  int32_t eos_id = 2;
  std::string unk_piece = "<unk>";
  std::string bos_piece = "<s>";
  std::string eos_piece = "</s>";
  std::string charsmap;  // of the normalizer, compiled
};

// Reads the file's bytes. INVALID_ARGUMENT names `where` for bytes that are no such message,
// pieces that are not UTF-8 or too long, and ids without a piece.
Result<SentencePieceModel> ParseSentencePiece(std::string_view bytes, std::string_view where);

// Which rules make a tokenizer.json of a model: the converter of a Llama-type class of
// transformers 4.36, a class of transformers 5.23 that builds BPE by itself, or that generation's
// conversion without a class of its own.
enum class SentencePieceRules { kLlama4, kOwnBpe5, kGeneric5 };

// A tokenizer.json with model, components and added tokens; those that the class sets anyway may be
// absent. `config` is tokenizer_config.json. UNIMPLEMENTED for word and character models.
Result<Json> ConvertSentencePiece(const SentencePieceModel& model, SentencePieceRules rules,
                                  const Json& config);

// The control and user-defined pieces, which transformers 5 adds as tokens.
std::vector<AddedToken> SentencePieceAddedTokens(const SentencePieceModel& model);

}  // namespace koeval::tokenizer
