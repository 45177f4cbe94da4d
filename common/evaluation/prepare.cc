// Documents, shots and requests of a task, in the order in which the harness makes them.
#include "common/evaluation/prepare.h"

#include <fmt/core.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "common/base/utf8.h"
#include "common/evaluation/chat_prompt.h"
#include "common/evaluation/doc_field.h"
#include "common/evaluation/fewshot.h"
#include "common/evaluation/generation.h"
#include "common/evaluation/python_random.h"

namespace koeval::evaluation {
namespace {

constexpr int64_t kShuffleSeed = 42;    // leaderboard-v1: documents, and the same stream for shots
constexpr int64_t kFewshotSeed = 1234;  // lm-eval-0.4
constexpr size_t kRequestsMax = 50'000'000;
constexpr int64_t kUnknownGold = -100;
constexpr const char* kParagraph = "\n\n";  // what leaderboard-v1 puts between its parts

// How rows are written: for the evaluated documents, or for shots, which may differ.
struct Format {
  DocField text, target, choice, gen_prefix;
  std::string target_delimiter, fewshot_delimiter;
  Columns columns;
};

// What a row says: its question, choices and target.
struct Row {
  std::string question;
  std::optional<int64_t> question_choice;  // the choices are questions, and this one is right
  std::vector<std::string> choices;
  Json target;
  std::string gen_prefix;
};

Columns ColumnsOf(const std::vector<Json>& rows) {
  Columns columns;
  for (const Json& row : rows) {
    for (const auto& [name, value] : row.items()) columns.insert(name);
  }
  return columns;
}

// The member of fewshot_config, or the task's own value.
const Json& ShotValue(const TaskConfig& config, const char* key, const Json& own) {
  const Json* value = JsonFind(config.fewshot_config, key);
  return value == nullptr ? own : *value;
}

Result<Format> MakeFormat(const TaskConfig& config, const std::vector<Json>& rows, bool shots) {
  Format format;
  const auto value = [&](const char* key, const Json& own) {
    return shots ? ShotValue(config, key, own) : own;
  };
  const std::string prefix = shots ? "shots: " : "";
  const auto make = [&](const char* key, const Json& own, DocField::Reading reading) {
    return DocField::Make(value(key, own), prefix + key, reading);
  };
  ASSIGN_OR_RETURN(format.text, make("doc_to_text", config.doc_to_text, DocField::Reading::kText));
  ASSIGN_OR_RETURN(format.target,
                   make("doc_to_target", config.doc_to_target, DocField::Reading::kTarget));
  ASSIGN_OR_RETURN(format.choice,
                   make("doc_to_choice", config.doc_to_choice, DocField::Reading::kChoices));
  const Json own_prefix = config.gen_prefix.empty() ? Json() : Json(config.gen_prefix);
  ASSIGN_OR_RETURN(format.gen_prefix, make("gen_prefix", own_prefix, DocField::Reading::kText));
  const bool needs_text = config.output_type != OutputType::kLoglikelihoodRolling;
  if ((needs_text && !format.text.given()) || !format.target.given()) {
    return InvalidArgument("doc_to_text and doc_to_target are needed");
  }
  format.target_delimiter = PythonText(value("target_delimiter", Json(config.target_delimiter)));
  format.fewshot_delimiter = PythonText(value("fewshot_delimiter", Json(config.fewshot_delimiter)));
  format.columns = ColumnsOf(rows);
  return format;
}

Result<std::vector<std::string>> ReadChoices(const Json& value) {
  if (!value.is_array() && !value.is_object()) {
    return InvalidArgument("doc_to_choice: gives no list of choices");
  }
  std::vector<std::string> choices;
  for (const Json& choice : value) {
    if (!choice.is_string()) {
      return InvalidArgument(
          fmt::format("doc_to_choice: choice {} is {}, not text; quote it, or "
                      "use the filter `string`",
                      choices.size(), choice.type_name()));
    }
    choices.push_back(choice.get<std::string>());
  }
  if (choices.empty()) return InvalidArgument("doc_to_choice: gives an empty list");
  return choices;
}

Result<Row> ReadRow(const Json& doc, const Format& format) {
  Row row;
  const bool has_choices = format.choice.given();
  if (has_choices) {
    ASSIGN_OR_RETURN(const Json choices, format.choice.Evaluate(doc, format.columns, true));
    ASSIGN_OR_RETURN(row.choices, ReadChoices(choices));
  }
  ASSIGN_OR_RETURN(const Json text, format.text.given()
                                        ? format.text.Evaluate(doc, format.columns, has_choices)
                                        : Result<Json>(Json("")));
  if (text.is_number_integer() && has_choices) {
    row.question_choice = text.get<int64_t>();
    if (*row.question_choice < 0 ||
        *row.question_choice >= static_cast<int64_t>(row.choices.size())) {
      return InvalidArgument(fmt::format("doc_to_text: index {} is not among the {} choices",
                                         *row.question_choice, row.choices.size()));
    }
  } else if (text.is_string()) {
    row.question = text.get<std::string>();
  } else {
    return InvalidArgument(fmt::format("doc_to_text: gives {}, not text", text.type_name()));
  }
  ASSIGN_OR_RETURN(row.target, format.target.Evaluate(doc, format.columns, has_choices));
  if (format.gen_prefix.given()) {
    ASSIGN_OR_RETURN(const Json prefix, format.gen_prefix.Evaluate(doc, format.columns, false));
    if (!prefix.is_null()) row.gen_prefix = PythonText(prefix);
  }
  // Python's bool is an int.
  if (row.target.is_boolean() && has_choices) row.target = Json(row.target.get<bool>() ? 1 : 0);
  return row;
}

// The index that `target` says; INVALID_ARGUMENT when it is not among the choices.
Result<int64_t> GoldIndex(const Json& target, const Row& row) {
  if (!target.is_number_integer()) {
    return InvalidArgument(
        fmt::format("doc_to_target: gives {}, neither an index nor text", target.type_name()));
  }
  const int64_t index = target.get<int64_t>();
  if (index >= 0 && index < static_cast<int64_t>(row.choices.size())) return index;
  return InvalidArgument(
      fmt::format("doc_to_target: index {} is not among the {} choices; correct the row, or the "
                  "field",
                  index, row.choices.size()));
}

// The answer of a shot.
Result<std::string> Answer(const Row& row, bool has_choices) {
  const Json* target = &row.target;
  if (target->is_array()) {
    if (target->empty()) return InvalidArgument("doc_to_target: gives an empty list");
    target = &target->front();
  }
  if (!has_choices || row.question_choice || target->is_string()) return PythonText(*target);
  ASSIGN_OR_RETURN(const int64_t index, GoldIndex(*target, row));
  return row.choices[static_cast<size_t>(index)];
}

// The right choices of a document: indices as they are, texts looked up.
Result<std::vector<int64_t>> Gold(const Row& row) {
  if (row.question_choice) return std::vector<int64_t>{*row.question_choice};
  const Json targets = row.target.is_array() ? row.target : Json::array({row.target});
  std::vector<int64_t> gold;
  for (const Json& target : targets) {
    if (target.is_string()) {
      const auto found = std::find(row.choices.begin(), row.choices.end(), target);
      gold.push_back(found == row.choices.end() ? kUnknownGold : found - row.choices.begin());
    } else {
      ASSIGN_OR_RETURN(const int64_t index, GoldIndex(target, row));
      gold.push_back(index);
    }
  }
  if (gold.empty()) return InvalidArgument("doc_to_target: gives an empty list");
  return gold;
}

// What a generated text is compared with. Only where the first row's target is a list are there
// several right answers; elsewhere a list is the text that Python makes of it.
Result<Json> RightAnswer(const Row& row, bool has_choices, bool multiple_targets) {
  if (has_choices) {
    ASSIGN_OR_RETURN(const int64_t index, GoldIndex(row.target, row));
    return Json(row.choices[static_cast<size_t>(index)]);
  }
  if (multiple_targets && row.target.is_array()) return row.target;
  return Json(PythonText(row.target));
}

RequestKind KindOf(OutputType type) {
  switch (type) {
    case OutputType::kLoglikelihoodRolling:
      return RequestKind::kLoglikelihoodRolling;
    case OutputType::kGenerateUntil:
      return RequestKind::kGenerate;
    case OutputType::kMultipleChoice:
    case OutputType::kLoglikelihood:
      break;
  }
  return RequestKind::kLoglikelihood;
}

class Preparer {
 public:
  Preparer(const Task& task, const Options& options) : task_(task), config_(task.config) {
    out_.config = task.config;
    out_.options = options;
  }

