// The form of a submission, with what the checks say about it.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/cli/view.h"
#include "scheduler/web/page.h"

namespace koeval::web {

// What a reader has typed, without the tokens, which no page ever holds.
struct SubmitFields {
  std::string request_id;  // chosen with the empty form, so that sending it twice submits once
  std::string model, revision, precision = "float16", weight_type = "Original", model_type, suite;
  bool chat_template = false;
};

struct SubmitFinding {
  bool is_error = true;
  std::string code, message, remedy;
};

enum class SubmitOutcome { kNothing, kChecked, kKnown, kRefused };
// Whether the form offers to submit by a token of the hub.
enum class HubToken { kNotTaken, kTaken, kOnlyInPrivate };

struct SubmitPageView {
  SubmitFields fields;
  std::vector<cli::SuiteView> suites;
  bool needs_token = false;
  HubToken hub_token = HubToken::kNotTaken;
  bool takes_folders = false;  // whether a folder of the scheduler's machine may be submitted
  SubmitOutcome outcome = SubmitOutcome::kNothing;
  std::string error;  // why it was refused before the checks; "" = it was not
  std::vector<SubmitFinding> findings;
  std::vector<std::pair<std::string, std::string>> facts;  // key, value: what the checks read
  std::optional<cli::DryRunView> run;  // what a submission would meet, or has met
};

std::string RenderSubmitPage(const PageContext& context, const SubmitPageView& view);

}  // namespace koeval::web
