// Encode order: added tokens of the raw text, normalisation, added tokens of the normalised text,
// words, ids of words, special tokens around.
#include "common/tokenizer/pipeline.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "common/base/utf8.h"
#include "common/tokenizer/byte_level.h"

namespace koeval::tokenizer {

int32_t VocabularyEnd(const Model& model, const AddedTokens& added_tokens) {
  return std::max(model.id_end(), added_tokens.id_end());
}

Result<std::vector<int32_t>> PipelineTokenizer::Encode(std::string_view text,
                                                       bool add_special_tokens) const {
  if (!IsValidUtf8(text)) {
    return InvalidArgument(fmt::format(
        "a text of {} bytes is not valid UTF-8; re-encode its source as UTF-8", text.size()));
  }
  if (parts_.infill_mark && text.find(*parts_.infill_mark) != std::string_view::npos) {
    return Unimplemented(fmt::format(
        "the text has \"{}\", where its tokenizer class makes an infilling prompt, which is not "
        "supported; take it out of the text",
        *parts_.infill_mark));
  }
  std::vector<int32_t> ids;
  for (const Span& span : parts_.added_tokens.FindRaw(text)) {
    if (span.id) {
      ids.push_back(*span.id);
    } else {
      RETURN_IF_ERROR(
          EncodeRaw(text.substr(span.begin, span.end - span.begin), span.begin == 0, ids));
    }
  }
  parts_.post_processor.Apply(ids, add_special_tokens);
  return ids;
}

Status PipelineTokenizer::EncodeRaw(std::string_view text, bool at_start,
                                    std::vector<int32_t>& ids) const {
  std::string normalized(text);
  bool lost_start = false;
  if (parts_.normalizer) RETURN_IF_ERROR(parts_.normalizer->Apply(normalized, lost_start));
  const std::string_view view = normalized;
  for (const Span& span : parts_.added_tokens.FindNormalized(view)) {
    if (span.id) {
      ids.push_back(*span.id);
    } else {
      RETURN_IF_ERROR(EncodeNormalized(view.substr(span.begin, span.end - span.begin),
                                       at_start && !lost_start && span.begin == 0, ids));
    }
  }
  return OkStatus();
}

Status PipelineTokenizer::EncodeNormalized(std::string_view text, bool at_start,
                                           std::vector<int32_t>& ids) const {
  if (!parts_.pre_tokenizer) return EncodeWord(text, ids);
  Words words{std::string(text), {{0, text.size(), at_start}}};
  RETURN_IF_ERROR(parts_.pre_tokenizer->ApplyLast(words));
  for (const Word& word : words.words) {
    RETURN_IF_ERROR(words.raw_bytes ? EncodeWordPart(words.Text(word), true, ids)
                                    : EncodeWord(words.Text(word), ids));
  }
  return OkStatus();
}

Status PipelineTokenizer::EncodeWord(std::string_view word, std::vector<int32_t>& ids) const {
  if (!parts_.model->splits_at_metaspace()) return EncodeWordPart(word, false, ids);
  size_t begin = 0;
  for (size_t at = word.find(kMetaspaceText); at != std::string_view::npos;
       at = word.find(kMetaspaceText, at + kMetaspaceText.size())) {
    const bool continues = word.substr(0, at).ends_with(kMetaspaceText);
    if (at == begin || continues) continue;
    RETURN_IF_ERROR(EncodeWordPart(word.substr(begin, at - begin), false, ids));
    begin = at;
  }
  return EncodeWordPart(word.substr(begin), false, ids);
}

Status PipelineTokenizer::EncodeWordPart(std::string_view word, bool raw_bytes,
                                         std::vector<int32_t>& ids) const {
  const bool cached = word.size() <= WordCache::kWordBytesMax;
  if (cached && cache_.Find(word, ids)) return OkStatus();
  const size_t from = ids.size();
  if (raw_bytes) {
    std::string spelt;
    AppendByteLevel(spelt, word);
    RETURN_IF_ERROR(parts_.model->Tokenize(spelt, ids));
  } else {
    RETURN_IF_ERROR(parts_.model->Tokenize(word, ids));
  }
  if (cached) cache_.Put(word, ids, from);
  return OkStatus();
}

Result<std::string> PipelineTokenizer::Decode(std::span<const int32_t> ids,
                                              bool skip_special_tokens) const {
  const int32_t end = vocab_size();
  std::vector<std::string> tokens;
  tokens.reserve(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= end) {
      return InvalidArgument(
          fmt::format("token {} of the sequence has the id {}, which is outside "
                      "the vocabulary of {} ids",
                      i, ids[i], end));
    }
    const std::string* token = parts_.added_tokens.Text(ids[i]);
    if (token == nullptr) token = parts_.model->IdToToken(ids[i]);
    if (token == nullptr) continue;  // a hole in the vocabulary has no text
    if (skip_special_tokens && parts_.added_tokens.IsSpecial(*token)) continue;
    tokens.push_back(*token);
  }
  std::string out;
  if (parts_.decoder) {
    RETURN_IF_ERROR(parts_.decoder->Apply(tokens));
    for (const std::string& token : tokens) out += token;
  } else {
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (i > 0) out += ' ';
      out += tokens[i];
    }
  }
  if (parts_.clean_up_spaces) out = CleanUpSpaces(std::move(out));
  return out;
}

}  // namespace koeval::tokenizer
