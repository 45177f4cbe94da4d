// Models with what is known about them.
#include <fmt/format.h>

#include "common/base/clock.h"
#include "scheduler/cli/render.h"
#include "scheduler/cli/table.h"

namespace koeval::cli {
namespace {

constexpr int kModelColumnsLeast = 16;
constexpr int64_t kMillion = 1'000'000;
constexpr int64_t kBillion = 1'000 * kMillion;

std::string Note(const ModelView& model) {
  std::string note = model.flag ? "flagged" : "";
  if (model.deleted_at_us != 0) note += note.empty() ? "deleted" : ", deleted";
  return note;
}

// The reason and who gave it, behind the table.
std::string FlagText(const Terminal& terminal, const FlagView& flag) {
  std::string text = fmt::format("{} is flagged: {}", flag.model, flag.reason);
  if (!flag.url.empty()) text += " " + flag.url;
  text += fmt::format(" ({}, {})", flag.set_by, FormatUtc({flag.set_at_us}));
  return Wrap(text, terminal.width, "") + "\n";
}

}  // namespace

std::string ParameterText(const std::optional<int64_t>& parameters) {
  if (!parameters) return "";
  const auto count = static_cast<double>(*parameters);
  if (*parameters >= kBillion) return fmt::format("{:.1f} B", count / kBillion);
  if (*parameters >= kMillion) return fmt::format("{:.0f} M", count / kMillion);
  return std::to_string(*parameters);
}

std::string RenderModels(const Terminal& terminal, const std::vector<ModelView>& models) {
  std::vector<std::vector<Cell>> rows;
  std::string flags;
  for (const ModelView& model : models) {
    rows.push_back({model.model, model.icon.empty() ? model.type : model.icon + " " + model.type,
                    ParameterText(model.parameters), model.precision, model.license,
                    model.likes ? std::to_string(*model.likes) : "", model.architecture,
                    Cell(Note(model), Paint::kYellow)});
    if (model.flag) flags += FlagText(terminal, *model.flag);
  }
  return RenderTable(terminal,
                     {{"model", false, kModelColumnsLeast, true, true},
                      {"type", false},
                      {"params", true},
                      {"precision", false},
                      {"license", false},
                      {"likes", true},
                      {"architecture", false, 8, true},
                      {"note", false}},
                     rows) +
         (flags.empty() ? "" : "\n" + flags);
}

}  // namespace koeval::cli
