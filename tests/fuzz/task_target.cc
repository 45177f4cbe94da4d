// Fuzz target: task files, their includes and datasets, and the prompts made of them. The parts of
// the input are task.yaml, other.yaml (for it to include) and rows.jsonl.
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/evaluation/prepare.h"
#include "common/evaluation/task.h"
#include "tests/fuzz/fuzz_targets.h"
#include "tests/fuzz/fuzz_util.h"

namespace koeval::fuzz {
namespace {

using evaluation::Task;

constexpr std::string_view kRows = R"({"q": "one", "c": ["n", "y"], "g": 1, "label": "B"})"
                                   "\n"
                                   R"({"q": "둘", "c": ["a", "b"], "g": 0, "label": "A"})"
                                   "\n";

void RunTask(const Task& task) {
  const Json json = evaluation::TaskToJson(task);
  const auto again = evaluation::TaskFromJson(json);
  KOEVAL_CHECK(again.ok(), again.status().message().c_str());
  KOEVAL_CHECK(evaluation::TaskDigest(*again) == evaluation::TaskDigest(task),
               "a task survives its way to a worker");
  for (const auto profile : {evaluation::Profile::kLeaderboardV1, evaluation::Profile::kLmEval04}) {
    const auto prepared =
        evaluation::Prepare(task, {.profile = profile, .num_fewshot = {}, .limit = 1, .seed = {}});
    CheckClearStatus(prepared.status());
  }
}

}  // namespace

void FuzzTask(std::string_view input) {
  static const ScratchFolder folder;
  const auto parts = SplitParts(input, 3);
  folder.Write("task.yaml", parts[0]);
  folder.Write("other.yaml", parts[1]);
  folder.Write("rows.jsonl", parts[2].empty() ? kRows : parts[2]);
  const auto listing = evaluation::ListTasks(folder.path());
  CheckClearStatus(listing.status());
  if (!listing.ok()) return;
  for (const evaluation::TaskListing& item : *listing) {
    const auto tasks = evaluation::LoadTasks(folder.path(), {item.task});
    CheckClearStatus(tasks.status());
    if (!tasks.ok()) continue;
    KOEVAL_CHECK(tasks->size() == 1, "one name, one task");
    RunTask(tasks->front());
  }
}

}  // namespace koeval::fuzz
