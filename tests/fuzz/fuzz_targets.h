// The entry functions of the fuzzers: each gives arbitrary bytes to one parser of foreign input.
//
// A rejected input is a good one. What fails is a crash, a report of a sanitizer, an exception that
// leaves the parser, and a promise of its header that an accepted input does not keep (KOEVAL_CHECK
// aborts then). The format of each input is said at the head of its file.
#pragma once

#include <string_view>

namespace koeval::fuzz {

void FuzzChatTemplate(std::string_view input);
void FuzzDataset(std::string_view input);
void FuzzJson(std::string_view input);
void FuzzModelConfig(std::string_view input);
void FuzzRunnerFrames(std::string_view input);
void FuzzSafetensors(std::string_view input);
void FuzzSentencePiece(std::string_view input);
void FuzzTask(std::string_view input);
void FuzzTemplate(std::string_view input);
void FuzzTokenizer(std::string_view input);
void FuzzVocabMerges(std::string_view input);

}  // namespace koeval::fuzz
