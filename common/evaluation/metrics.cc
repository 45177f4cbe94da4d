// Metrics of one document from likelihoods.
#include "common/evaluation/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "common/base/check.h"
#include "common/base/utf8.h"
#include "common/evaluation/statistics.h"

namespace koeval::evaluation {
namespace {

// Whether the task's own list has `metric`.
bool Lists(const TaskConfig& config, std::string_view metric) {
  return std::any_of(config.metrics.begin(), config.metrics.end(),
                     [&](const MetricConfig& listed) { return listed.metric == metric; });
}

Status RowError(const TaskConfig& config, const Document& document, std::string_view field,
                std::string_view message) {
  return InvalidArgument(
      fmt::format("task {}, document {}, {}: {}", config.task, document.doc_id, field, message));
}

std::vector<double> LogLikelihoods(std::span<const Response> responses) {
  std::vector<double> values;
  values.reserve(responses.size());
  for (const Response& response : responses) values.push_back(response.log_likelihood);
  return values;
}

// The prediction when each value is divided by `length` of its choice, as a float64.
template <typename Length>
size_t PredictByLength(std::span<const double> values, const std::vector<std::string>& choices,
                       Length length) {
  std::vector<double> scaled(values.begin(), values.end());
  for (size_t i = 0; i < scaled.size(); ++i) scaled[i] /= static_cast<double>(length(choices[i]));
  return ArgMax(scaled);
}

DocumentMetric Real(std::string_view metric, double value) {
  return {.metric = std::string(metric), .logged = Json(value), .value = value};
}

DocumentMetric Whole(std::string_view metric, bool value) {
  return {.metric = std::string(metric), .logged = Json(value ? 1 : 0), .value = value ? 1.0 : 0.0};
}

Status OneGold(const TaskConfig& config, const Document& document, std::string_view metric) {
  if (document.gold.size() == 1) return OkStatus();
  return RowError(config, document, "doc_to_target",
                  fmt::format("{} needs exactly one gold index", metric));
}

Result<DocumentMetric> PairMetric(std::string_view metric, const TaskConfig& config,
                                  const Document& document, size_t predicted) {
  RETURN_IF_ERROR(OneGold(config, document, metric));
  const auto guess = static_cast<int64_t>(predicted);
  return DocumentMetric{.metric = std::string(metric),
                        .logged = Json::array({document.gold[0], guess}),
                        .gold = document.gold[0],
                        .predicted = guess};
}

// The squared distance of the choices' softmax to the right answer.
Result<DocumentMetric> BrierMetric(const TaskConfig& config, const Document& document,
                                   std::span<const double> values) {
  RETURN_IF_ERROR(OneGold(config, document, "brier_score"));
  const int64_t gold = document.gold[0];
  if (gold < 0) {
    return RowError(config, document, "doc_to_target",
                    "brier_score needs a gold among the choices");
  }
  const double most = *std::max_element(values.begin(), values.end());
  std::vector<double> shares;
  for (const double value : values) shares.push_back(std::exp(value - most));
  const double total = NumpySum(shares);
  for (double& share : shares) share /= total;
  std::vector<double> squares;
  for (size_t i = 0; i < shares.size(); ++i) {
    const double distance = shares[i] - (static_cast<int64_t>(i) == gold ? 1.0 : 0.0);
    squares.push_back(distance * distance);
  }
  return DocumentMetric{.metric = "brier_score",
                        .logged = Json::array({gold, shares}),
                        .value = NumpySum(squares),
                        .weight = static_cast<double>(shares.size())};
}

// The harness of 2023 reports acc and acc_norm of every multiple-choice task.
bool Wants(const TaskConfig& config, Profile profile, std::string_view metric) {
  if (profile == Profile::kLeaderboardV1 && (metric == "acc" || metric == "acc_norm")) return true;
  return Lists(config, metric);
}

// Whether `choice` is one of the document's right ones.
bool IsGold(const Document& document, size_t choice) {
  return std::find(document.gold.begin(), document.gold.end(), static_cast<int64_t>(choice)) !=
         document.gold.end();
}

bool AnyGoldIsGreedy(const Document& document, std::span<const Response> responses) {
  bool any = false;
  for (size_t i = 0; i < responses.size(); ++i) {
    any |= IsGold(document, i) && responses[i].is_greedy;
  }
  return any;
}

// The choice that the context makes likelier than the choice is by itself.
size_t PredictByInformation(std::span<const double> values, std::span<const double> alone) {
  std::vector<double> gains;
  for (size_t i = 0; i < values.size(); ++i) gains.push_back(values[i] - alone[i]);
  return ArgMax(gains);
}

// `responses` to the choices and, with acc_mutual_info, to the choices without a context.
Result<std::vector<DocumentMetric>> ScoreChoices(const TaskConfig& config, Profile profile,
                                                 const Document& document,
                                                 std::span<const Response> responses) {
  const size_t count = document.choices.size();
  const bool information = Lists(config, "acc_mutual_info");
  if (responses.size() != (information ? 2 * count : count)) {
    return RowError(config, document, "doc_to_choice",
                    fmt::format("{} choices have {} responses", count, responses.size()));
  }
  const std::vector<double> all = LogLikelihoods(responses);
  const std::span<const double> values = std::span(all).first(count);
  const size_t predicted = ArgMax(values);
  const auto right = [&](std::string_view name, size_t choice) {
    return Real(name, IsGold(document, choice) ? 1.0 : 0.0);
  };
  std::vector<DocumentMetric> out;
  if (Wants(config, profile, "acc")) out.push_back(right("acc", predicted));
  for (const std::string_view name : {"f1", "mcc"}) {
    if (!Lists(config, name)) continue;
    ASSIGN_OR_RETURN(DocumentMetric pair, PairMetric(name, config, document, predicted));
    out.push_back(std::move(pair));
  }
  if (Wants(config, profile, "acc_norm")) {
    out.push_back(right("acc_norm", PredictByLength(values, document.choices, CountCodePoints)));
  }
  if (Lists(config, "acc_bytes")) {
    const auto bytes = [](const std::string& choice) { return choice.size(); };
    out.push_back(right("acc_bytes", PredictByLength(values, document.choices, bytes)));
  }
  if (Lists(config, "exact_match")) {
    out.push_back(Whole("exact_match", AnyGoldIsGreedy(document, responses.first(count))));
  }
  if (Lists(config, "brier_score")) {
    ASSIGN_OR_RETURN(DocumentMetric brier, BrierMetric(config, document, values));
    out.push_back(std::move(brier));
  }
  if (information) {
    const size_t best = PredictByInformation(values, std::span(all).subspan(count));
    out.push_back(right("acc_mutual_info", best));
  }
  return out;
}

// Pieces of re.split(r"\s+", text): white space at an end makes an empty one.
int64_t CountWords(std::string_view text) {
  int64_t words = 1;
  bool in_space = false;
  for (size_t at = 0; at < text.size();) {
    const bool space = IsPythonSpace(DecodeUtf8(text, at));
    words += space && !in_space;
    in_space = space;
  }
  return words;
}

// The text of a rolling document is its target.
Result<std::vector<DocumentMetric>> ScoreRolling(const TaskConfig& config, const Document& document,
                                                 const Response& response) {
  if (!document.target.is_string()) {
    return RowError(config, document, "doc_to_target", "must give text");
  }
  const std::string& text = document.target.get_ref<const std::string&>();
  std::vector<DocumentMetric> out;
  for (const std::string_view name : {"word_perplexity", "byte_perplexity", "bits_per_byte"}) {
    if (!Lists(config, name)) continue;
    const int64_t count =
        name == "word_perplexity" ? CountWords(text) : static_cast<int64_t>(text.size());
    out.push_back({.metric = std::string(name),
                   .logged = Json::array({response.log_likelihood, count}),
                   .value = response.log_likelihood,
                   .weight = static_cast<double>(count)});
  }
  return out;
}

// The labels under `field`.labels of the row, each 0 or 1.
Result<std::vector<int64_t>> Labels(const TaskConfig& config, const Document& document,
                                    const std::string& field) {
  const Json* targets = JsonFind(document.doc, field);
  const Json* labels = targets == nullptr ? nullptr : JsonFind(*targets, "labels");
  if (labels == nullptr || !labels->is_array()) {
    return RowError(config, document, field + ".labels", "must be a list of 0 and 1");
  }
  std::vector<int64_t> out;
  for (const Json& label : *labels) {
    if (!label.is_number_integer() || (label != 0 && label != 1)) {
      return RowError(config, document, field + ".labels", "must be a list of 0 and 1");
    }
    out.push_back(label.get<int64_t>());
  }
  return out;
}

// mc1 and mc2 of a TruthfulQA row. The requests are the mc2 choices, or the mc1 choices and then
// the mc2 choices, as the harness of 2023 asks for both at once.
Result<std::vector<DocumentMetric>> ScoreTruthful(const TaskConfig& config, Profile profile,
                                                  const Document& document,
                                                  std::span<const Response> responses) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> labels, Labels(config, document, "mc2_targets"));
  if (labels.size() > responses.size()) {
    return RowError(config, document, "mc2_targets.labels", "must be as many as the choices");
  }
  const std::vector<double> values = LogLikelihoods(responses);
  const std::span<const double> all(values);
  const auto first = all.first(all.size() - labels.size());
  std::vector<DocumentMetric> out;
  if (first.empty() && Lists(config, "mc1")) {
    return RowError(config, document, "doc_to_choice",
                    "metric mc1 needs the choices of mc1_targets before those of mc2_targets");
  }
  if (!first.empty()) {
    ASSIGN_OR_RETURN(const std::vector<int64_t> mc1, Labels(config, document, "mc1_targets"));
    if (mc1.size() != first.size()) {
      return RowError(config, document, "mc2_targets.labels", "must be as many as the choices");
    }
    if (Lists(config, "mc1")) out.push_back(Real("mc1", ArgMax(first) == 0 ? 1.0 : 0.0));
  }
  if (profile == Profile::kLeaderboardV1 &&
      std::find(labels.begin(), labels.end(), 0) == labels.end()) {
    return RowError(config, document, "mc2_targets.labels",
                    "has no label 0, which profile leaderboard-v1 needs");
  }
  const double mc2 = Mc2(profile, all.subspan(first.size()), labels);
  for (const std::string_view name : {"mc2", "acc"}) {
    if (Lists(config, name)) out.push_back(Real(name, mc2));
  }
  return out;
}

}  // namespace

