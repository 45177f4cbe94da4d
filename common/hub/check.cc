// The checks, one function each.
#include "common/hub/check.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <optional>

#include "common/evaluation/chat_options.h"
#include "common/evaluation/chat_template.h"
#include "common/model/checkpoint.h"
#include "common/model/config.h"
#include "common/tokenizer/chat_template_files.h"
#include "common/tokenizer/tokenizer.h"

namespace koeval::hub {
namespace {

constexpr size_t kUnusedNamedMax = 5;
constexpr size_t kProblemsNamedMax = 5;
constexpr int64_t kForwardTokens = 2048;  // of one micro-batch of a plan, unless one row has more

void Add(CheckReport& report, Ending code, bool is_error, std::string message,
         std::string remedy = "") {
  if (remedy.empty()) remedy = InfoOf(code).submitter_text;
  report.findings.push_back({code, is_error, std::move(message), std::move(remedy)});
}

int64_t ElementBytes(const std::string& precision) {
  return precision == "float32" ? 4 : 2;
}

// "ENDING: text" as the model library writes its errors; `fallback` where the name is not one.
void AddStatus(CheckReport& report, const Status& status, Ending fallback) {
  const std::string& text = status.message();
  const size_t colon = text.find(": ");
  if (colon != std::string::npos) {
    if (const auto ending = ParseEnding(text.substr(0, colon))) {
      Add(report, *ending, true, text.substr(colon + 2));
      return;
    }
  }
  Add(report, fallback, true, text);
}

bool CheckDirectory(CheckReport& report, const std::string& dir) {
  struct stat info {};
  if (::stat(dir.c_str(), &info) != 0) {
    Add(report, Ending::kModelNotFound, true, "there is no directory " + dir);
    return false;
  }
  if (!S_ISDIR(info.st_mode)) {
    Add(report, Ending::kModelNotFound, true, dir + " is not a directory");
    return false;
  }
  return true;
}

std::optional<model::ModelConfig> CheckConfig(CheckReport& report, const std::string& dir,
                                              const std::string& precision) {
  auto config = model::ReadModelConfig(dir);
  if (!config.ok()) {
    AddStatus(report, config.status(), Ending::kBadCheckpoint);
    return std::nullopt;
  }
  report.facts["architecture"] = config->spec.architecture;
  report.facts["model_type"] = config->spec.model_type;
  report.facts["dtype"] = config->spec.stored_dtype;
  report.facts["max_length"] = model::EvaluationMaxLength(*config);
  report.facts["layers"] = config->spec.layers.size();
  report.facts["vocab_size"] = config->spec.vocab_size;
  const int64_t length = model::EvaluationMaxLength(*config);
  report.facts["memory_bytes"] =
      model::EstimateMemory(config->spec, ElementBytes(precision), std::max(length, kForwardTokens),
                            /*stored_tokens=*/length)
          .Total();
  return *std::move(config);
}

std::string FirstOf(const std::vector<std::string>& texts, size_t most) {
  std::string out;
  for (size_t i = 0; i < std::min(texts.size(), most); ++i) {
    out += (i == 0 ? "" : "; ") + texts[i];
  }
  if (texts.size() > most) out += fmt::format("; and {} more", texts.size() - most);
  return out;
}

void CheckWeights(CheckReport& report, const std::string& dir,
                  const std::optional<model::ModelConfig>& config) {
  const auto checkpoint = model::Checkpoint::Open(dir);
  if (!checkpoint.ok()) {
    AddStatus(report, checkpoint.status(), Ending::kBadCheckpoint);
    return;
  }
  report.facts["weight_files"] = checkpoint->files().size();
  if (!config) return;  // without a config there is nothing to compare the tensors with
  const model::TensorReport tensors = model::CheckTensors(config->spec, *checkpoint);
  report.facts["parameters"] = tensors.parameters;
  report.facts["weights_bytes"] = tensors.stored_bytes;
  if (!tensors.problems.empty()) {
    Add(report, Ending::kBadCheckpoint, true, FirstOf(tensors.problems, kProblemsNamedMax));
  }
  if (!tensors.unused.empty()) {
    Add(report, Ending::kBadCheckpoint, false,
        "tensors that the architecture does not use: " + FirstOf(tensors.unused, kUnusedNamedMax),
        "Nothing has to be done if they are left-overs; else check that config.json names the "
        "right architecture.");
  }
}

void CheckTokenizer(CheckReport& report, const std::string& dir,
                    const std::optional<model::ModelConfig>& config) {
  const std::string model_type = config ? config->spec.model_type : "";
  for (const auto generation : {tokenizer::Generation::k5, tokenizer::Generation::k4}) {
    const auto loaded = tokenizer::LoadTokenizer(dir, {generation, model_type});
    if (!loaded.ok()) {
      AddStatus(report, loaded.status(), Ending::kBadTokenizer);
      return;
    }
    const int32_t ids = (*loaded)->vocab_size();
    report.facts["tokenizer_ids"] = ids;
    if (config && ids > config->spec.vocab_size) {
      // Ids above the embedding crash a forward only when a text produces them.
      Add(report, Ending::kBadTokenizer, true,
          fmt::format("the tokenizer has {} ids, but the embedding has only {} rows", ids,
                      config->spec.vocab_size),
          "Resize the embedding to the tokenizer, or remove the added tokens, and submit again.");
      return;
    }
  }
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

void CheckChatTemplate(CheckReport& report, const std::string& dir,
                       const std::optional<model::ModelConfig>& config, const std::string& name) {
  const auto source = FindChatTemplate(dir, config ? config->spec.model_type : "", name);
  if (source.ok()) {
    report.facts["chat_template"] = evaluation::ChatTemplateToJson(*source);
    return;
  }
  Add(report, Ending::kBadTokenizer, true, source.status().message(),
      "Submit without a chat template, or add one that works to the repository.");
}

void CheckPrecision(CheckReport& report, const std::string& precision) {
  static constexpr std::array<const char*, 3> kKnown = {"float32", "bfloat16", "float16"};
  if (std::find(kKnown.begin(), kKnown.end(), precision) == kKnown.end()) {
    Add(report, Ending::kInfeasible, true, "precision " + precision + " is not supported",
        "Submit with float32, bfloat16 or float16.");
  }
}

}  // namespace

bool CheckReport::ok() const {
  return std::none_of(findings.begin(), findings.end(),
                      [](const CheckFinding& finding) { return finding.is_error; });
}

CheckReport CheckModelDir(const std::string& dir, const std::string& precision,
                          const std::optional<std::string>& chat_template) {
  CheckReport report;
  CheckPrecision(report, precision);
  if (!CheckDirectory(report, dir)) return report;
  const auto config = CheckConfig(report, dir, precision);
  CheckWeights(report, dir, config);
  CheckTokenizer(report, dir, config);
  if (chat_template) CheckChatTemplate(report, dir, config, *chat_template);
  return report;
}

Json ToJson(const CheckReport& report) {
  Json findings = Json::array();
  for (const CheckFinding& finding : report.findings) {
    findings.push_back({{"code", EndingName(finding.code)},
                        {"severity", finding.is_error ? "error" : "warning"},
                        {"message", finding.message},
                        {"remedy", finding.remedy}});
  }
  return {{"ok", report.ok()}, {"findings", findings}, {"facts", report.facts}};
}

}  // namespace koeval::hub
