// The sample log of a task.
#include "common/evaluation/sample_line.h"

#include <fmt/format.h>

#include "common/base/check.h"
#include "common/base/sha256.h"
#include "common/evaluation/python_value.h"

namespace koeval::evaluation {
namespace {

constexpr PythonJsonOptions kLineStyle = {.ensure_ascii = false, .sort_keys = false, .indent = -1};
constexpr PythonJsonOptions kHashStyle = {.ensure_ascii = false, .sort_keys = false, .indent = 2};

// (log-likelihood, is_greedy) as the harness turns it into text.
Json ResponseText(const Response& response) {
  return Json::array({PythonFloat(response.log_likelihood), response.is_greedy ? "True" : "False"});
}

}  // namespace

SampleLog MakeSampleLog(const PreparedTask& task, const TaskScore& score,
                        std::span<const Response> responses) {
  KOEVAL_CHECK(score.per_document.size() == task.documents.size(), "a score of another task");
  KOEVAL_CHECK(responses.size() == task.requests.size(), "responses of another task");
  SampleLog log;
  Sha256 digest;
  for (size_t i = 0; i < task.documents.size(); ++i) {
    const Document& document = task.documents[i];
    const std::string target = Value::FromJson(document.target).Str();
    Json line;
    line["doc_id"] = document.doc_id;
    line["doc"] = document.doc;
    line["target"] = target;
    Json arguments = Json::object();
    Json answers = Json::array();
    Json filtered = Json::array();
    for (int32_t k = 0; k < document.request_count; ++k) {
      const auto at = static_cast<size_t>(document.first_request + k);
      const Request& request = task.requests[at];
      arguments[fmt::format("gen_args_{}", k)] = {{"arg_0", request.context},
                                                  {"arg_1", request.continuation}};
      Json answer = ResponseText(responses[at]);
      answers.push_back(Json::array({answer}));
      filtered.push_back(std::move(answer));
    }
    line["arguments"] = std::move(arguments);
    line["resps"] = std::move(answers);
    line["filtered_resps"] = std::move(filtered);
    line["filter"] = "none";
    Json names = Json::array();
    for (const auto& [metric, value] : score.per_document[i]) names.push_back(metric);
    line["metrics"] = std::move(names);
    const std::string doc_hash = Sha256Hex(PythonJsonDumps(document.doc, kHashStyle));
    const auto first = static_cast<size_t>(document.first_request);
    const std::string prompt_hash = Sha256Hex(task.requests[first].context);
    const std::string target_hash = Sha256Hex(target);
    line["doc_hash"] = doc_hash;
    line["prompt_hash"] = prompt_hash;
    line["target_hash"] = target_hash;
    for (const auto& [metric, value] : score.per_document[i]) line[metric] = value;
    log.lines.push_back(PythonJsonDumps(line, kLineStyle));
    digest.Add(doc_hash + prompt_hash + target_hash);
  }
  log.digest = digest.FinishHex();
  return log;
}

}  // namespace koeval::evaluation
