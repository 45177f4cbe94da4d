// The checks, one function each.
#include "common/hub/check.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <utility>

#include "common/base/file.h"
#include "common/base/json.h"
#include "common/base/size_text.h"
#include "common/evaluation/chat_options.h"
#include "common/evaluation/chat_template.h"
#include "common/hub/card_checks.h"
#include "common/hub/delta_signs.h"
#include "common/hub/model_card.h"
#include "common/model/checkpoint.h"
#include "common/model/config.h"
#include "common/model/generation_config.h"
#include "common/tokenizer/chat_template_files.h"
#include "common/tokenizer/tokenizer.h"

namespace koeval::hub {
namespace {

constexpr size_t kUnusedNamedMax = 5;
constexpr size_t kProblemsNamedMax = 5;
constexpr size_t kAdapterBytesMax = 1 << 20;
constexpr int64_t kForwardTokens = 2048;  // of one micro-batch of a plan, unless one row has more

int64_t ElementBytes(const std::string& precision) {
  return precision == "float32" ? 4 : 2;
}

// "ENDING: text" as the model library writes its errors; `fallback` where the name is not one.
void AddStatus(CheckReport& report, const Status& status, Ending fallback) {
  const std::string& text = status.message();
  const size_t colon = text.find(": ");
  if (colon != std::string::npos) {
    if (const auto ending = ParseEnding(text.substr(0, colon))) {
      report.Add(*ending, true, text.substr(colon + 2));
      return;
    }
  }
  report.Add(fallback, true, text);
}

std::string FirstOf(const std::vector<std::string>& texts, size_t most) {
  std::string out;
  for (size_t i = 0; i < std::min(texts.size(), most); ++i) {
    out += (i == 0 ? "" : "; ") + texts[i];
  }
  if (texts.size() > most) out += fmt::format("; and {} more", texts.size() - most);
  return out;
}

// The template in the form in which prompts are built with it.
Result<evaluation::ChatTemplateSource> FindChatTemplate(const std::string& dir,
                                                        const std::string& model_type,
                                                        const std::string& name) {
  ASSIGN_OR_RETURN(const auto templates,
                   tokenizer::ReadChatTemplates(dir, {.model_type = model_type}));
  evaluation::ChatTemplateSource source;
  ASSIGN_OR_RETURN(source.text, tokenizer::ChooseChatTemplate(templates, name));
  source.name = name.empty() ? "default" : name;
  source.special_tokens = templates.special_tokens;
  const auto parsed = evaluation::ChatTemplate::Make(source);
  if (!parsed.ok()) return parsed.status();
  return source;
}

// What the checks of one directory share.
class DirectoryCheck {
 public:
  DirectoryCheck(const std::string& dir, const CheckOptions& options)
      : dir_(dir), options_(options) {}

  CheckReport Run() {
    CheckPrecision();
    if (!CheckDirectory()) return std::move(report_);
    ReadCard();
    CheckDoNotSubmit(card_, options_.model, options_.policy, report_);
    if (CheckKind()) CheckModel();
    const CardDemands& demands =
        options_.model.empty() ? options_.policy.local_checks : options_.policy.hub_checks;
    CheckLicense(card_, options_.policy, demands, report_);
    CheckCardText(card_, has_card_, options_.policy, demands, report_);
    return std::move(report_);
  }

 private:
  void CheckModel() {
    CheckConfig();
    CheckGeneration();
    CheckWeights();
    CheckTokenizer();
    if (options_.chat_template) CheckChatTemplate();
  }

  bool Has(const char* name) const {
    std::error_code error;
    return std::filesystem::exists(dir_ + "/" + name, error);
  }

  // Closes the step that began when there were `first` findings.
  void End(const char* check, size_t first, std::string sentence) {
    if (!options_.model.empty()) {  // the folder is ours; the submitter knows file names only
      for (size_t i = first; i < report_.findings.size(); ++i) {
        DropFolder(report_.findings[i].message);
      }
    }
    report_.EndStep(check, first, std::move(sentence));
  }

  void DropFolder(std::string& text) const {
    const std::string prefix = dir_ + "/";
    for (size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at)) {
      text.erase(at, prefix.size());
    }
    for (size_t at = text.find(dir_); at != std::string::npos; at = text.find(dir_, at)) {
      text.replace(at, dir_.size(), "the repository");
    }
  }

  void CheckPrecision() {
    static constexpr std::array<const char*, 3> kKnown = {"float32", "bfloat16", "float16"};
    const size_t first = report_.findings.size();
    const std::string& precision = options_.precision;
    if (std::find(kKnown.begin(), kKnown.end(), precision) == kKnown.end()) {
      report_.Add(Ending::kInfeasible, true, "precision " + precision + " is not supported",
                  "Submit with float32, bfloat16 or float16.");
    }
    End("precision", first, precision);
  }