  Result<PreparedTask> Run() {
    const Status start = Start();
    if (!start.ok()) return start.WithContext("task " + config_.task);
    for (const size_t index : order_) {
      const Status status = AddDocument(index);
      if (!status.ok()) {
        return status.WithContext(fmt::format("task {}, document {}", config_.task, index));
      }
    }
    out_.system_dropped = writer_->system_dropped();
    return std::move(out_);
  }

 private:
  bool old_profile() const { return out_.options.profile == Profile::kLeaderboardV1; }
  bool mutual_information() const {
    return std::any_of(
        config_.metrics.begin(), config_.metrics.end(),
        [](const MetricConfig& metric) { return metric.metric == "acc_mutual_info"; });
  }
  bool multiple_choice() const { return config_.output_type == OutputType::kMultipleChoice; }

  Status Start() {
    ASSIGN_OR_RETURN(format_, MakeFormat(config_, task_.docs, false));
    if (multiple_choice() && !format_.choice.given()) {
      return InvalidArgument("multiple_choice needs doc_to_choice");
    }
    auto description =
        DocField::Make(Json(config_.description), "description", DocField::Reading::kText);
    if (!description.ok()) return description.status();
    description_ = *std::move(description);
    RETURN_IF_ERROR(ReadKind());
    RETURN_IF_ERROR(CheckChat());
    RETURN_IF_ERROR(CountShots());
    const std::optional<int64_t> seed = out_.options.seed;
    PythonRandom stream(old_profile() ? seed.value_or(kShuffleSeed) : kShuffleSeed);
    RETURN_IF_ERROR(MakeOrder(stream));
    // leaderboard-v1 draws shots from the stream that shuffled the documents.
    sampler_.emplace(task_, out_.options.profile, out_.num_fewshot,
                     old_profile() ? stream : PythonRandom(seed.value_or(kFewshotSeed)));
    if (out_.num_fewshot == 0) return OkStatus();
    if (sampler_->pool().empty()) {
      return InvalidArgument(
          fmt::format("{} shots are asked for, but there is no split to take them from; set "
                      "fewshot_split, or ask for 0",
                      out_.num_fewshot));
    }
    ASSIGN_OR_RETURN(shot_format_, MakeFormat(config_, sampler_->pool(), true));
    shots_.resize(sampler_->pool().size());
    return OkStatus();
  }

