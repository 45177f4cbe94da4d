// The form of a submission.
#include "scheduler/web/submit_page.h"

#include <fmt/core.h>

#include <array>
#include <cstdint>

#include "common/base/size_text.h"
#include "scheduler/web/format.h"
#include "scheduler/web/reasons.h"
#include "scheduler/web/texts.h"

namespace koeval::web {
namespace {

constexpr std::array<const char*, 3> kPrecisions = {"float16", "bfloat16", "float32"};
constexpr std::array<const char*, 3> kWeightTypes = {"Original", "Delta", "Adapter"};
// Names of scheduler/board/model_type.h.
constexpr std::array<const char*, 6> kModelTypes = {"pretrained", "continually pretrained",
                                                    "fine-tuned", "instruction-tuned",
                                                    "RL-tuned",   "merged"};

template <typename Values>
void AddSelect(const char* name, const char* label, const Values& values, const std::string& chosen,
               bool with_none, Html* html) {
  html->Add(R"(<label>{} <select name="{}">)", label, name);
  if (with_none) html->Add(R"(<option value="">–</option>)");
  for (const char* value : values) {
    html->Add(R"(<option value="{}"{}>{}</option>)", value,
              Markup{chosen == value ? " selected" : ""}, value);
  }
  html->Add("</select></label>");
}

std::string SuiteLabel(const cli::SuiteView& suite, Language language) {
  const std::string& title = suite.title.empty() ? suite.name : suite.title;
  if (suite.unavailable.empty()) return title;
  return title + " (" + texts::kUnavailable.In(language) + ")";
}

void AddSuites(const SubmitPageView& view, Language language, Html* html) {
  html->Add(R"(<label>{} <select name="suite">)", texts::kSuite.In(language));
  for (const cli::SuiteView& suite : view.suites) {
    const bool chosen =
        view.fields.suite.empty() ? suite.is_default : view.fields.suite == suite.name;
    html->Add(R"(<option value="{}"{}{}>{}</option>)", suite.name,
              Markup{chosen ? " selected" : ""},
              Markup{suite.unavailable.empty() ? "" : " disabled"}, SuiteLabel(suite, language));
  }
  html->Add("</select></label>");
}

void AddRow(const char* name, std::string_view value, Html* html) {
  if (!value.empty()) html->Add("<div><dt>{}</dt><dd>{}</dd></div>", name, value);
}

// Of a fact of the checks; its key where nobody has named it.
const char* FactName(const std::string& key, Language language) {
  if (key == "architecture") return texts::kArchitecture.In(language);
  if (key == "parameters") return texts::kSize.In(language);
  if (key == "dtype") return texts::kStoredDtype.In(language);
  if (key == "max_length") return texts::kContextLength.In(language);
  if (key == "vocab_size") return texts::kVocabulary.In(language);
  return key == "commit" ? texts::kCommit.In(language) : key.c_str();
}

std::string StartText(const cli::DryRunView& run, Language language) {
  if (!run.start_ms) return texts::kStartUnknown.In(language);
  if (*run.start_ms == 0) return texts::kStartNow.In(language);
  return DurationText(*run.start_ms, language);
}

// What a submission costs, where it would run, and when.
void AddRun(const cli::DryRunView& run, Language language, Html* html) {
  if (run.tasks.empty()) return;  // the checks failed before
  int64_t documents = 0;
  int64_t requests = 0;
  int64_t tokens = 0;
  for (const cli::DryRunView::Task& task : run.tasks) {
    documents += task.documents;
    requests += task.requests;
    tokens += task.prompt_tokens;
  }
  html->Add(R"(<p>{}</p><dl class="facts">)", texts::kWouldRun.In(language));
  AddRow(texts::kTasks.In(language), std::to_string(run.tasks.size()), html);
  AddRow(texts::kDocuments.In(language), std::to_string(documents), html);
  AddRow(texts::kRequests.In(language), std::to_string(requests), html);
  if (tokens > 0) AddRow(texts::kPromptTokens.In(language), std::to_string(tokens), html);
  AddRow(texts::kMemory.In(language),
         run.memory_bytes > 0 ? SizeText(run.memory_bytes) : std::string(), html);
  html->Add("<div><dt>{}</dt><dd>{}</dd></div>", texts::kPlacement.In(language),
            ReasonText(run.placement, language));
  if (!run.placement_remedy.empty()) {
    html->Add("<div><dt>{}</dt><dd>{}</dd></div>", texts::kRemedy.In(language),
              ReasonText(run.placement_remedy, language));
  } else {
    AddRow(texts::kAhead.In(language), std::to_string(run.requests_ahead), html);
    AddRow(texts::kStart.In(language), StartText(run, language), html);
    if (run.run_ms) {
      AddRow(texts::kRunsFor.In(language), DurationText(*run.run_ms, language), html);
    }
  }
  html->Add("</dl>");
}

const Words& OutcomeWords(SubmitOutcome outcome) {
  if (outcome == SubmitOutcome::kKnown) return texts::kKnown;
  return outcome == SubmitOutcome::kRefused ? texts::kRefused : texts::kChecked;
}

void AddOutcome(const SubmitPageView& view, Language language, Html* html) {
  if (view.outcome == SubmitOutcome::kNothing) return;
  html->Add(
      R"(<section class="notice {}" id="outcome" role="status" tabindex="-1"><p><b>{}</b></p>)",
      view.outcome == SubmitOutcome::kRefused ? "bad" : "good",
      OutcomeWords(view.outcome).In(language));
  if (view.run && !view.run->same_request_id.empty()) {
    html->Add(R"(<p>{} <a href="/requests/{}"><code>{}</code></a></p>)",
              texts::kStoredAs.In(language), UrlComponent(view.run->same_request_id),
              view.run->same_request_id);
  }
  if (!view.error.empty()) html->Add("<p>{}</p>", view.error);
  if (!view.findings.empty()) html->Add(R"(<ul class="findings">)");
  for (const SubmitFinding& finding : view.findings) {
    html->Add("<li><b>{}</b> {} {} <b>{}</b></li>",
              finding.is_error ? texts::kError.In(language) : texts::kWarning.In(language),
              EndingLabel(finding.code, language), ReasonText(finding.message, language),
              RemedyText(finding.code, finding.remedy, language));
  }
  if (!view.findings.empty()) html->Add("</ul>");
  if (!view.facts.empty()) {
    html->Add(R"(<p>{}</p><dl class="facts">)", texts::kFacts.In(language));
    for (const auto& [key, value] : view.facts) AddRow(FactName(key, language), value, html);
    html->Add("</dl>");
  }
  if (view.run) AddRun(*view.run, language, html);
  html->Add("</section>");
}

void AddToken(const char* name, const std::string& label, const char* hint, bool is_required,
              Html* html) {
  html->Add(
      R"(<label>{} <span class="hint" id="{}-hint">{}</span><input type="password" name="{}"{} autocomplete="{}" aria-describedby="{}-hint"></label>)",
      label, name, hint, name, Markup{is_required ? " required" : ""},
      is_required ? "current-password" : "off", name);
}

// Who submits: by a token of this leaderboard, or of the hub where it is taken.
void AddTokens(const SubmitPageView& view, Language language, Html* html) {
  const bool takes_hub = view.hub_token == HubToken::kTaken;
  if (view.needs_token) {
    const std::string required =
        takes_hub ? std::string() : fmt::format(" ({})", texts::kRequired.In(language));
    AddToken("token", texts::kToken.In(language) + required, texts::kTokenHint.In(language),
             !takes_hub, html);
  }
  if (takes_hub) {
    AddToken("hub_token", texts::kHubToken.In(language), texts::kHubTokenHint.In(language), false,
             html);
  }
  if (view.hub_token == HubToken::kOnlyInPrivate) {
    html->Add(R"(<p class="hint">{}</p>)", texts::kHubTokenPrivate.In(language));
  }
}

void AddFields(const SubmitPageView& view, Language language, Html* html) {
  const SubmitFields& fields = view.fields;
  html->Add(
      R"(<label>{} ({}) <span class="hint" id="model-hint">{}</span><input name="model" required maxlength="512" value="{}" aria-describedby="model-hint" autocomplete="off" spellcheck="false"></label>)",
      texts::kModel.In(language), texts::kRequired.In(language),
      view.takes_folders ? texts::kModelHintLocal.In(language) : texts::kModelHint.In(language),
      fields.model);
  html->Add(
      R"(<label>{} <span class="hint" id="revision-hint">{}</span><input name="revision" maxlength="128" placeholder="main" value="{}" aria-describedby="revision-hint" autocomplete="off" spellcheck="false"></label>)",
      texts::kRevision.In(language), texts::kRevisionHint.In(language), fields.revision);
  html->Add(R"(<div class="pair">)");
  AddSuites(view, language, html);
  AddSelect("model_type", texts::kType.In(language), kModelTypes, fields.model_type, true, html);
  AddSelect("precision", texts::kPrecision.In(language), kPrecisions, fields.precision, false,
            html);
  AddSelect("weight_type", texts::kWeightType.In(language), kWeightTypes, fields.weight_type, false,
            html);
  html->Add("</div>");
  html->Add(
      R"(<label class="box"><input type="checkbox" name="chat_template" value="1"{}> {}</label>)",
      Markup{fields.chat_template ? " checked" : ""}, texts::kUseChat.In(language));
  AddTokens(view, language, html);
}

}  // namespace

std::string RenderSubmitPage(const PageContext& context, const SubmitPageView& view) {
  const Language language = context.language;
  Html html;
  html.Add(R"(<div class="heading"><h1>{}</h1></div><p>{}</p>)", texts::kSubmit.In(language),
           texts::kSubmitIntro.In(language));
  AddOutcome(view, language, &html);
  html.Add(
      R"(<form class="sheet" action="/submit" method="post" data-busy="{}"><input type="hidden" name="request_id" value="{}">)",
      texts::kBusy.In(language), view.fields.request_id);
  AddFields(view, language, &html);
  html.Add(
      R"(<div class="actions"><button type="submit" name="action" value="submit">{}</button><button type="submit" name="action" value="check" class="second">{}</button></div></form>)",
      texts::kSend.In(language), texts::kCheck.In(language));
  return RenderPage(context, Tab::kSubmit, texts::kSubmit.In(language), html.Take());
}

}  // namespace koeval::web