Result<std::vector<DocumentMetric>> ScoreDocument(const TaskConfig& config, Profile profile,
                                                  const Document& document,
                                                  std::span<const Response> responses) {
  if (responses.empty()) return RowError(config, document, "doc_to_choice", "has no choices");
  if (IsMc2(config.process_results)) return ScoreTruthful(config, profile, document, responses);
  if (config.output_type == OutputType::kMultipleChoice) {
    return ScoreChoices(config, profile, document, responses);
  }
  if (config.output_type == OutputType::kLoglikelihoodRolling) {
    return ScoreRolling(config, document, responses[0]);
  }
  std::vector<DocumentMetric> out;
  if (Lists(config, "perplexity")) {
    out.push_back(Real("perplexity", responses[0].log_likelihood));
  }
  if (Lists(config, "acc")) out.push_back(Whole("acc", responses[0].is_greedy));
  return out;
}

size_t ArgMax(std::span<const double> values) {
  KOEVAL_CHECK(!values.empty(), "argmax needs values");
  size_t best = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) return i;
    if (values[i] > values[best]) best = i;
  }
  return best;
}

double Mc2(Profile profile, std::span<const double> log_likelihoods,
           std::span<const int64_t> labels) {
  KOEVAL_CHECK(log_likelihoods.size() == labels.size(), "one label for each choice");
  std::vector<double> weights;
  for (const double value : log_likelihoods) weights.push_back(std::exp(value));
  if (profile == Profile::kLeaderboardV1) {
    const auto split =
        static_cast<size_t>(std::find(labels.begin(), labels.end(), 0) - labels.begin());
    const std::span<double> true_weights = std::span(weights).first(split);
    const double total = LeftToRightSum(true_weights) +
                         LeftToRightSum(std::span<const double>(weights).subspan(split));
    for (double& weight : true_weights) weight /= total;
    return LeftToRightSum(true_weights);
  }
  const double total = NumpySum(weights);
  std::vector<double> true_shares;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (labels[i] == 1) true_shares.push_back(weights[i] / total);
  }
  return NumpySum(true_shares);
}

}  // namespace koeval::evaluation