  Status CheckChat() {
    const ChatOptions& chat = out_.options.chat;
    const bool any = chat.chat_template || !chat.system_instruction.empty() ||
                     format_.gen_prefix.given() ||
                     JsonFind(config_.fewshot_config, "gen_prefix") != nullptr;
    if (old_profile() && any) {
      return InvalidArgument(
          "leaderboard-v1 knows no chat template, system instruction or gen_prefix; use "
          "lm-eval-0.4");
    }
    if (chat.fewshot_as_multiturn && !chat.chat_template) {
      return InvalidArgument("shots as turns need a chat template");
    }
    auto writer = PromptWriter::Make(chat);
    if (!writer.ok()) return FailedPrecondition(writer.status().message());
    writer_.emplace(*std::move(writer));
    return OkStatus();
  }

  // What the requests ask, and what the first row says about the targets.
  Status ReadKind() {
    out_.request_kind = KindOf(config_.output_type);
    if (out_.request_kind != RequestKind::kGenerate) return OkStatus();
    auto limits = ReadGenerationLimits(config_.generation_kwargs);
    if (!limits.ok()) return limits.status().WithContext("generation_kwargs");
    out_.generation = *std::move(limits);
    if (task_.docs.empty()) return OkStatus();
    auto first = format_.target.Evaluate(task_.docs[0], format_.columns, format_.choice.given());
    if (!first.ok()) return first.status().WithContext("document 0");
    out_.multiple_targets = first->is_array() && !first->empty();
    return OkStatus();
  }