  bool CheckDirectory() {
    const size_t first = report_.findings.size();
    struct stat info {};
    if (::stat(dir_.c_str(), &info) != 0) {
      report_.Add(Ending::kModelNotFound, true, "there is no directory " + dir_);
    } else if (!S_ISDIR(info.st_mode)) {
      report_.Add(Ending::kModelNotFound, true, dir_ + " is not a directory");
    }
    const bool is_there = report_.findings.size() == first;
    if (options_.model.empty() || !is_there) End("directory", first, dir_);
    return is_there;
  }

  void ReadCard() {
    const auto text = ReadFile(dir_ + "/README.md", kCardBytesMax);
    has_card_ = text.ok();
    if (has_card_) card_ = ParseModelCard(*text);
    const std::filesystem::path whose = options_.model.empty() ? dir_ : options_.model;
    delta_ = FindDeltaSigns(whose.filename().string(), card_, has_card_ ? *text : "");
    AddCardFacts(card_, report_);
  }

  // The base model that adapter_config.json or the card names; "" for none.
  std::string BaseModel() const {
    if (const auto text = ReadFile(dir_ + "/adapter_config.json", kAdapterBytesMax); text.ok()) {
      const auto json = ParseJson(*text);
      const Json* base = json.ok() ? JsonFind(*json, "base_model_name_or_path") : nullptr;
      if (base != nullptr && base->is_string()) {
        return std::string(base->get_ref<const std::string&>().substr(0, kCardWordBytesMax));
      }
    }
    return card_.base_models.empty() ? "" : card_.base_models.front();
  }

  // What needs a base model to become whole: `what` says which.
  void RefuseParts(const std::string& what) {
    const std::string base = BaseModel();
    if (!base.empty()) report_.facts["base_model"] = base;
    report_.Add(Ending::kAdapterNotSupported, true,
                fmt::format("{}, and it {}; adapters and delta weights are not evaluated", what,
                            base.empty() ? "names no base model" : "is for " + base),
                base.empty() ? "Name the base model, merge the adapter or delta into it, publish "
                               "the merged weights as a repository of their own, and submit that."
                             : "Merge it into " + base +
                                   " (merge_and_unload of PEFT, then save_pretrained), publish "
                                   "the merged weights as a repository of their own, and submit "
                                   "that with weight type Original.");
  }

  // Whether the directory holds whole weights; if not, nothing else about them is worth a finding.
  bool CheckKind() {
    const size_t first = report_.findings.size();
    const std::string& type = options_.weight_type;
    const bool adapter = Has("adapter_config.json");
    const bool whole = Has("model.safetensors") || Has("model.safetensors.index.json");
    const bool wanted = type == "Original";
    if ((adapter && !whole) || !wanted) {
      RefuseParts(wanted ? "the repository holds an adapter (adapter_config.json)"
                         : "the weight type is " + type);
    } else if (delta_.verdict == DeltaVerdict::kIs) {
      RefuseParts("these are delta weights: " + delta_.what);
    } else if (delta_.verdict == DeltaVerdict::kPerhaps) {
      report_.Add(
          Ending::kAdapterNotSupported, false,
          "these may be delta weights, which score as noise: " + delta_.what,
          "Nothing has to be done if the weights are whole; else merge them into their base "
          "model, publish the merged weights, and submit those.");
    } else if (adapter) {
      report_.Add(Ending::kAdapterNotSupported, false,
                  "adapter_config.json lies beside whole weights: the whole weights are evaluated",
                  "Nothing has to be done if that is meant; else merge the adapter first.");
    }
    End("kind", first, "whole weights");
    return wanted && (!adapter || whole) && delta_.verdict != DeltaVerdict::kIs;
  }

  void CheckConfig() {
    const size_t first = report_.findings.size();
    auto config = model::ReadModelConfig(dir_);
    if (config.ok()) {
      config_ = *std::move(config);
      AddConfigFacts(*config_);
    } else {
      AddStatus(report_, config.status(), Ending::kBadCheckpoint);
    }
    End("config", first,
        config_ ? fmt::format("{}, {} layers, stored as {}", config_->spec.architecture,
                              config_->spec.layers.size(), config_->spec.stored_dtype)
                : "");
  }

  void AddConfigFacts(const model::ModelConfig& config) {
    Json& facts = report_.facts;
    const model::DecoderSpec& spec = config.spec;
    const int64_t length = model::EvaluationMaxLength(config);
    facts["architecture"] = spec.architecture;
    facts["model_type"] = spec.model_type;
    facts["dtype"] = spec.stored_dtype;
    facts["max_length"] = length;
    facts["layers"] = spec.layers.size();
    facts["vocab_size"] = spec.vocab_size;
    const auto need = [&](int64_t stored_tokens) {
      return model::EstimateMemory(spec, ElementBytes(options_.precision),
                                   std::max(length, kForwardTokens), stored_tokens);
    };
    facts["memory_bytes"] = need(length).Total();
    facts["stored_token_bytes"] = need(1).key_values - need(0).key_values;
  }

