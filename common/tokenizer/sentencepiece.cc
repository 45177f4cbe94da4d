// A reader of the wire format of protocol buffers, for the one message that is needed.
#include "common/tokenizer/sentencepiece.h"

#include <fmt/core.h>

#include <bit>
#include <optional>

#include "common/base/utf8.h"
#include "common/tokenizer/fields.h"

namespace koeval::tokenizer {
namespace {

constexpr size_t kPieceBytesMax = 512;  // bounds the ways to cut a piece in two

// One field of a message: a number, or bytes. Groups do not occur in this format.
struct Field {
  uint64_t number = 0;
  uint64_t value = 0;      // of the wire types for numbers
  std::string_view bytes;  // of the wire type for messages and text
};

// Walks over the fields of one message.
class WireReader {
 public:
  WireReader(std::string_view bytes, std::string_view where) : bytes_(bytes), where_(where) {}

  bool done() const { return at_ == bytes_.size(); }

  Result<Field> Next() {
    const auto tag = Varint();
    if (!tag) return Damaged();
    Field field;
    field.number = *tag >> 3;
    std::optional<uint64_t> length;
    switch (*tag & 7) {
      case 0: {
        const auto value = Varint();
        if (!value) return Damaged();
        field.value = *value;
        return field;
      }
      case 1:
        length = 8;
        break;
      case 2:
        length = Varint();
        break;
      case 5:
        length = 4;
        break;
      default:
        return Damaged();
    }
    if (!length || *length > bytes_.size() - at_) return Damaged();
    field.bytes = bytes_.substr(at_, static_cast<size_t>(*length));
    at_ += static_cast<size_t>(*length);
    if ((*tag & 7) != 2) {
      for (size_t i = field.bytes.size(); i > 0; --i) {
        field.value = (field.value << 8) | static_cast<unsigned char>(field.bytes[i - 1]);
      }
    }
    return field;
  }

 private:
  std::optional<uint64_t> Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && at_ < bytes_.size(); shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes_[at_++]);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }

  Status Damaged() const {
    return InvalidArgument(fmt::format(
        "{}: damaged at byte {} of {}; it is no SentencePiece model, or only a part of one", where_,
        at_, bytes_.size()));
  }

  const std::string_view bytes_;
  const std::string_view where_;
  size_t at_ = 0;
};

Result<std::string> Text(const Field& field, std::string_view where) {
  if (IsValidUtf8(field.bytes)) return std::string(field.bytes);
  return InvalidArgument(fmt::format("{}: a piece is not UTF-8", where));
}

Result<SentencePieceModel::Piece> ReadPiece(std::string_view bytes, std::string_view where) {
  SentencePieceModel::Piece piece;
  WireReader reader(bytes, where);
  while (!reader.done()) {
    ASSIGN_OR_RETURN(const Field field, reader.Next());
    if (field.number == 1) {
      ASSIGN_OR_RETURN(piece.text, Text(field, where));
    } else if (field.number == 2) {
      piece.score = std::bit_cast<float>(static_cast<uint32_t>(field.value));
    } else if (field.number == 3 && field.value >= 1 && field.value <= 6) {
      piece.type = static_cast<SentencePieceModel::PieceType>(field.value);
    }
  }
  if (piece.text.empty() || piece.text.size() > kPieceBytesMax) {
    return InvalidArgument(fmt::format("{}: a piece has {} bytes, it must have 1 to {}", where,
                                       piece.text.size(), kPieceBytesMax));
  }
  if (!(piece.score - piece.score == 0)) {
    return InvalidArgument(
        fmt::format("{}: the score of the piece \"{}\" is not finite", where, piece.text));
  }
  return piece;
}

Status ReadTrainerSpec(std::string_view bytes, std::string_view where, SentencePieceModel& model) {
  WireReader reader(bytes, where);
  while (!reader.done()) {
    ASSIGN_OR_RETURN(const Field field, reader.Next());
    switch (field.number) {
      case 3:
        if (field.value >= 1 && field.value <= 4) {
          model.algorithm = static_cast<SentencePieceModel::Algorithm>(field.value);
        }
        break;
      case 35:
        model.byte_fallback = field.value != 0;
        break;
      case 40:
        model.unk_id = static_cast<int32_t>(field.value);
        break;
      case 41:
        model.bos_id = static_cast<int32_t>(field.value);
        break;
      case 42:
        model.eos_id = static_cast<int32_t>(field.value);
        break;
      case 45: {
        ASSIGN_OR_RETURN(model.unk_piece, Text(field, where));
        break;
      }
      case 46: {
        ASSIGN_OR_RETURN(model.bos_piece, Text(field, where));
        break;
      }
      case 47: {
        ASSIGN_OR_RETURN(model.eos_piece, Text(field, where));
        break;
      }
      default:
        break;
    }
  }
  return OkStatus();
}

}  // namespace

Result<SentencePieceModel> ParseSentencePiece(std::string_view bytes, std::string_view where) {
  SentencePieceModel model;
  WireReader reader(bytes, where);
  while (!reader.done()) {
    ASSIGN_OR_RETURN(const Field field, reader.Next());
    if (field.number == 1) {
      if (model.pieces.size() >= static_cast<size_t>(kIdEnd)) {
        return InvalidArgument(fmt::format("{}: has more than {} pieces", where, kIdEnd));
      }
      ASSIGN_OR_RETURN(auto piece, ReadPiece(field.bytes, where));
      model.pieces.push_back(std::move(piece));
    } else if (field.number == 2) {
      RETURN_IF_ERROR(ReadTrainerSpec(field.bytes, where, model));
    } else if (field.number == 3) {
      WireReader normalizer(field.bytes, where);
      while (!normalizer.done()) {
        ASSIGN_OR_RETURN(const Field inner, normalizer.Next());
        if (inner.number == 2) model.charsmap = inner.bytes;
      }
    }
  }
  const auto count = static_cast<int64_t>(model.pieces.size());
  if (count == 0) return InvalidArgument(fmt::format("{}: has no pieces", where));
  if (model.unk_id < 0 || model.unk_id >= count) {
    return InvalidArgument(
        fmt::format("{}: unk_id is {}, but there are {} pieces", where, model.unk_id, count));
  }
  return model;
}

}  // namespace koeval::tokenizer
