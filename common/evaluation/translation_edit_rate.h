// Edits that turn a text into a right one, where a run of words that moves costs one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace koeval::evaluation {

// Insertions, deletions, substitutions and shifts of words, found greedily: the shift that saves
// most comes first, until none saves anything. A text of n words costs at most about
// 1000 * n * (n' + 50) steps, where n' is how many times longer the right one is.
// Source: TER (Snover and others 2006), with the limits of Tercom and the order of preference of
// sacrebleu 2.6.0, whose numbers these are: shifts of at most 10 words over at most 50 places, 1000
// candidates, a beam of 25 around the diagonal.
int64_t TranslationEdits(const std::vector<std::string>& predicted,
                         const std::vector<std::string>& wanted);

}  // namespace koeval::evaluation
