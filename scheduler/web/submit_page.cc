// The form of a submission.
#include "scheduler/web/submit_page.h"

#include <array>

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

void AddOutcome(const SubmitPageView& view, Language language, Html* html) {
  if (view.outcome == SubmitOutcome::kNothing) return;
  const bool refused = view.outcome == SubmitOutcome::kRefused;
  html->Add(
      R"(<section class="notice {}" id="outcome" role="status" tabindex="-1"><p><b>{}</b></p>)",
      refused ? "bad" : "good",
      refused ? texts::kRefused.In(language) : texts::kChecked.In(language));
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
    for (const auto& [name, value] : view.facts) {
      html->Add("<div><dt>{}</dt><dd>{}</dd></div>", name, value);
    }
    html->Add("</dl>");
  }
  html->Add("</section>");
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
  if (view.needs_token) {
    html->Add(
        R"(<label>{} ({}) <span class="hint" id="token-hint">{}</span><input type="password" name="token" required autocomplete="current-password" aria-describedby="token-hint"></label>)",
        texts::kToken.In(language), texts::kRequired.In(language), texts::kTokenHint.In(language));
  }
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
