// A scheduler in this process, asked over HTTP.
#pragma once

#include <httplib.h>

#include <string>

#include "common/base/json.h"
#include "tests/scheduler/service/harness.h"

namespace koeval::service {

inline constexpr const char* kReaderToken = "reader-token-0123456789";
inline constexpr const char* kSubmitterToken = "alice-token-0123456789";

class WebTest : public ServiceTest {
 protected:
  httplib::Result Get(const std::string& path, const httplib::Headers& headers = {});
  // The body of a 200.
  std::string Body(const std::string& path, const httplib::Headers& headers = {});
  Json Api(const std::string& path);
  int StatusOf(const std::string& path, const httplib::Headers& headers = {});
  httplib::Result Post(const std::string& path, const std::string& body,
                       const std::string& content_type, const httplib::Headers& headers = {});

  // "eve" reads with kReaderToken, "alice" submits with kSubmitterToken. Before Start.
  void UseTokens();
  static httplib::Headers Bearer(const std::string& token) {
    return {{"Authorization", "Bearer " + token}};
  }
  // Imports a result file of `model` with the scores 0.75 and 0.25 of the suite "toy".
  void ImportScores(const std::string& model);
  // "finished" has scores, "failed" was refused by its checks, "waiting" finds no worker.
  void RunSome();
};

}  // namespace koeval::service