  // A task's own 0 is never overridden.
  Status CountShots() {
    const int64_t own = config_.num_fewshot.value_or(0);
    const bool fixed_zero = config_.num_fewshot && own == 0;
    out_.num_fewshot = fixed_zero ? 0 : out_.options.num_fewshot.value_or(own);
    if (out_.num_fewshot >= 0) return OkStatus();
    return InvalidArgument("num_fewshot must not be negative");
  }

  // Rows in evaluation order, the limit applied.
  Status MakeOrder(PythonRandom& stream) {
    order_.resize(task_.docs.size());
    std::iota(order_.begin(), order_.end(), size_t{0});
    const Json* shuffle = JsonFind(config_.overrides, "shuffle_documents");
    const bool wanted =
        shuffle != nullptr && shuffle->is_boolean() ? shuffle->get<bool>() : old_profile();
    if (wanted) stream.Shuffle(order_);
    if (!out_.options.limit) return OkStatus();
    if (*out_.options.limit < 1) return InvalidArgument("the limit must be at least 1");
    order_.resize(std::min(order_.size(), static_cast<size_t>(*out_.options.limit)));
    return OkStatus();
  }

  // Everything in front of a document's own question.
  Result<std::vector<Message>> Head(const Json& doc) {
    std::vector<Message> head;
    std::string system = out_.options.chat.system_instruction;
    if (!config_.description.empty()) {
      ASSIGN_OR_RETURN(const Json text, description_.Evaluate(doc, format_.columns, false));
      system = Delimited(system, PythonText(text), format_.fewshot_delimiter);
      if (old_profile() && !system.empty()) system += kParagraph;
    }
    if (!system.empty()) head.push_back({Message::Role::kSystem, std::move(system), ""});
    ASSIGN_OR_RETURN(const std::vector<size_t> shots, sampler_->Draw(doc));
    for (const size_t index : shots) {
      const Status status = AddShot(index, head);
      if (!status.ok()) return status.WithContext(fmt::format("shot from row {}", index));
    }
    return head;
  }

  // Question and answer of one row of the pool, which is read once.
  Status AddShot(size_t index, std::vector<Message>& head) {
    std::optional<std::vector<Message>>& known = shots_[index];
    if (!known) {
      ASSIGN_OR_RETURN(const Row row, ReadRow(sampler_->pool()[index], shot_format_));
      Turn turn{row.question_choice ? row.choices[static_cast<size_t>(*row.question_choice)]
                                    : row.question,
                std::nullopt, row.gen_prefix, shot_format_.target_delimiter,
                old_profile() ? kParagraph : shot_format_.fewshot_delimiter};
      if (old_profile() || (!row.target.is_null() && row.target != Json(""))) {
        ASSIGN_OR_RETURN(turn.answer, Answer(row, shot_format_.choice.given()));
      }
      AppendTurn(turn, known.emplace());
    }
    head.insert(head.end(), known->begin(), known->end());
    return OkStatus();
  }

  // The prompt that ends in `question`. A refusal of the chat template is FAILED_PRECONDITION.
  Result<std::string> Context(const std::vector<Message>& head, const Row& row,
                              const std::string& question) {
    std::vector<Message> messages = head;
    const std::string delimiter = row.question_choice ? "" : format_.target_delimiter;
    AppendTurn({question, std::nullopt, row.gen_prefix, delimiter, ""}, messages);
    auto text = writer_->Write(std::move(messages));
    if (text.ok()) return text;
    return FailedPrecondition(text.status().message() +
                              "; evaluate the model without its chat template, or correct it");
  }

