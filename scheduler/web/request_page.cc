// One request as a page.
#include "scheduler/web/request_page.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "common/base/json.h"
#include "scheduler/web/format.h"
#include "scheduler/web/queue_page.h"
#include "scheduler/web/reasons.h"
#include "scheduler/web/texts.h"

namespace koeval::web {
namespace {

constexpr double kNormalQuantile975 = 1.959963984540054;  // of a 95% interval, both sides
constexpr int64_t kFailureLimit = 10;
constexpr const char* kNumber = "number";  // class of style.css

std::string Quoted(const std::string& word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._/:@%+=,-").find(c) != std::string_view::npos;
  });
  if (plain) return word;
  std::string out = "'";
  for (const char c : word) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

// "61.23 – 64.10", or "–" without a standard error.
std::string Interval(double value, const std::optional<double>& error) {
  if (!error || !std::isfinite(*error) || !std::isfinite(value)) return "–";
  return fmt::format("{:.2f} – {:.2f}", (value - kNormalQuantile975 * *error) * 100,
                     (value + kNormalQuantile975 * *error) * 100);
}

std::string ErrorText(const std::optional<double>& error) {
  return error && std::isfinite(*error) ? fmt::format("{:.2f}", *error * 100) : "–";
}

std::string Raw(double value) {
  return std::isfinite(value) ? fmt::format("{:.4f}", value) : "–";
}

void AddFact(const char* name, std::string_view value, Html* html) {
  if (!value.empty()) html->Add("<div><dt>{}</dt><dd>{}</dd></div>", name, value);
}

void AddDigest(const char* name, std::string_view value, Html* html) {
  if (!value.empty()) html->Add("<div><dt>{}</dt><dd><code>{}</code></dd></div>", name, value);
}

struct Head {
  const char* name;
  const char* css = "";
};

void AddHead(const std::vector<Head>& heads, Html* html) {
  html->Add("<thead><tr>");
  for (const Head& head : heads) {
    html->Add(R"(<th scope="col" class="{}">{}</th>)", head.css, head.name);
  }
  html->Add("</tr></thead>");
}

void AddData(const char* label, std::string_view value, std::string_view css, Html* html) {
  html->Add(R"(<td data-label="{}" class="{}">{}</td>)", label, css, value);
}

void AddHeading(const RequestPageView& view, Language language, Html* html) {
  const cli::RequestView& request = view.request;
  html->Add(R"(<div class="heading"><h1>{}</h1>{}</div>)", request.model,
            StateBadge(request.state, language));
  html->Add(R"(<p class="quiet">{} <code>{}</code> · {} · {}</p>)", texts::kRequest.In(language),
            request.id, request.suite, request.precision);
}

// Where it is now, and why.
void AddSituation(const RequestPageView& view, Language language, Html* html) {
  const cli::RequestView& request = view.request;
  const bool failed = request.state == "FAILED";
  if (!request.terminal() || failed) {
    html->Add(R"(<section class="notice {}">)", failed ? "bad" : "");
  } else {
    return;
  }
  if (request.state == "RUNNING") {
    html->Add("<p>{}", ProgressOf(request, language));
    if (request.eta_ms) {
      html->Add(" · {} {}", texts::kEta.In(language), DurationText(*request.eta_ms, language));
    }
    html->Add("</p>");
  }
  if (request.queue_position > 0) {
    html->Add("<p>{} <b>{}</b></p>", texts::kPosition.In(language), request.queue_position);
  }
  if (failed) html->Add("<p>{}</p>", EndingLabel(request.ending, language));
  if (!request.reason.empty()) html->Add("<p>{}</p>", ReasonText(request.reason, language));
  if (!view.explanation.empty() && view.explanation != request.reason) {
    html->Add("<p>{}</p>", ReasonText(view.explanation, language));
  }
  if (!request.remedy.empty()) {
    html->Add("<p><b>{}</b> {}</p>", texts::kRemedy.In(language),
              RemedyText(request.ending, request.remedy, language));
  }
  html->Add("</section>");
}

void AddScores(const cli::ResultsView& results, const cli::RequestView& request, Language language,
               Html* html) {
  const char* score = texts::kScore.In(language);
  const char* error = texts::kStandardError.In(language);
  const char* interval = texts::kInterval.In(language);
  const char* metric = texts::kMetric.In(language);
  html->Add(R"(<section><h2>{}</h2><table class="cards scores">)", texts::kScores.In(language));
  AddHead({{texts::kTask.In(language)},
           {metric},
           {score, kNumber},
           {error, kNumber},
           {interval, kNumber}},
          html);
  html->Add("<tbody>");
  for (const cli::EntryView& entry : results.entries) {
    html->Add(R"(<tr><th scope="row">{}</th>)", entry.name);
    AddData(metric, entry.metric, "", html);
    AddData(score, Percent(entry.value), kNumber, html);
    AddData(error, ErrorText(entry.stderr_value), kNumber, html);
    AddData(interval, Interval(entry.value, entry.stderr_value), kNumber, html);
    html->Add("</tr>");
  }
  html->Add("</tbody>");
  if (!request.limit) {
    html->Add(
        R"(<tfoot><tr><th scope="row">{}</th><td></td><td class="number" data-label="{}">{}</td><td></td><td></td></tr></tfoot>)",
        texts::kAverage.In(language), score, Percent(results.average));
  }
  html->Add("</table>");
  html->Add(R"(<p><a href="/api/v1/requests/{}/results" download="{}.json">{}</a></p></section>)",
            UrlComponent(request.id), request.id + "-results", texts::kResultFile.In(language));
}

void AddTaskScores(const cli::ResultsView& results, Language language, Html* html) {
  const char* shots = texts::kShots.In(language);
  const char* documents = texts::kDocuments.In(language);
  const char* metric = texts::kMetric.In(language);
  const char* filter = texts::kFilter.In(language);
  const char* score = texts::kScore.In(language);
  const char* error = texts::kStandardError.In(language);
  html->Add(R"(<details class="block"><summary>{}</summary><table class="cards">)",
            texts::kTaskScores.In(language));
  AddHead({{texts::kTask.In(language)},
           {shots, kNumber},
           {documents, kNumber},
           {metric},
           {filter},
           {score, kNumber},
           {error, kNumber}},
          html);
  html->Add("<tbody>");
  for (const cli::TaskScoreView& task : results.tasks) {
    for (const cli::MetricView& value : task.metrics) {
      html->Add(R"(<tr><th scope="row">{}</th>)", task.task);
      AddData(shots, fmt::format("{}", task.num_fewshot), kNumber, html);
      AddData(documents, fmt::format("{}", task.documents), kNumber, html);
      AddData(metric, value.metric, "", html);
      AddData(filter, value.filter, "", html);
      AddData(score, Raw(value.value), kNumber, html);
      AddData(error, value.stderr_value ? Raw(*value.stderr_value) : "–", kNumber, html);
      html->Add("</tr>");
    }
  }
  html->Add("</tbody></table></details>");
}

void AddAttempts(const RequestPageView& view, Language language, Html* html) {
  if (view.attempts.empty()) return;
  const char* round = texts::kRound.In(language);
  const char* worker = texts::kWorker.In(language);
  const char* started = texts::kStarted.In(language);
  const char* ended = texts::kEnded.In(language);
  const char* ending = texts::kEnding.In(language);
  const char* reason = texts::kReason.In(language);
  html->Add(R"(<section><h2>{}</h2><table class="cards">)", texts::kAttempts.In(language));
  AddHead({{texts::kAttempt.In(language)},
           {round, kNumber},
           {worker},
           {started},
           {ended},
           {ending},
           {reason}},
          html);
  html->Add("<tbody>");
  for (const cli::AttemptView& attempt : view.attempts) {
    html->Add(R"(<tr><th scope="row">{}</th>)", attempt.attempt);
    AddData(round, fmt::format("{}", attempt.round), kNumber, html);
    AddData(worker, attempt.worker, "", html);
    html->Add(R"(<td data-label="{}">{}</td>)", started, TimeElement(attempt.started_at_us));
    html->Add(R"(<td data-label="{}">{}</td>)", ended, TimeElement(attempt.ended_at_us));
    html->Add(R"(<td data-label="{}"><code>{}</code></td>)", ending,
              attempt.ending.empty() ? "–" : attempt.ending);
    html->Add(R"(<td data-label="{}" class="why"><div class="value">{}</div></td>)", reason,
              attempt.reason.empty() ? Markup{"–"} : ReasonText(attempt.reason, language));
    html->Add("</tr>");
  }
  html->Add("</tbody></table></section>");
}

void AddSettings(const cli::RequestView& request, Language language, Html* html) {
  html->Add(R"(<section><h2>{}</h2><dl class="facts">)", texts::kSettings.In(language));
  AddDigest(texts::kRevision.In(language), request.revision, html);
  AddFact(texts::kPrecision.In(language), request.precision, html);
  AddFact(texts::kWeightType.In(language), request.weight_type, html);
  AddFact(texts::kType.In(language), request.model_type, html);
  AddFact(texts::kSuite.In(language), request.suite + " " + request.suite_version, html);
  AddFact(texts::kProfile.In(language), request.profile, html);
  AddFact(texts::kLimit.In(language),
          request.limit ? fmt::format("{}", *request.limit) : texts::kAll.In(language), html);
  if (request.chat_template) {
    AddFact(texts::kChat.In(language),
            request.chat_template->empty() ? texts::kDefaultTemplate.In(language)
                                           : *request.chat_template,
            html);
  }
  AddFact(texts::kSystemInstruction.In(language), request.system_instruction, html);
  AddFact(texts::kPriority.In(language), fmt::format("{}", request.priority), html);
  AddFact(texts::kTimeLimit.In(language), DurationText(request.time_limit_ms, language), html);
  AddFact(texts::kSubmitter.In(language), request.submitter, html);
  AddFact(texts::kHardware.In(language), request.hardware_class, html);
  AddDigest(texts::kPlanDigest.In(language), request.plan_digest, html);
  AddDigest(texts::kBundleDigest.In(language), request.bundle_digest, html);
  html->Add("</dl>");
  html->Add(
      R"(<dl class="facts"><div><dt>{}</dt><dd>{}</dd></div><div><dt>{}</dt><dd>{}</dd></div><div><dt>{}</dt><dd>{}</dd></div></dl></section>)",
      texts::kSubmitted.In(language), TimeElement(request.submitted_at_us),
      texts::kStarted.In(language), TimeElement(request.started_at_us), texts::kEnded.In(language),
      TimeElement(request.finished_at_us));
}

void AddPlan(const cli::RequestView& request, Language language, Html* html) {
  if (request.tasks.empty()) return;
  const char* documents = texts::kDocuments.In(language);
  const char* requests = texts::kRequests.In(language);
  const char* truncated = texts::kTruncated.In(language);
  html->Add(R"(<details class="block"><summary>{}</summary><table class="cards">)",
            texts::kPlan.In(language));
  AddHead({{texts::kTask.In(language)},
           {documents, kNumber},
           {requests, kNumber},
           {truncated, kNumber}},
          html);
  html->Add("<tbody>");
  for (const auto& task : request.tasks) {
    html->Add(R"(<tr><th scope="row">{}</th>)", task.task);
    AddData(documents, fmt::format("{}", task.documents), kNumber, html);
    AddData(requests, fmt::format("{}", task.requests), kNumber, html);
    AddData(truncated, fmt::format("{}", task.truncated), kNumber, html);
    html->Add("</tr>");
  }
  html->Add("</tbody></table></details>");
}

// What the checks said that is no reason for the state: warnings, and further errors.
void AddFindings(const cli::RequestView& request, Language language, Html* html) {
  const auto json = ParseJson(request.facts_json);
  const Json* findings = json.ok() ? JsonFind(*json, "findings") : nullptr;
  if (findings == nullptr || !findings->is_array()) return;
  Html list;
  for (const Json& finding : *findings) {
    const auto text = [&finding](const char* key) {
      const Json* value = JsonFind(finding, key);
      return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
    };
    if (text("message") == request.reason) continue;
    list.Add("<li>{} {} <b>{}</b></li>", EndingLabel(text("code"), language),
             ReasonText(text("message"), language),
             RemedyText(text("code"), text("remedy"), language));
  }
  if (list.text().empty()) return;
  html->Add(R"(<section><h2>{}</h2><ul class="findings">{}</ul></section>)",
            texts::kFindings.In(language), list.Take());
}

void AddCommand(const std::string& command, Language language, Html* html) {
  html->Add(
      R"(<div class="command"><pre tabindex="0"><code>{}</code></pre><button type="button" class="copy" hidden data-done="{}">{}</button></div>)",
      command, texts::kCopied.In(language), texts::kCopy.In(language));
}

void AddReproduction(const cli::RequestView& request, Language language, Html* html) {
  html->Add("<section><h2>{}</h2><p>{}</p>", texts::kReproduce.In(language),
            texts::kReproduceNote.In(language));
  AddCommand(ReproduceCommand(request, request.limit), language, html);
  if (request.state == "FAILED" && !request.limit) {
    html->Add("<p>{}</p>", texts::kReproduceFailure.In(language));
    AddCommand(ReproduceCommand(request, kFailureLimit), language, html);
  }
  html->Add("</section>");
}

}  // namespace

