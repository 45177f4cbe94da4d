// The form of a submission, with what the checks say about it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "scheduler/cli/view.h"
#include "scheduler/web/page.h"

namespace koeval::web {

// What a reader has typed, without the token, which no page ever holds.
struct SubmitFields {
  std::string request_id;  // chosen with the empty form, so that sending it twice submits once
  std::string model, revision, precision = "float16", weight_type = "Original", model_type, suite;
  bool chat_template = false;
};

struct SubmitFinding {
  bool is_error = true;
  std::string code, message, remedy;
};

enum class SubmitOutcome { kNothing, kChecked, kRefused };

struct SubmitPageView {
  SubmitFields fields;
  std::vector<cli::SuiteView> suites;
  bool needs_token = false;
  bool takes_folders = false;  // whether a folder of the scheduler's machine may be submitted
  SubmitOutcome outcome = SubmitOutcome::kNothing;
  std::string error;  // why it was refused before the checks; "" = it was not
  std::vector<SubmitFinding> findings;
  std::vector<std::pair<std::string, std::string>> facts;  // name, value: what the checks read
};

std::string RenderSubmitPage(const PageContext& context, const SubmitPageView& view);

}  // namespace koeval::web
