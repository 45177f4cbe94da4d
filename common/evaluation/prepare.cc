// Documents, shots and requests of a task, in the order in which the harness makes them.
#include "common/evaluation/prepare.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "common/base/utf8.h"
#include "common/evaluation/python_literal.h"
#include "common/evaluation/python_random.h"
#include "common/evaluation/python_text.h"
#include "common/evaluation/template.h"

namespace koeval::evaluation {
namespace {

constexpr int64_t kShuffleSeed = 42;    // leaderboard-v1: documents, and the same stream for shots
constexpr int64_t kFewshotSeed = 1234;  // lm-eval-0.4
constexpr int64_t kRequestsMax = 50'000'000;
constexpr const char* kParagraph = "\n\n";  // what leaderboard-v1 puts between its parts

// A field of the definition (doc_to_text, doc_to_target, doc_to_choice): a template, the name of a
// column, or a value as it is.
class Field {
 public:
  static Result<Field> Make(const Json& config, const char* name, bool literal_result) {
    Field field;
    field.name_ = name;
    field.value_ = config;
    field.literal_result_ = literal_result;
    if (config.is_string()) {
      auto parsed = Template::Parse(config.get_ref<const std::string&>());
      if (!parsed.ok()) return parsed.status().WithContext(name);
      field.template_ = *std::move(parsed);
    }
    return field;
  }

  bool given() const { return !value_.is_null(); }

  // The value for `row`: of the column, or what the template gives.
  Result<Json> Evaluate(const Json& row, bool has_choices) const {
    if (!template_) return value_;
    const std::string& text = value_.get_ref<const std::string&>();
    if (const auto column = row.find(text); column != row.end()) return *column;
    auto rendered = template_->Render(row);
    if (!rendered.ok()) return rendered.status().WithContext(name_);
    return Interpret(*std::move(rendered), has_choices);
  }

 private:
  // The harness's reading of a rendered text: digits are an index where there are choices, and
  // "[...]" is a list.
  Result<Json> Interpret(std::string text, bool has_choices) const {
    const bool digits = !text.empty() && IsDigits(text);
    if (digits && has_choices && !literal_result_) {
      auto value = LiteralEval(text);
      if (value.ok()) return value->ToJson();
    }
    const bool bracketed = text.size() >= 2 && text.front() == '[' && text.back() == ']';
    if (literal_result_ || (bracketed && std::string_view(name_) == "doc_to_target")) {
      auto value = LiteralEval(text);
      if (value.ok()) return value->ToJson();
      if (literal_result_) return value.status().WithContext(name_);
    }
    return Json(std::move(text));
  }

  static bool IsDigits(const std::string& text) {
    for (size_t at = 0; at < text.size();) {
      if (!IsPythonDigit(DecodeUtf8(text, at))) return false;
    }
    return true;
  }

  const char* name_ = "";
  Json value_;
  bool literal_result_ = false;
  std::optional<Template> template_;
};

// What a row says: its question, choices and target.
struct Row {
  std::string question;
  std::vector<std::string> choices;
  Json target;
};

std::string Text(const Json& value) {
  return Value::FromJson(value).Str();
}

class Preparer {
 public:
  Preparer(const Task& task, const Options& options) : task_(task), config_(task.config) {
    out_.config = task.config;
    out_.options = options;
  }

  Result<PreparedTask> Run() {
    RETURN_IF_ERROR(MakeFields());
    RETURN_IF_ERROR(ChooseShots());
    std::vector<size_t> order = Order();
    for (size_t position = 0; position < order.size(); ++position) {
      const Status status = AddDocument(order[position]);
      if (!status.ok()) {
        return status.WithContext(
            fmt::format("task {}, document {}", config_.task, order[position]));
      }
    }
    return std::move(out_);
  }

 private:
  bool old_profile() const { return out_.options.profile == Profile::kLeaderboardV1; }
  bool multiple_choice() const { return config_.output_type == OutputType::kMultipleChoice; }

  Status MakeFields() {
    const auto make = [&](const Json& json, const char* name, bool literal,
                          Field& field) -> Status {
      auto made = Field::Make(json, name, literal);
      if (!made.ok()) return made.status().WithContext("task " + config_.task);
      field = *std::move(made);
      return OkStatus();
    };
    RETURN_IF_ERROR(make(config_.doc_to_text, "doc_to_text", false, text_));
    RETURN_IF_ERROR(make(config_.doc_to_target, "doc_to_target", false, target_));
    RETURN_IF_ERROR(make(config_.doc_to_choice, "doc_to_choice", true, choice_));
    if (!text_.given() || !target_.given()) {
      return InvalidArgument("task " + config_.task + ": doc_to_text and doc_to_target are needed");
    }
    if (multiple_choice() && !choice_.given()) {
      return InvalidArgument("task " + config_.task + ": multiple_choice needs doc_to_choice");
    }
    return OkStatus();
  }

