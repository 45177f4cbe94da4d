// koeval tokenize: JSON strings to JSON arrays of ids, line by line, and back.
#include <fmt/format.h>

#include <iostream>

#include "common/base/file.h"
#include "common/evaluation/tokenizer_generation.h"
#include "common/tokenizer/tokenizer.h"
#include "scheduler/cli/commands.h"
#include "scheduler/cli/exit_code.h"

namespace koeval::cli {
namespace {

constexpr size_t kConfigBytesMax = 16 << 20;

struct TokenizeFlags {
  std::string model;
  std::string profile = "lm-eval-0.4";
  bool no_special_tokens = false;
  bool skip_special_tokens = false;
  bool decode = false;
};

// model_type of config.json; empty when there is none, as a tokenizer alone may be asked.
Result<std::string> ModelType(const std::string& model) {
  const auto text = ReadFile(model + "/config.json", kConfigBytesMax);
  if (!text.ok()) return std::string();
  ASSIGN_OR_RETURN(const Json config, ParseJson(*text));
  const Json* type = JsonFind(config, "model_type");
  return type != nullptr && type->is_string() ? type->get<std::string>() : std::string();
}

Result<std::string> EncodeLine(const tokenizer::Tokenizer& tokenizer, const Json& line,
                               const TokenizeFlags& flags) {
  if (!line.is_string()) return InvalidArgument("is not a JSON string");
  ASSIGN_OR_RETURN(const auto ids,
                   tokenizer.Encode(line.get_ref<const std::string&>(), !flags.no_special_tokens));
  return Json(ids).dump();
}

Result<std::string> DecodeLine(const tokenizer::Tokenizer& tokenizer, const Json& line,
                               const TokenizeFlags& flags) {
  std::vector<int32_t> ids;
  if (!line.is_array()) return InvalidArgument("is not a JSON array of ids");
  for (const Json& id : line) {
    if (!id.is_number_integer() || id.get<int64_t>() < 0 || id.get<int64_t>() > INT32_MAX) {
      return InvalidArgument("is not a JSON array of ids");
    }
    ids.push_back(id.get<int32_t>());
  }
  ASSIGN_OR_RETURN(const std::string text, tokenizer.Decode(ids, flags.skip_special_tokens));
  return Json(text).dump();
}

Status Tokenize(const TokenizeFlags& flags) {
  ASSIGN_OR_RETURN(const evaluation::Profile profile, evaluation::ParseProfile(flags.profile));
  ASSIGN_OR_RETURN(const std::string model_type, ModelType(flags.model));
  const auto generation =
      static_cast<tokenizer::Generation>(evaluation::TokenizerGeneration(profile));
  ASSIGN_OR_RETURN(const auto tokenizer,
                   tokenizer::LoadTokenizer(flags.model, {generation, model_type}));
  std::string line;
  for (int64_t number = 1; std::getline(std::cin, line); ++number) {
    const auto answer = [&]() -> Result<std::string> {
      ASSIGN_OR_RETURN(const Json json, ParseJson(line));
      return flags.decode ? DecodeLine(*tokenizer, json, flags)
                          : EncodeLine(*tokenizer, json, flags);
    }();
    if (!answer.ok()) return answer.status().WithContext(fmt::format("input line {}", number));
    std::cout << *answer << '\n';
  }
  std::cout.flush();
  return OkStatus();
}

}  // namespace

void AddTokenizeCommand(CLI::App& app, Shell& shell) {
  auto flags = std::make_shared<TokenizeFlags>();
  CLI::App* command = app.add_subcommand(
      "tokenize", "One JSON string per input line becomes one JSON array of ids per output line");
  command->add_option("--model", flags->model, "Directory with the tokenizer's files")->required();
  command->add_flag("--no-special-tokens", flags->no_special_tokens, "Add no BOS or EOS");
  command->add_flag("--decode", flags->decode, "From arrays of ids to strings");
  command->add_flag("--skip-special-tokens", flags->skip_special_tokens, "With --decode");
  command->add_option("--profile", flags->profile,
                      "Whose rules read the files: lm-eval-0.4 (default) or leaderboard-v1");
  command->footer("Example:\n  echo '\"안녕하세요\"' | koeval tokenize --model configs/demo/model");
  command->callback([&shell, flags] {
    shell.command = [flags] {
      const Status status = Tokenize(*flags);
      return status.ok() ? kExitDone : Fail(status);
    };
  });
}

}  // namespace koeval::cli
