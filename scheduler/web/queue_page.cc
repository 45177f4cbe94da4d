// The queue as a page.
#include "scheduler/web/queue_page.h"

#include <fmt/core.h>

#include <array>
#include <string>
#include <utility>

#include "scheduler/web/format.h"
#include "scheduler/web/reasons.h"
#include "scheduler/web/texts.h"

namespace koeval::web {
namespace {

struct StateName {
  const char* state;
  const char* parameter;  // of the URL, and the class of style.css
  Words words;
};
constexpr std::array<StateName, 4> kStates = {{{"RUNNING", "running", texts::kRunning},
                                               {"PENDING", "pending", texts::kPending},
                                               {"FAILED", "failed", texts::kFailed},
                                               {"FINISHED", "finished", texts::kFinished}}};

const StateName* FindState(const std::string& state) {
  for (const StateName& known : kStates) {
    if (state == known.state) return &known;
  }
  return nullptr;
}

int64_t CountOf(const cli::QueueView& queue, const std::string& state) {
  if (state == "RUNNING") return queue.running;
  if (state == "PENDING") return queue.pending;
  return state == "FAILED" ? queue.failed : queue.finished;
}

Markup StateTabs(const PageContext& context, const QueuePageView& view) {
  Html html;
  html.Add(R"(<nav class="tabs" aria-label="{}"><ul>)", texts::kState.In(context.language));
  html.Add(R"(<li><a href="/queue"{}>{}</a></li>)",
           Markup{view.only_state.empty() ? " aria-current=\"page\"" : ""},
           texts::kOverview.In(context.language));
  for (const StateName& state : kStates) {
    html.Add(R"(<li><a href="/queue?state={}"{}>{} <b>{}</b></a></li>)", state.parameter,
             Markup{view.only_state == state.state ? " aria-current=\"page\"" : ""},
             state.words.In(context.language), CountOf(view.queue, state.state));
  }
  html.Add("</ul></nav>");
  return html.Take();
}

void AddWhy(const cli::RequestView& request, Language language, Html* html) {
  html->Add(R"(<div class="why">)");
  if (!request.ending.empty() && request.state == "FAILED") {
    html->Add("{} ", EndingLabel(request.ending, language));
  }
  html->Add("{}", ReasonText(request.reason, language));
  if (!request.remedy.empty()) {
    html->Add(R"(<p class="remedy"><b>{}</b> {}</p>)", texts::kRemedy.In(language),
              RemedyText(request.ending, request.remedy, language));
  }
  html->Add("</div>");
}

using Cell = void (*)(const cli::RequestView&, Language, Html*);
struct Column {
  Words words;
  Cell cell;
  const char* css = "";
};

void PositionCell(const cli::RequestView& request, Language language, Html* html) {
  if (request.queue_position > 0) {
    html->Add("{}", request.queue_position);
  } else {
    html->AddText(texts::kChecking.In(language));
  }
}
void ProgressCell(const cli::RequestView& request, Language language, Html* html) {
  html->Add("{}", ProgressOf(request, language));
}
void EtaCell(const cli::RequestView& request, Language language, Html* html) {
  html->AddText(request.eta_ms ? DurationText(*request.eta_ms, language) : "–");
}
void SubmittedCell(const cli::RequestView& request, Language, Html* html) {
  html->Add("{}", TimeElement(request.submitted_at_us));
}
void StartedCell(const cli::RequestView& request, Language, Html* html) {
  html->Add("{}", TimeElement(request.started_at_us));
}
void EndedCell(const cli::RequestView& request, Language, Html* html) {
  html->Add("{}", TimeElement(request.finished_at_us));
}
void SuiteCell(const cli::RequestView& request, Language, Html* html) {
  html->AddText(request.suite);
}
void PrecisionCell(const cli::RequestView& request, Language, Html* html) {
  html->AddText(request.precision);
}

std::vector<Column> ColumnsOf(const std::string& state) {
  std::vector<Column> columns = {{texts::kSuite, SuiteCell}, {texts::kPrecision, PrecisionCell}};
  if (state == "RUNNING") {
    columns.push_back({texts::kProgress, ProgressCell});
    columns.push_back({texts::kEta, EtaCell});
    columns.push_back({texts::kStarted, StartedCell});
  } else if (state == "PENDING") {
    columns.push_back({texts::kPosition, PositionCell, "number"});
    columns.push_back({texts::kReason, AddWhy});
    columns.push_back({texts::kSubmitted, SubmittedCell});
  } else if (state == "FAILED") {
    columns.push_back({texts::kReason, AddWhy});
    columns.push_back({texts::kEnded, EndedCell});
  } else {
    columns.push_back({texts::kEnded, EndedCell});
  }
  return columns;
}

Markup Table(const PageContext& context, const QueueSection& section) {
  const Language language = context.language;
  const std::vector<Column> columns = ColumnsOf(section.state);
  Html html;
  html.Add(R"(<table class="cards"><thead><tr><th scope="col">{}</th>)",
           texts::kModel.In(language));
  for (const Column& column : columns) {
    html.Add(R"(<th scope="col" class="{}">{}</th>)", column.css, column.words.In(language));
  }
  html.Add("</tr></thead><tbody>");
  for (const cli::RequestView& request : section.requests) {
    html.Add(R"(<tr><th scope="row"><a href="/requests/{}">{}</a></th>)", UrlComponent(request.id),
             request.model);
    for (const Column& column : columns) {
      html.Add(R"(<td data-label="{}" class="{}"><div class="value">)", column.words.In(language),
               column.css);
      column.cell(request, language, &html);
      html.Add("</div></td>");
    }
    html.Add("</tr>\n");
  }
  html.Add("</tbody></table>");
  return html.Take();
}

void AddSection(const PageContext& context, const QueuePageView& view, const QueueSection& section,
                Html* html) {
  const StateName* state = FindState(section.state);
  if (state == nullptr) return;
  html->Add(R"(<section><h2>{} <span class="count">{}</span></h2>)",
            state->words.In(context.language), CountOf(view.queue, section.state));
  if (section.requests.empty()) {
    html->Add(R"(<p class="quiet">{}</p>)", texts::kNobody.In(context.language));
  } else {
    html->Add("{}", Table(context, section));
  }
  if (!section.next_page_token.empty() && view.only_state.empty()) {
    html->Add(R"(<p><a href="/queue?state={}">{}</a></p>)", state->parameter,
              texts::kShowAll.In(context.language));
  } else if (!section.next_page_token.empty()) {
    html->Add(
        R"(<nav class="pages" aria-label="{}"><ul><li><a class="button quiet" rel="next" href="/queue?state={}&amp;after={}">{}</a></li></ul></nav>)",
        texts::kPagesOfTable.In(context.language), state->parameter,
        UrlComponent(section.next_page_token), texts::kNext.In(context.language));
  }
  html->Add("</section>");
}

}  // namespace

std::string StateLabel(const std::string& state, Language language) {
  const StateName* known = FindState(state);
  return known == nullptr ? state : known->words.In(language);
}

Markup StateBadge(const std::string& state, Language language) {
  const StateName* known = FindState(state);
  Html html;
  html.Add(R"(<span class="state {}">{}</span>)", known == nullptr ? "" : known->parameter,
           StateLabel(state, language));
  return html.Take();
}

Markup ProgressOf(const cli::RequestView& request, Language language) {
  Html html;
  if (request.phase == "scoring") {
    html.AddText(texts::kScoring.In(language));
  } else if (request.batches_total == 0) {
    html.AddText(texts::kPlanning.In(language));
  } else {
    const std::string words =
        FillIn(texts::kBatches.In(language), {request.batches_done, request.batches_total});
    html.Add(R"(<progress max="{}" value="{}" aria-label="{}"></progress> <small>{}</small>)",
             request.batches_total, request.batches_done, texts::kProgress.In(language), words);
  }
  return html.Take();
}

std::string RenderQueuePage(const PageContext& context, const QueuePageView& view) {
  const Language language = context.language;
  Html html;
  html.Add(R"(<div class="heading"><h1>{}</h1><p class="quiet">{}</p></div>)",
           texts::kQueue.In(language),
           FillIn(texts::kSlots.In(language),
                  {view.queue.workers, view.queue.slots_busy, view.queue.slots}));
  if (view.queue.paused) {
    html.Add(R"(<p class="notice">{}</p>)", texts::kPausedNote.In(language));
  }
  html.Add("{}", StateTabs(context, view));
  for (const QueueSection& section : view.sections) AddSection(context, view, section, &html);
  html.Add(R"(<p class="note live-note" hidden>{}</p>)", texts::kLive.In(language));
  return RenderPage(context, Tab::kQueue, texts::kQueue.In(language), html.Take(),
                    fmt::format("/api/v1/watch?after={}", view.queue.last_seq));
}

}  // namespace koeval::web
