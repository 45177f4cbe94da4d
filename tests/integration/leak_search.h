// Looks for sentences in files, whatever form they were written in.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace koeval::integration {

struct Leak {
  std::string where;     // the file
  std::string sentence;  // as it was planted
  std::string form;      // "utf-8", "utf-16le", "json", "base64", ...
};

// Finds each sentence as UTF-8, UTF-16 of both byte orders, with JSON's \uXXXX (either case, all or
// only what is not ASCII), percent-encoded, as hexadecimal digits, and as base64 of any alignment.
class LeakSearch {
 public:
  // REQUIRES: each sentence has at least 12 bytes.
  explicit LeakSearch(const std::vector<std::string>& sentences);

  // What of them is in `bytes`; each (sentence, form) at most once.
  std::vector<Leak> InBytes(const std::string& bytes, const std::string& where) const;
  // The same for a file, or every file below a folder, whatever its name; names of files too.
  std::vector<Leak> InPath(const std::string& path) const;

 private:
  struct Pattern {
    std::string sentence, form, bytes;
  };
  std::vector<Pattern> patterns_;
};

// Standard base64 with padding.
std::string Base64(const std::string& bytes);

}  // namespace koeval::integration