std::string ReproduceCommand(const cli::RequestView& request, std::optional<int64_t> limit) {
  std::string out = "koeval eval --model " + Quoted(request.model);
  if (!request.model.starts_with('/')) out += " --revision " + Quoted(request.revision);
  out += " --suite " + Quoted(request.suite) + " --profile " + Quoted(request.profile) +
         " --dtype " + Quoted(request.precision);
  if (limit) out += fmt::format(" --limit {}", *limit);
  if (request.chat_template) {
    out += " --apply-chat-template";
    if (!request.chat_template->empty()) out += " " + Quoted(*request.chat_template);
  }
  if (request.chat_template && !request.fewshot_as_multiturn) {
    out += " --no-fewshot-as-multiturn";
  }
  if (!request.system_instruction.empty()) {
    out += " --system-instruction " + Quoted(request.system_instruction);
  }
  return out + " --output ./results";
}

std::string RenderRequestPage(const PageContext& context, const RequestPageView& view) {
  const Language language = context.language;
  Html html;
  AddHeading(view, language, &html);
  AddSituation(view, language, &html);
  if (view.results) {
    AddScores(*view.results, view.request, language, &html);
    AddTaskScores(*view.results, language, &html);
  }
  AddFindings(view.request, language, &html);
  AddAttempts(view, language, &html);
  AddSettings(view.request, language, &html);
  AddPlan(view.request, language, &html);
  AddReproduction(view.request, language, &html);
  const std::string watch = view.request.terminal()
                                ? ""
                                : fmt::format("/api/v1/watch?after={}&request={}", view.last_seq,
                                              UrlComponent(view.request.id));
  return RenderPage(context, Tab::kQueue, view.request.model, html.Take(), watch);
}

}  // namespace koeval::web
