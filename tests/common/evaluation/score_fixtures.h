// Hand-made prepared tasks for the tests of scoring.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/evaluation/prepare.h"

namespace koeval::evaluation {

// A multiple-choice task without documents; every metric has its usual aggregation.
inline PreparedTask ChoiceTask(const std::vector<std::string>& metrics,
                               Profile profile = Profile::kLmEval04) {
  PreparedTask task;
  task.config.task = "toy";
  task.options.profile = profile;
  for (const std::string& metric : metrics) {
    task.config.metrics.push_back({metric, metric == "f1" ? "macro_f1" : "mean", true});
  }
  return task;
}

// Adds a document with one request for each choice. Its row number is its position.
inline void AddDocument(PreparedTask& task, std::vector<std::string> choices,
                        std::vector<int64_t> gold, Json doc = Json::object()) {
  Document document;
  document.doc_id = static_cast<int64_t>(task.documents.size());
  document.doc = std::move(doc);
  document.context = "question " + std::to_string(document.doc_id);
  document.target = gold.size() == 1 ? Json(gold[0]) : Json(gold);
  document.gold = std::move(gold);
  document.first_request = static_cast<int32_t>(task.requests.size());
  document.request_count = static_cast<int32_t>(choices.size());
  for (size_t i = 0; i < choices.size(); ++i) {
    task.requests.push_back({static_cast<int32_t>(task.documents.size()), static_cast<int32_t>(i),
                             document.context, " " + choices[i]});
  }
  document.choices = std::move(choices);
  task.documents.push_back(std::move(document));
}

inline std::vector<Response> Responses(const std::vector<double>& log_likelihoods) {
  std::vector<Response> out;
  for (const double value : log_likelihoods) out.push_back({value, false});
  return out;
}

}  // namespace koeval::evaluation
