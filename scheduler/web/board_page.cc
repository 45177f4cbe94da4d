// The leaderboard as a page.
#include "scheduler/web/board_page.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "scheduler/web/format.h"
#include "scheduler/web/texts.h"

namespace koeval::web {
namespace {

std::string Label(const BoardColumn& column, Language language) {
  if (!column.name.empty()) return column.name;
  const auto words = [&column]() -> const Words& {
    if (column.id == "average") return texts::kAverage;
    if (column.id == "type") return texts::kType;
    if (column.id == "parameters") return texts::kSize;
    if (column.id == "precision") return texts::kPrecision;
    if (column.id == "settings") return texts::kPrompts;
    if (column.id == "license") return texts::kLicense;
    if (column.id == "likes") return texts::kLikes;
    if (column.id == "architecture") return texts::kArchitecture;
    if (column.id == "weight_type") return texts::kWeightType;
    if (column.id == "revision") return texts::kRevision;
    if (column.id == "evaluated") return texts::kEvaluated;
    return texts::kUnknown;
  };
  return words().In(language);
}

bool IsNumber(const BoardColumn& column) {
  return column.is_score || column.id == "parameters" || column.id == "likes";
}

std::string UrlOf(const BoardQuery& query) {
  const std::string params = ToParams(query).ToQuery();
  return params.empty() ? "/" : "/?" + params;
}

// --- Filters ---

void AddOptions(const std::vector<std::string>& values, const std::vector<std::string>& chosen,
                const char* any, Html* html) {
  html->Add(R"(<option value="">{}</option>)", any);
  for (const std::string& value : values) {
    const bool is_chosen = std::find(chosen.begin(), chosen.end(), value) != chosen.end();
    html->Add(R"(<option value="{}"{}>{}</option>)", value, Markup{is_chosen ? " selected" : ""},
              value);
  }
}

void AddSelect(const char* name, const char* label, const std::vector<std::string>& values,
               const std::vector<std::string>& chosen, const char* any, Html* html) {
  if (values.empty()) return;
  html->Add(R"(<label>{} <select name="{}">)", label, name);
  AddOptions(values, chosen, any, html);
  html->Add("</select></label>");
}

void AddCheckBox(const char* name, std::string_view value, std::string_view label, bool checked,
                 Html* html) {
  html->Add(R"(<label class="box"><input type="checkbox" name="{}" value="{}"{}> {}</label>)", name,
            value, Markup{checked ? " checked" : ""}, label);
}

std::string NumberText(const std::optional<double>& value) {
  return value ? fmt::format("{}", *value) : "";
}

void AddSizes(const BoardQuery& query, Language language, Html* html) {
  constexpr std::array<const char*, 2> kNames = {"min_b", "max_b"};
  const std::array<Words, 2> labels = {texts::kSizeLeast, texts::kSizeMost};
  const std::array<std::optional<double>, 2> values = {query.billions_least, query.billions_most};
  for (size_t i = 0; i < kNames.size(); ++i) {
    html->Add(
        R"(<label>{} <input type="number" name="{}" min="0" step="any" inputmode="decimal" value="{}"></label>)",
        labels[i].In(language), kNames[i], NumberText(values[i]));
  }
}

void AddColumnChoice(const BoardSelection& selection, Language language, Html* html) {
  html->Add(R"(<fieldset class="columns"><legend>{}</legend>)", texts::kColumns.In(language));
  for (const BoardColumn& column : BoardColumns(selection.board)) {
    const bool chosen =
        std::any_of(selection.columns.begin(), selection.columns.end(),
                    [&column](const BoardColumn& shown) { return shown.id == column.id; });
    AddCheckBox("col", column.id, Label(column, language), chosen, html);
  }
  html->Add("</fieldset>");
}

void AddHidden(const char* name, std::string_view value, Html* html) {
  html->Add(R"(<input type="hidden" name="{}" value="{}">)", name, value);
}

void AddRowsChoice(const BoardQuery& query, Language language, Html* html) {
  html->Add(R"(<label>{} <select name="rows">)", texts::kRowsPerPage.In(language));
  for (const int64_t rows : {int64_t{50}, kRowsPerPageDefault, int64_t{1'000}, int64_t{0}}) {
    html->Add(R"(<option value="{}"{}>{}</option>)", rows,
              Markup{rows == query.rows_per_page ? " selected" : ""},
              rows == 0 ? std::string(texts::kAll.In(language)) : fmt::format("{}", rows));
  }
  html->Add("</select></label>");
}

// Of the suite, where there are evaluations in earlier ones; the current one by default.
void AddVersions(const Board& board, Language language, Html* html) {
  if (board.versions.size() < 2) return;
  html->Add(R"(<label>{} <select name="version">)", texts::kVersionOfSuite.In(language));
  for (const std::string& version : board.versions) {
    html->Add(R"(<option value="{}"{}>{}</option>)",
              version == board.versions.front() ? "" : version,
              Markup{version == board.version ? " selected" : ""}, version);
  }
  html->Add("</select></label>");
}

// Of prompts; only where the board has rows that differ in them.
void AddSettingsChoice(const BoardSelection& selection, Language language, Html* html) {
  const Board& board = selection.board;
  const bool differ =
      std::any_of(board.rows.begin(), board.rows.end(),
                  [&board](const BoardRow& row) { return !SettingsOf(board, row).empty(); });
  if (!differ && selection.query.settings.empty()) return;
  constexpr std::array<const char*, 4> kValues = {"", "standard", "chat", "other"};
  const std::array<Words, 4> labels = {texts::kAny, texts::kStandard, texts::kChat,
                                       texts::kOtherSettings};
  html->Add(R"(<label>{} <select name="settings">)", texts::kPrompts.In(language));
  for (size_t i = 0; i < kValues.size(); ++i) {
    html->Add(R"(<option value="{}"{}>{}</option>)", kValues[i],
              Markup{selection.query.settings == kValues[i] ? " selected" : ""},
              labels[i].In(language));
  }
  html->Add("</select></label>");
}

// What fewer readers want, behind one line that is open while any of it is used.
void AddMore(const BoardSelection& selection, const BoardChoices& choices, Language language,
             Html* html) {
  const BoardQuery& query = selection.query;
  const bool used = !query.licenses.empty() || query.billions_least || query.billions_most ||
                    query.show_flagged || !query.version.empty() || !query.columns.empty() ||
                    query.rows_per_page != kRowsPerPageDefault;
  html->Add(R"(<details class="more"{}><summary>{}</summary><div class="fields">)",
            Markup{used ? " open" : ""}, texts::kMore.In(language));
  AddSelect("license", texts::kLicense.In(language), choices.licenses, query.licenses,
            texts::kAny.In(language), html);
  AddSizes(query, language, html);
  AddVersions(selection.board, language, html);
  AddRowsChoice(query, language, html);
  AddCheckBox("flagged", "1", texts::kShowFlagged.In(language), query.show_flagged, html);
  AddColumnChoice(selection, language, html);
  html->Add("</div></details>");
}

Markup Filters(const PageContext& context, const BoardSelection& selection,
               const std::vector<SuiteChoice>& suites) {
  const Language language = context.language;
  const BoardQuery& query = selection.query;
  const BoardChoices choices = ChoicesOf(selection.board);
  const char* any = texts::kAny.In(language);
  Html html;
  html.Add(R"(<form class="filters" action="/" method="get" role="search" data-live-form>)");
  if (suites.size() > 1) {
    html.Add(R"(<label>{} <select name="suite">)", texts::kSuite.In(language));
    for (const SuiteChoice& suite : suites) {
      html.Add(R"(<option value="{}"{}>{}</option>)", suite.name,
               Markup{suite.name == selection.board.suite ? " selected" : ""}, suite.title);
    }
    html.Add("</select></label>");
  }
  html.Add(R"(<label>{} <input type="search" name="q" value="{}"></label>)",
           texts::kSearch.In(language), query.search);
  AddSelect("type", texts::kType.In(language), choices.types, query.types, any, &html);
  AddSelect("precision", texts::kPrecision.In(language), choices.precisions, query.precisions, any,
            &html);
  AddSettingsChoice(selection, language, &html);
  if (query.sort != "average" || !query.descending) {
    AddHidden("sort", query.sort, &html);
    AddHidden("order", query.descending ? "desc" : "asc", &html);
  }
  BoardQuery fresh;
  fresh.suite = query.suite;
  html.Add(
      R"(<div class="actions"><button type="submit">{}</button><a class="button quiet" href="{}">{}</a></div>)",
      texts::kApply.In(language), UrlOf(fresh), texts::kReset.In(language));
  AddMore(selection, choices, language, &html);
  html.Add("</form>");
  return html.Take();
}

// --- Table ---

void AddHeader(const BoardSelection& selection, const char* id, std::string_view label,
               std::string_view css, Html* html) {
  const BoardQuery& query = selection.query;
  const bool sorted = query.sort == id;
  BoardQuery next = query;
  next.sort = id;
  next.page = 1;
  const bool is_text = std::string_view(id) == "model" || css.find("number") == std::string::npos;
  next.descending = sorted ? !query.descending : !is_text;
  const char* direction = !sorted            ? ""
                          : query.descending ? " aria-sort=\"descending\""
                                             : " aria-sort=\"ascending\"";
  html->Add(R"(<th scope="col" class="{}"{}><a href="{}">{}</a></th>)", css, Markup{direction},
            UrlOf(next), label);
}

void AddScore(const std::optional<ScoreCell>& cell, std::string_view css, std::string_view label,
              Html* html) {
  html->Add(R"(<td class="{}" data-label="{}">)", css, label);
  if (!cell || !std::isfinite(cell->value)) {
    html->Add("–</td>");
    return;
  }
  html->Add("{}", Percent(cell->value));
  const std::string error = PlusMinus(cell->stderr_value);
  if (!error.empty()) html->Add(R"( <small>{}</small>)", error);
  html->Add("</td>");
}

void AddText(std::string_view text, const char* css, std::string_view label, Html* html) {
  html->Add(R"(<td class="{}" data-label="{}">{}</td>)", css, label, text.empty() ? "–" : text);
}

std::string SettingLabel(Setting setting, const BoardRow& row, Language language) {
  const std::string name = row.prompts.chat_template.value_or("");
  switch (setting) {
    case Setting::kChatTemplate:
      return texts::kChat.In(language) + (name.empty() ? name : " " + name);
    case Setting::kFewshotInOneTurn:
      return texts::kOneTurn.In(language);
    case Setting::kSystemInstruction:
      return texts::kSystemInstruction.In(language);
    case Setting::kProfile:
      return texts::kProfile.In(language) + std::string(" ") + row.profile;
  }
  return "";
}

std::string SettingsLabel(const Board& board, const BoardRow& row, Language language) {
  std::string out;
  for (const Setting setting : SettingsOf(board, row)) {
    out += (out.empty() ? "" : ", ") + SettingLabel(setting, row, language);
  }
  return out.empty() ? texts::kStandard.In(language) : out;
}

void AddCell(const BoardSelection& selection, const BoardRow& row, const BoardColumn& column,
             size_t score, std::string_view label, Language language, Html* html) {
  if (column.id == "average") return AddScore(row.average, "number average", label, html);
  if (column.is_score) return AddScore(row.scores[score], "number", label, html);
  if (column.id == "type") {
    const std::string sign = row.type_icon.empty() ? "" : row.type_icon + " ";
    return AddText(sign + row.model_type, "short", label, html);
  }
  if (column.id == "precision") return AddText(row.precision, "short", label, html);
  if (column.id == "settings") {
    return AddText(SettingsLabel(selection.board, row, language), "", label, html);
  }
  if (column.id == "license") return AddText(row.license, "", label, html);
  if (column.id == "architecture") return AddText(row.architecture, "", label, html);
  if (column.id == "weight_type") return AddText(row.weight_type, "", label, html);
  if (column.id == "revision") return AddText(ShortRevision(row.revision), "code", label, html);
  if (column.id == "parameters") {
    return AddText(ParameterText(row.parameters), "number", label, html);
  }
  if (column.id == "likes") {
    return AddText(row.likes ? fmt::format("{}", *row.likes) : "", "number", label, html);
  }
  html->Add(R"(<td data-label="{}">{}</td>)", label, TimeElement(row.finished_at_us));
}

void AddFlag(const std::string& reason, const std::string& url, Language language, Html* html) {
  html->Add(R"( <span class="tag bad">{}: {}</span>)", texts::kFlagged.In(language), reason);
  if (!url.starts_with("https://") && !url.starts_with("http://")) return;
  html->Add(R"( <a href="{}" rel="noopener noreferrer nofollow">{}</a>)", url,
            texts::kDiscussion.In(language));
}

// What of a setting is too long for the table.
Markup TitleOf(Setting setting, const BoardRow& row) {
  Html html;
  if (setting == Setting::kSystemInstruction) {
    html.Add(R"( title="{}")", row.prompts.system_instruction);
  }
  return html.Take();
}

void AddModel(const Board& board, const BoardRow& row, Language language, Html* html) {
  if (row.is_imported) {
    html->Add(R"(<th scope="row" class="model">{} <span class="tag">{}</span>)", row.model,
              texts::kImported.In(language));
  } else {
    html->Add(R"(<th scope="row" class="model"><a href="/requests/{}">{}</a>)",
              UrlComponent(row.request), row.model);
  }
  if (row.deleted) html->Add(R"( <span class="tag warn">{}</span>)", texts::kDeleted.In(language));
  for (const Setting setting : SettingsOf(board, row)) {
    html->Add(R"( <span class="tag"{}>{}</span>)", TitleOf(setting, row),
              SettingLabel(setting, row, language));
  }
  for (const std::string& flag : row.flags) AddFlag(flag, row.flag_url, language, html);
  html->Add("</th>");
}

// Where the values of a score column stand in a row's scores.
size_t ScoreIndex(const Board& board, const BoardColumn& column) {
  const auto found = std::find(board.columns.begin(), board.columns.end(), column.name);
  return static_cast<size_t>(found - board.columns.begin());
}

Markup Table(const PageContext& context, const BoardSelection& selection,
             std::span<const BoardRow* const> rows) {
  const Language language = context.language;
  Html html;
  html.Add(
      R"(<div class="scroll" tabindex="0" role="region" aria-label="{}"><table class="board"><thead><tr>)",
      texts::kScrollTable.In(language));
  html.Add(R"(<th scope="col" class="number rank">{}</th>)", texts::kRank.In(language));
  AddHeader(selection, "model", texts::kModel.In(language), "model", &html);
  std::vector<std::string> labels;
  std::vector<size_t> indices;
  for (const BoardColumn& column : selection.columns) {
    labels.push_back(Label(column, language));
    indices.push_back(ScoreIndex(selection.board, column));
    AddHeader(selection, column.id.c_str(), labels.back(),
              column.id == "average" ? "number average"
              : IsNumber(column)     ? "number"
                                     : "",
              &html);
  }
  html.Add("</tr></thead><tbody>");
  for (const BoardRow* row : rows) {
    html.Add(R"(<tr><td class="number rank">{}</td>)",
             row->rank == 0 ? "–" : fmt::format("{}", row->rank));
    AddModel(selection.board, *row, language, &html);
    for (size_t i = 0; i < selection.columns.size(); ++i) {
      AddCell(selection, *row, selection.columns[i], indices[i], labels[i], language, &html);
    }
    html.Add("</tr>\n");
  }
  html.Add("</tbody></table></div>");
  return html.Take();
}

void AddPageLink(BoardQuery query, int64_t page, const char* label, const char* rel, Html* html) {
  query.page = page;
  html->Add(R"(<li><a class="button quiet" rel="{}" href="{}">{}</a></li>)", rel, UrlOf(query),
            label);
}

Markup PageLinks(const PageContext& context, const BoardQuery& query, int64_t pages) {
  Html html;
  if (pages <= 1) return html.Take();
  html.Add(R"(<nav class="pages" aria-label="{}"><ul>)", texts::kPagesOfTable.In(context.language));
  if (query.page > 1) {
    AddPageLink(query, query.page - 1, texts::kPrevious.In(context.language), "prev", &html);
  }
  html.Add("<li>{} / {}</li>", query.page, pages);
  if (query.page < pages) {
    AddPageLink(query, query.page + 1, texts::kNext.In(context.language), "next", &html);
  }
  html.Add("</ul></nav>");
  return html.Take();
}

Markup Downloads(const PageContext& context, const BoardQuery& query) {
  BoardQuery all = query;
  all.page = 1;
  all.rows_per_page = 0;
  if (all.suite.empty()) all.suite = "";
  const std::string params = ToParams(all).ToQuery();
  Html html;
  html.Add(
      R"(<p class="downloads">{}: <a href="/leaderboard.csv?{}" download>CSV</a> <a href="/leaderboard.json?{}" download>JSON</a></p>)",
      texts::kDownload.In(context.language), params, params);
  return html.Take();
}

}  // namespace

std::string RenderBoardPage(const PageContext& context, const BoardSelection& selection,
                            const std::vector<SuiteChoice>& suites) {
  const Language language = context.language;
  const BoardQuery& query = selection.query;
  const auto rows = RowsOfPage(selection);
  const auto size = static_cast<int64_t>(selection.rows.size());
  const int64_t pages =
      query.rows_per_page == 0 ? 1 : (size + query.rows_per_page - 1) / query.rows_per_page;
  Html html;
  html.Add(R"(<div class="heading"><h1>{}</h1><p class="quiet">{} {}</p></div>)",
           selection.board.title.empty() ? selection.board.suite : selection.board.title,
           texts::kSuiteVersion.In(language), selection.board.version);
  html.Add("{}", Filters(context, selection, suites));
  html.Add(R"(<div id="results" aria-live="polite">)");
  if (selection.board.rows.empty()) {
    html.Add(R"(<p class="notice">{}</p>)", texts::kNoRows.In(language));
  } else if (selection.rows.empty()) {
    html.Add(R"(<p class="notice">{}</p>)", texts::kNoMatch.In(language));
  } else {
    html.Add(R"(<div class="over"><p class="quiet">{}</p>{}</div>)",
             FillIn(texts::kShown.In(language),
                    {size, static_cast<int64_t>(selection.board.rows.size())}),
             Downloads(context, query));
    html.Add("{}", Table(context, selection, rows));
    html.Add("{}", PageLinks(context, query, pages));
  }
  html.Add(R"(<p class="note">{}</p></div>)", texts::kScoreNote.In(language));
  return RenderPage(context, Tab::kLeaderboard, texts::kLeaderboard.In(language), html.Take());
}

}  // namespace koeval::web