  // How many shots, from where, and by which random stream.
  Status ChooseShots() {
    const Options& options = out_.options;
    const int64_t own = config_.num_fewshot.value_or(0);
    const bool fixed_zero = config_.num_fewshot && own == 0;
    out_.num_fewshot = fixed_zero ? 0 : options.num_fewshot.value_or(own);
    if (out_.num_fewshot < 0) return InvalidArgument("num_fewshot must not be negative");
    const int64_t seed = options.seed.value_or(old_profile() ? kShuffleSeed : kFewshotSeed);
    random_.emplace(seed);
    // lm-eval-0.4 compares the names of the splits, where two absent names are equal too;
    // leaderboard-v1 draws one more whenever there is no training split.
    exclude_self_ = old_profile() ? task_.fewshot_pool_is_docs || (config_.training_split.empty() &&
                                                                   config_.fewshot_split.empty())
                                  : config_.fewshot_split == config_.test_split;
    if (out_.num_fewshot > 0 && task_.fewshot_docs.empty()) {
      return InvalidArgument(fmt::format(
          "task {}: {} shots are asked for, but there is no split to take them from; set "
          "fewshot_split, or ask for 0",
          config_.task, out_.num_fewshot));
    }
    return OkStatus();
  }

  // Rows in evaluation order, the limit applied.
  std::vector<size_t> Order() {
    std::vector<size_t> order(task_.docs.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    const Json* shuffle = JsonFind(config_.overrides, "shuffle_documents");
    const bool wanted =
        shuffle != nullptr && shuffle->is_boolean() ? shuffle->get<bool>() : old_profile();
    if (wanted) random_->Shuffle(order);
    if (out_.options.limit && *out_.options.limit < static_cast<int64_t>(order.size())) {
      order.resize(static_cast<size_t>(std::max<int64_t>(0, *out_.options.limit)));
    }
    return order;
  }

  Result<Row> Read(const Json& doc) const {
    Row row;
    if (choice_.given()) {
      ASSIGN_OR_RETURN(const Json choices, choice_.Evaluate(doc, true));
      if (!choices.is_array() && !choices.is_object()) {
        return InvalidArgument("doc_to_choice gives no list of choices");
      }
      for (const Json& choice : choices) row.choices.push_back(Text(choice));
      if (multiple_choice() && row.choices.empty()) {
        return InvalidArgument("doc_to_choice gives an empty list");
      }
    }
    ASSIGN_OR_RETURN(const Json text, text_.Evaluate(doc, choice_.given()));
    if (text.is_number_integer() && choice_.given()) {
      return Unimplemented(
          "doc_to_text gives an index (a multiple-input task), which is not "
          "supported; write the choices as continuations");
    }
    row.question = Text(text);
    ASSIGN_OR_RETURN(row.target, target_.Evaluate(doc, choice_.given()));
    return row;
  }

  // The answer of a shot.
  static Result<std::string> Answer(const Row& row, bool has_choices) {
    const Json* target = &row.target;
    if (target->is_array()) {
      if (target->empty()) return InvalidArgument("doc_to_target gives an empty list");
      if (!has_choices) return Text(target->front());
      target = &target->front();
    }
    if (!has_choices || target->is_string()) return Text(*target);
    if (!target->is_number_integer()) return InvalidArgument("doc_to_target gives no index");
    const int64_t index = target->get<int64_t>();
    if (index < 0 || index >= static_cast<int64_t>(row.choices.size())) {
      return InvalidArgument(fmt::format("the gold index {} of a shot is not among its {} choices",
                                         index, row.choices.size()));
    }
    return row.choices[static_cast<size_t>(index)];
  }

  // Positions of the shots for `doc` in the pool, in prompt order.
  Result<std::vector<size_t>> Draw(const Json& doc) {
    const auto wanted = static_cast<size_t>(out_.num_fewshot);
    const auto& pool = task_.fewshot_docs;
    std::vector<size_t> drawn;
    if (config_.fewshot_sampler == "first_n") {
      for (size_t i = 0; i < pool.size() && drawn.size() < wanted; ++i) {
        if (!exclude_self_ || pool[i] != doc) drawn.push_back(i);
      }
    } else {
      const size_t count = wanted + (exclude_self_ ? 1 : 0);
      if (count > pool.size()) {
        return InvalidArgument(
            fmt::format("{} shots are asked for, but the pool has {} rows", count, pool.size()));
      }
      drawn = random_->Sample(pool.size(), count);
      if (exclude_self_) {
        std::erase_if(drawn, [&](size_t i) { return pool[i] == doc; });
        drawn.resize(std::min(drawn.size(), wanted));
      }
    }
    if (drawn.size() < wanted) {
      return InvalidArgument(
          fmt::format("{} shots are asked for, but the pool has {} rows", wanted, pool.size()));
    }
    return drawn;
  }

  Result<std::string> ShotsText(const Json& doc) {
    std::string text;
    if (out_.num_fewshot == 0) return text;
    ASSIGN_OR_RETURN(const std::vector<size_t> drawn, Draw(doc));
    for (const size_t index : drawn) {
      auto shot = ShotText(index);
      if (!shot.ok()) return shot.status().WithContext(fmt::format("shot {}", index));
      text += *shot;
    }
    return text;
  }

  // Question, answer and the delimiter behind them; the same row is rendered once.
  Result<std::string> ShotText(size_t index) {
    if (shot_texts_.empty()) shot_texts_.resize(task_.fewshot_docs.size());
    std::optional<std::string>& known = shot_texts_[index];
    if (known) return *known;
    ASSIGN_OR_RETURN(const Row row, Read(task_.fewshot_docs[index]));
    ASSIGN_OR_RETURN(const std::string answer, Answer(row, choice_.given()));
    std::string text = row.question;
    if (!answer.empty() || old_profile()) text += config_.target_delimiter + answer;
    text += old_profile() ? std::string(kParagraph) : config_.fewshot_delimiter;
    known = text;
    return text;
  }

  std::string Description() const {
    if (config_.description.empty()) return "";
    return old_profile() ? config_.description + kParagraph : config_.description;
  }

  Status AddDocument(size_t index) {
    const Json& doc = task_.docs[index];
    ASSIGN_OR_RETURN(const std::string shots, ShotsText(doc));
    ASSIGN_OR_RETURN(Row row, Read(doc));
    Document document;
    document.doc_id = static_cast<int64_t>(index);
    document.doc = doc;
    document.context = Description() + shots + row.question;
    document.target = row.target;
    document.first_request = static_cast<int32_t>(out_.requests.size());
    if (multiple_choice()) {
      RETURN_IF_ERROR(SetGold(row, document));
      document.choices = std::move(row.choices);
      for (const std::string& choice : document.choices) AddRequest(document, choice);
    } else {
      AddRequest(document, Text(row.target));
    }
    document.request_count = static_cast<int32_t>(out_.requests.size()) - document.first_request;
    out_.documents.push_back(std::move(document));
    if (static_cast<int64_t>(out_.requests.size()) > kRequestsMax) {
      return ResourceExhausted(fmt::format("more than {} requests", kRequestsMax));
    }
    return OkStatus();
  }

  void AddRequest(const Document& document, const std::string& choice) {
    Request request;
    request.document = static_cast<int32_t>(out_.documents.size());
    request.choice = static_cast<int32_t>(out_.requests.size()) - document.first_request;
    request.context = document.context;
    request.continuation = config_.target_delimiter + choice;
    out_.requests.push_back(std::move(request));
  }

  static Status SetGold(const Row& row, Document& document) {
    const auto add = [&](const Json& target) -> Status {
      int64_t index = -1;
      if (target.is_number_integer()) {
        index = target.get<int64_t>();
      } else {
        const auto found = std::find(row.choices.begin(), row.choices.end(), Text(target));
        if (found != row.choices.end()) index = found - row.choices.begin();
      }
      if (index < 0 || index >= static_cast<int64_t>(row.choices.size())) {
        return InvalidArgument(fmt::format(
            "the gold answer is not one of the {} choices; correct doc_to_target or the row",
            row.choices.size()));
      }
      document.gold.push_back(index);
      return OkStatus();
    };
    if (!row.target.is_array()) return add(row.target);
    for (const Json& target : row.target) RETURN_IF_ERROR(add(target));
    return OkStatus();
  }

  const Task& task_;
  const TaskConfig& config_;
  PreparedTask out_;
  Field text_, target_, choice_;
  std::optional<PythonRandom> random_;
  bool exclude_self_ = false;
  std::vector<std::optional<std::string>> shot_texts_;
};

}  // namespace

Result<PreparedTask> Prepare(const Task& task, const Options& options) {
  return Preparer(task, options).Run();
}

}  // namespace koeval::evaluation
