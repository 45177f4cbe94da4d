// Texts of notifications.
#include "scheduler/service/notification.h"

#include <fmt/format.h>

#include "common/base/endings.h"
#include "common/base/json.h"

namespace koeval::service {

std::string NotificationEvent(const Notification& notification) {
  const core::RequestRow& row = notification.request;
  if (row.state == core::RequestState::kFinished) return "finished";
  return row.ending == EndingName(Ending::kCancelled) ? "cancelled" : "failed";
}

std::string NotificationJson(const Notification& notification) {
  const core::RequestRow& row = notification.request;
  Json request = {{"id", row.id.text},
                  {"model", row.spec.model},
                  {"revision", row.spec.revision},
                  {"precision", row.spec.precision},
                  {"suite", row.spec.suite},
                  {"suite_version", row.spec.suite_version},
                  {"submitter", row.spec.submitter},
                  {"state", std::string(core::StateName(row.state))},
                  {"ending", row.ending},
                  {"average", notification.average ? Json(*notification.average) : Json()},
                  {"submitted_at", FormatUtcMicros(row.submitted_at)},
                  {"finished_at", FormatUtcMicros(row.finished_at)}};
  return CompactJson({{"schema", "koeval.notification/1"},
                      {"event", NotificationEvent(notification)},
                      {"seq", notification.seq},
                      {"at", FormatUtcMicros(notification.at)},
                      {"request", std::move(request)}});
}

std::string NotificationMail(const Notification& notification) {
  const core::RequestRow& row = notification.request;
  std::string out = fmt::format(
      "Subject: [koeval] {} {} on {}\nMIME-Version: 1.0\n"
      "Content-Type: text/plain; charset=utf-8\n\n",
      row.spec.model, NotificationEvent(notification), row.spec.suite);
  out += fmt::format("request    {}\nmodel      {} ({}, {})\nsuite      {} {}\nsubmitter  {}\n",
                     row.id.text, row.spec.model, row.spec.revision, row.spec.precision,
                     row.spec.suite, row.spec.suite_version, row.spec.submitter);
  out += fmt::format("ended      {} as {}\n", FormatUtc(row.finished_at), row.ending);
  if (notification.average) out += fmt::format("average    {:.2f}\n", *notification.average * 100);
  return out + fmt::format("\nkoeval status {} says more.\n", row.id.text);
}

}  // namespace koeval::service
