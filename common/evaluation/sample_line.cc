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

// One line of the log, from what all of its filters share.
class LineWriter {
 public:
  LineWriter(const PreparedTask& task, std::span<const Response> responses)
      : task_(task), responses_(responses) {}

  Json Line(const DocumentScore& score) const {
    const Document& document = task_.documents[static_cast<size_t>(score.document)];
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
      arguments[fmt::format("gen_args_{}", k)] = Arguments(task_.requests[at]);
      const Json answer = Answer(responses_[at]);
      answers.push_back(std::vector<Json>(static_cast<size_t>(task_.config.repeats), answer));
      filtered.push_back(generates() ? AsTexts(score.filtered) : answer);
    }
    line["arguments"] = std::move(arguments);
    line["resps"] = std::move(answers);
    line["filtered_resps"] = std::move(filtered);
    line["filter"] = score.filter;
    Json names = Json::array();
    for (const auto& [metric, value] : score.metrics) names.push_back(metric);
    line["metrics"] = std::move(names);
    line["doc_hash"] = Sha256Hex(PythonJsonDumps(document.doc, kHashStyle));
    line["prompt_hash"] = Sha256Hex(Prompt(document));
    line["target_hash"] = Sha256Hex(target);
    for (const auto& [metric, value] : score.metrics) line[metric] = value;
    return line;
  }

 private:
  bool generates() const { return task_.config.output_type == OutputType::kGenerateUntil; }
  bool rolls() const { return task_.config.output_type == OutputType::kLoglikelihoodRolling; }

  // The harness's first argument: the context, or for a rolling likelihood the text itself.
  const std::string& Prompt(const Document& document) const {
    const Request& first = task_.requests[static_cast<size_t>(document.first_request)];
    return rolls() ? first.continuation : first.context;
  }

  Json Arguments(const Request& request) const {
    if (rolls()) return {{"arg_0", request.continuation}};
    if (generates()) {
      return {{"arg_0", request.context}, {"arg_1", task_.config.generation_kwargs}};
    }
    return {{"arg_0", request.context}, {"arg_1", request.continuation}};
  }

  // What the model said, as the harness turns it into text.
  Json Answer(const Response& response) const {
    if (generates()) return response.text;
    const std::string value = PythonFloat(response.log_likelihood);
    if (rolls()) return value;
    return Json::array({value, response.is_greedy ? "True" : "False"});
  }

  static Json AsTexts(const Json& value) {
    if (!value.is_array()) return Value::FromJson(value).Str();
    Json out = Json::array();
    for (const Json& item : value) out.push_back(AsTexts(item));
    return out;
  }

  const PreparedTask& task_;
  const std::span<const Response> responses_;
};

}  // namespace

SampleLog MakeSampleLog(const PreparedTask& task, const TaskScore& score,
                        std::span<const Response> responses) {
  KOEVAL_CHECK(score.per_document.size() % task.documents.size() == 0, "a score of another task");
  KOEVAL_CHECK(responses.size() == task.requests.size(), "responses of another task");
  SampleLog log;
  Sha256 digest;
  const LineWriter writer(task, responses);
  for (const DocumentScore& document : score.per_document) {
    const Json line = writer.Line(document);
    digest.Add(line["doc_hash"].get<std::string>() + line["prompt_hash"].get<std::string>() +
               line["target_hash"].get<std::string>());
    log.lines.push_back(PythonJsonDumps(line, kLineStyle));
  }
  log.digest = digest.FinishHex();
  return log;
}

}  // namespace koeval::evaluation