  void CheckGeneration() {
    if (!config_) return report_.Skip("generation", "needs a valid config.json");
    const size_t first = report_.findings.size();
    const auto read = model::ReadGenerationConfig(dir_, config_->json);
    std::string problem = read.problem;
    for (const int32_t id : read.end_ids) {
      if (!problem.empty() || id < config_->spec.vocab_size) continue;
      problem = fmt::format(
          "BAD_CHECKPOINT: generation_config.json: eos_token_id {} is outside the "
          "embedding of {} rows",
          id, config_->spec.vocab_size);
    }
    if (!problem.empty()) {
      const size_t colon = problem.find(": ");
      report_.Add(Ending::kBadCheckpoint, false,
                  colon == std::string::npos ? problem : problem.substr(colon + 2),
                  "Tasks that generate text would fail; others are not affected. Correct the file "
                  "if the suite generates.");
    }
    End("generation", first, fmt::format("{} tokens end a text", read.end_ids.size()));
  }

  void CheckWeights() {
    const size_t first = report_.findings.size();
    const auto checkpoint = model::Checkpoint::Open(dir_);
    if (!checkpoint.ok()) {
      AddStatus(report_, checkpoint.status(), Ending::kBadCheckpoint);
      End("weights", first, "");
      return report_.Skip("tensors", "needs weights that can be read");
    }
    report_.facts["weight_files"] = checkpoint->files().size();
    End("weights", first,
        fmt::format("{} tensors in {} safetensors file{}", checkpoint->tensor_count(),
                    checkpoint->files().size(), checkpoint->files().size() == 1 ? "" : "s"));
    if (!config_) return report_.Skip("tensors", "needs a valid config.json");
    CheckTensors(*checkpoint);
  }

  void CheckTensors(const model::Checkpoint& checkpoint) {
    const size_t first = report_.findings.size();
    const model::TensorReport tensors = model::CheckTensors(config_->spec, checkpoint);
    report_.facts["parameters"] = tensors.parameters;
    report_.facts["weights_bytes"] = tensors.stored_bytes;
    if (!tensors.problems.empty()) {
      report_.Add(Ending::kBadCheckpoint, true, FirstOf(tensors.problems, kProblemsNamedMax),
                  "Publish the weights that belong to this config.json (save_pretrained writes "
                  "both), then submit again.");
    }
    if (!tensors.unused.empty()) {
      report_.Add(
          Ending::kBadCheckpoint, false,
          "tensors that the architecture does not use: " + FirstOf(tensors.unused, kUnusedNamedMax),
          "Nothing has to be done if they are left-overs; else check that config.json names the "
          "right architecture.");
    }
    const int64_t most = options_.policy.parameters_max;
    if (most > 0 && tensors.parameters > most) {
      report_.Add(Ending::kInfeasible, true,
                  fmt::format("the model has {} parameters, and this leaderboard takes at most {}",
                              tensors.parameters, most),
                  "Submit a smaller model.");
    }
    End("tensors", first,
        fmt::format("all there: {} parameters, {}", tensors.parameters,
                    SizeText(tensors.stored_bytes)));
  }

  void CheckTokenizer() {
    const size_t first = report_.findings.size();
    const std::string model_type = config_ ? config_->spec.model_type : "";
    int32_t ids = 0;
    for (const auto generation : {tokenizer::Generation::k5, tokenizer::Generation::k4}) {
      const auto loaded = tokenizer::LoadTokenizer(dir_, {generation, model_type});
      if (!loaded.ok()) {
        AddStatus(report_, loaded.status(), Ending::kBadTokenizer);
        break;
      }
      ids = (*loaded)->vocab_size();
      report_.facts["tokenizer_ids"] = ids;
      if (config_ && ids > config_->spec.vocab_size) {
        // Ids above the embedding crash a forward only when a text produces them.
        report_.Add(
            Ending::kBadTokenizer, true,
            fmt::format("the tokenizer has {} ids, but the embedding has only {} rows", ids,
                        config_->spec.vocab_size),
            "Resize the embedding to the tokenizer, or remove the added tokens, and submit again.");
        break;
      }
    }
    End("tokenizer", first, fmt::format("{} ids", ids));
  }

  void CheckChatTemplate() {
    const size_t first = report_.findings.size();
    const auto source =
        FindChatTemplate(dir_, config_ ? config_->spec.model_type : "", *options_.chat_template);
    if (source.ok()) {
      report_.facts["chat_template"] = evaluation::ChatTemplateToJson(*source);
    } else {
      report_.Add(Ending::kBadTokenizer, true, source.status().message(),
                  "Submit without a chat template, or add one that works to the repository.");
    }
    End("chat template", first, source.ok() ? "\"" + source->name + "\" is there" : "");
  }

  const std::string& dir_;
  const CheckOptions& options_;
  CheckReport report_;
  ModelCard card_;
  DeltaSigns delta_;
  bool has_card_ = false;
  std::optional<model::ModelConfig> config_;
};

}  // namespace

CheckReport CheckModelDir(const std::string& dir, const CheckOptions& options) {
  return DirectoryCheck(dir, options).Run();
}

}  // namespace koeval::hub