  Status AddDocument(size_t index) {
    const Json& doc = task_.docs[index];
    ASSIGN_OR_RETURN(const std::vector<Message> head, Head(doc));
    ASSIGN_OR_RETURN(Row row, ReadRow(doc, format_));
    Document document;
    document.doc_id = static_cast<int64_t>(index);
    document.doc = doc;
    const bool rolling = config_.output_type == OutputType::kLoglikelihoodRolling;
    if (!row.question_choice && !rolling) {
      ASSIGN_OR_RETURN(document.context, Context(head, row, row.question));
    }
    document.target = row.target;
    document.first_request = static_cast<int32_t>(out_.requests.size());
    switch (config_.output_type) {
      case OutputType::kMultipleChoice: {
        ASSIGN_OR_RETURN(document.gold, Gold(row));
        RETURN_IF_ERROR(AddChoices(document, row, head));
        document.choices = std::move(row.choices);
        break;
      }
      case OutputType::kLoglikelihood:
        // The harness asks for the target as it is, without a delimiter.
        AddRequest(document, document.context, PythonText(row.target));
        break;
      case OutputType::kLoglikelihoodRolling:
        AddRequest(document, "", PythonText(row.target));
        break;
      case OutputType::kGenerateUntil: {
        ASSIGN_OR_RETURN(document.answer,
                         RightAnswer(row, format_.choice.given(), out_.multiple_targets));
        AddRequest(document, document.context, "");
        break;
      }
    }
    document.request_count = static_cast<int32_t>(out_.requests.size()) - document.first_request;
    out_.documents.push_back(std::move(document));
    if (out_.requests.size() <= kRequestsMax) return OkStatus();
    return ResourceExhausted(fmt::format("more than {} requests", kRequestsMax));
  }

  // What stands between context and choice. A chat template ends where the answer starts.
  std::string ChoiceDelimiter() const {
    if (!writer_->chat()) return format_.target_delimiter;
    const std::string& prefix = config_.gen_prefix;
    const bool ends_in_word = PythonRstrip(prefix).size() == prefix.size() && !prefix.empty();
    return ends_in_word ? format_.target_delimiter : "";
  }

  Status AddChoices(Document& document, const Row& row, const std::vector<Message>& head) {
    const std::string delimiter = ChoiceDelimiter();
    for (const std::string& choice : row.choices) {
      if (row.question_choice) {
        ASSIGN_OR_RETURN(std::string context, Context(head, row, choice));
        AddRequest(document, std::move(context), delimiter + PythonText(row.target));
      } else {
        AddRequest(document, document.context, delimiter + choice);
      }
    }
    // What each choice is worth by itself.
    for (size_t i = 0; i < row.choices.size() && mutual_information(); ++i) {
      AddRequest(document, "", delimiter + row.choices[i]);
    }
    if (row.question_choice) {
      document.context = out_.requests[static_cast<size_t>(document.first_request)].context;
    }
    return OkStatus();
  }

  void AddRequest(const Document& document, std::string context, std::string continuation) {
    Request request;
    request.document = static_cast<int32_t>(out_.documents.size());
    request.choice = static_cast<int32_t>(out_.requests.size()) - document.first_request;
    request.context = std::move(context);
    request.continuation = std::move(continuation);
    out_.requests.push_back(std::move(request));
  }

  const Task& task_;
  const TaskConfig& config_;
  PreparedTask out_;
  Format format_, shot_format_;
  DocField description_;
  std::vector<size_t> order_;
  std::optional<ShotSampler> sampler_;
  std::vector<std::optional<std::vector<Message>>> shots_;
  std::optional<PromptWriter> writer_;
};

}  // namespace

Result<PreparedTask> Prepare(const Task& task, const Options& options) {
  return Preparer(task, options).Run();
}

}  // namespace koeval::evaluation
