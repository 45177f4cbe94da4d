// Reports of the submission checks and dry runs as text.
#include "scheduler/cli/render_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scheduler/cli/render.h"

namespace koeval::cli {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kReport = R"({"ok":false,"checks":[
  {"check":"config","outcome":"ok","message":"LlamaForCausalLM"},
  {"check":"weights","outcome":"failed","message":"model.safetensors ends early, and this sentence is long enough to need a second line"},
  {"check":"tensors","outcome":"skipped","message":"needs weights that can be read"}],
  "findings":[{"check":"weights","code":"BAD_CHECKPOINT","severity":"error",
    "message":"model.safetensors ends early","remedy":"Upload the file again."}],
  "facts":{"parameters":184656,"chat_template":{"text":"long"}}})";

Terminal Plain(int width) {
  return {.is_terminal = false, .color = false, .width = width};
}

TEST(RenderCheck, OneLineForEachCheckThenWhatToDoThenFacts) {
  EXPECT_EQ(RenderCheckReport(Plain(80), *ParseJson(kReport)),
            "ok       config          LlamaForCausalLM\n"
            "failed   weights         model.safetensors ends early, and this sentence is long\n"
            "                         enough to need a second line\n"
            "skipped  tensors         needs weights that can be read\n"
            "\n"
            "error BAD_CHECKPOINT\n"
            "  model.safetensors ends early\n"
            "  do: Upload the file again.\n"
            "\n"
            "facts\n"
            "  parameters              184656\n");
}

TEST(RenderCheck, ControlCharactersOfARepositoryNeverReachTheTerminal) {
  Json report = *ParseJson(kReport);
  report["findings"][0]["message"] = "evil\x1b[2Jname";
  report["facts"]["license"] = "x\x1b]0;title\x07";
  EXPECT_THAT(RenderCheckReport(Plain(80), report), Not(HasSubstr("\x1b")));
}

TEST(RenderCheck, AFailedRequestNamesEveryFindingOnce) {
  RequestView request;
  request.id = "r-1";
  request.state = "FAILED";
  request.ending = "BAD_CHECKPOINT";
  request.reason = "model.safetensors ends early (and 1 more finding)";
  request.remedy = "Upload the file again.";
  request.facts_json = R"({"facts":{},"findings":[
    {"code":"BAD_CHECKPOINT","severity":"error","message":"model.safetensors ends early","remedy":"Upload."},
    {"code":"BAD_TOKENIZER","severity":"error","message":"no tokenizer.json","remedy":"Add it."},
    {"code":"LICENSE_NOT_OPEN","severity":"warning","message":"not open","remedy":"Nothing."}]})";
  const std::string text = RenderRequest(Plain(80), request, {}, 0);
  EXPECT_THAT(text, HasSubstr("BAD_TOKENIZER: no tokenizer.json"));
  EXPECT_THAT(text, HasSubstr("Add it."));
  EXPECT_THAT(text, Not(HasSubstr("LICENSE_NOT_OPEN"))) << "warnings did not end it";
  EXPECT_THAT(text, Not(HasSubstr("BAD_CHECKPOINT: model"))) << "the end says it already";
  request.facts_json = "{damaged";
  EXPECT_THAT(RenderRequest(Plain(80), request, {}, 0), HasSubstr("ends early"));
}

TEST(RenderCheck, ADryRunTellsWorkPlacementAndStart) {
  DryRunView run;
  run.revision = "0123abcd";
  run.accepted = true;
  run.report_json = R"({"ok":true,"checks":[],"findings":[],"facts":{}})";
  run.tasks = {{"kobest_copa", 1000, 2000, 3 << 20, 700'000, false},
               {"kobest_boolq", 10, 20, 1024, 400, true}};
  run.operations = 2.5e15;
  run.run_ms = 125'000;
  run.memory_bytes = int64_t{18} << 30;
  run.fits = true;
  run.placement = "It would wait for a slot; 2 requests are ahead of it.";
  run.same_request_id = "r-old";
  run.start_ms = 60'000;
  run.slots = {{"node-a", "cuda:0", "h100", "busy with r-1", 0, int64_t{80} << 30, false}};
  run.slots_known = 1;
  const std::string text = RenderDryRun(Plain(80), run);
  EXPECT_THAT(text, HasSubstr("all                1010      2020  3.0 MiB  about 700400")) << text;
  EXPECT_THAT(text, ContainsRegex("kobest_boolq .* 400\n")) << "the whole task was counted";
  EXPECT_THAT(text, HasSubstr("about 2.5 peta-operations"));
  EXPECT_THAT(text, HasSubstr("about 2 min 5 s, going by finished requests"));
  EXPECT_THAT(text, HasSubstr("r-old (--force evaluates it again)"));
  EXPECT_THAT(text, HasSubstr("18.0 GiB"));
  EXPECT_THAT(text, HasSubstr("2 requests are ahead"));
  EXPECT_THAT(text, HasSubstr("busy with r-1"));
  run.start_ms.reset();
  run.operations = 0;
  run.run_ms.reset();
  run.tasks[0].prompt_tokens = 0;
  EXPECT_THAT(RenderDryRun(Plain(80), run), HasSubstr("the tokens were not counted"));
  EXPECT_THAT(RenderDryRun(Plain(80), run), HasSubstr("no such request has finished yet"));
  EXPECT_THAT(RenderDryRun(Plain(80), run), HasSubstr("not known"));
  run.fits = false;
  EXPECT_THAT(RenderDryRun(Plain(80), run), HasSubstr("it never would"));
}

}  // namespace
}  // namespace koeval::cli
