// Texts of the client: widths, bars, tables, and whole status pages letter by letter.
#include "scheduler/cli/render.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "scheduler/cli/exit_code.h"
#include "scheduler/cli/table.h"

namespace koeval::cli {
namespace {

Terminal Plain(int width) {
  return {.is_terminal = false, .color = false, .width = width};
}
Terminal Colored(int width) {
  return {.is_terminal = true, .color = true, .width = width};
}

constexpr int64_t kNowUs = 1'700'000'000'000'000;

QueueView Queue() {
  QueueView queue;
  queue.pending = 12;
  queue.running = 1;
  queue.finished = 1;
  queue.failed = 1;
  queue.workers = 2;
  queue.slots = 2;
  queue.slots_busy = 1;
  queue.now_us = kNowUs;
  return queue;
}

std::vector<RequestView> Requests() {
  RequestView running;
  running.id = "r-running";
  running.model = "한국어/모델-7B";
  running.state = "RUNNING";
  running.phase = "batches";
  running.batches_done = 13;
  running.batches_total = 25;
  running.eta_ms = 12'300;
  running.workers = {"node-a", "node-b"};
  RequestView waiting;
  waiting.id = "r-waiting";
  waiting.model = "org/next";
  waiting.state = "PENDING";
  waiting.phase = "queued";
  waiting.queue_position = 1;
  waiting.reason = "all slots are busy";
  RequestView finished;
  finished.id = "r-finished";
  finished.model = "org/done";
  finished.state = "FINISHED";
  finished.finished_at_us = kNowUs - 65'000'000;
  RequestView failed;
  failed.id = "r-failed";
  failed.model = "org/broken";
  failed.state = "FAILED";
  failed.ending = "BAD_CHECKPOINT";
  failed.reason = "model.safetensors: tensor \"lm_head.weight\" ends beyond the file";
  failed.remedy = "Upload the file again and submit a new request.";
  failed.finished_at_us = kNowUs - 5'000'000;
  return {running, waiting, finished, failed};
}

// tests/scheduler/cli/expected/<name>; KOEVAL_UPDATE_EXPECTED=1 writes it anew, for a person to
// read.
void ExpectSameAsFile(const std::string& text, const std::string& name) {
  const std::string path =
      std::string(std::getenv("KOEVAL_SOURCE_DIR")) + "/tests/scheduler/cli/expected/" + name;
  if (std::getenv("KOEVAL_UPDATE_EXPECTED") != nullptr) {
    std::ofstream(path) << text;
    return;
  }
  std::stringstream expected;
  expected << std::ifstream(path).rdbuf();
  EXPECT_EQ(text, expected.str()) << path;
}

TEST(TerminalTest, KoreanLettersTakeTwoColumnsAndCombiningMarksNone) {
  EXPECT_EQ(DisplayWidth("한국어"), 6);
  EXPECT_EQ(DisplayWidth("abc"), 3);
  EXPECT_EQ(DisplayWidth("e\xCC\x81"), 1);
}

TEST(TerminalTest, FitCutsBetweenLettersAndMarksTheCut) {
  EXPECT_EQ(Fit("한국어", 6), "한국어");
  EXPECT_EQ(Fit("한국어", 5), "한국…");
  EXPECT_EQ(Fit("한국어", 4), "한…");
  EXPECT_EQ(Fit("abc", 0), "");
}

TEST(TerminalTest, ModelsThatArePathsKeepTheirEnd) {
  EXPECT_EQ(FitModel("/work/models/한국어-7B", 20), "…rk/models/한국어-7B");
  EXPECT_EQ(FitModel("/work/models/한국어-7B", 9), "…국어-7B");
  EXPECT_EQ(FitModel("/short", 20), "/short");
  EXPECT_EQ(FitModel("org/a-long-name", 8), "org/a-l…");
  EXPECT_EQ(FitModel("/long", 0), "");
}

TEST(TerminalTest, ControlCharactersNeverReachTheTerminal) {
  EXPECT_EQ(Fit("a\x1b[31mb\nc", 20), "a?[31mb c");
}

TEST(TerminalTest, BarFillsInEighths) {
  EXPECT_EQ(Bar(0.0, 4), "····");
  EXPECT_EQ(Bar(1.0, 4), "████");
  EXPECT_EQ(Bar(0.5, 3), "█▌·");
  EXPECT_EQ(Bar(7.0, 2), "██");
}

TEST(TerminalTest, WrapBreaksAtBlanksAndCutsWordsThatNeverFit) {
  EXPECT_EQ(Wrap("one two three", 7, "> "), "one two\n> three");
  EXPECT_EQ(Wrap("abcdefghij", 5, ""), "abcd…");
}

TEST(TableTest, NarrowTerminalShrinksFlexibleColumnsOnly) {
  const std::vector<Column> columns = {
      {"id", false}, {"model", false, 5, true}, {"n", true}, {"empty", false}};
  const std::string text =
      RenderTable(Plain(20), columns, {{"r-12345", "a-very-long-model", "7", ""}});
  EXPECT_EQ(text,
            "id       model     n\n"
            "r-12345  a-very-…  7\n");
}

TEST(RenderTest, StatusFitsEightyColumns) {
  const std::string text = RenderStatus(Plain(80), Queue(), Requests());
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(DisplayWidth(line), 80) << line;
  ExpectSameAsFile(text, "status_80.txt");
}

TEST(RenderTest, StatusUsesAWideTerminal) {
  ExpectSameAsFile(RenderStatus(Plain(120), Queue(), Requests()), "status_120.txt");
}

TEST(RenderTest, StatusInColor) {
  ExpectSameAsFile(RenderStatus(Colored(80), Queue(), Requests()), "status_80_color.txt");
}

TEST(RenderTest, PausedDispatchIsSaid) {
  QueueView queue = Queue();
  queue.paused = true;
  EXPECT_NE(RenderStatus(Plain(80), queue, {}).find("dispatch is PAUSED"), std::string::npos);
}

TEST(RenderTest, RequestSaysWhyItFailedAndWhatToDo) {
  RequestView request = Requests().back();
  request.suite = "demo";
  request.suite_version = "1";
  request.profile = "lm-eval-0.4";
  request.submitter = "local";
  request.submitted_at_us = kNowUs - 60'000'000;
  const std::vector<AttemptView> attempts = {
      {1, 1, "node-a", "WORKER_LOST", "no heartbeat for 10 s", kNowUs - 50'000'000, kNowUs}};
  ExpectSameAsFile(RenderRequest(Plain(80), request, attempts, kNowUs), "request_80.txt");
}

LeaderboardView Board(const std::vector<std::string>& columns) {
  LeaderboardView board;
  board.columns = columns;
  for (int64_t rank = 1; rank <= 2; ++rank) {
    LeaderboardRowView& row = board.rows.emplace_back();
    row.rank = rank;
    row.model = rank == 1 ? "한국어-연구소/아주-긴-이름의-모델-10.7B-instruct" : "org/model-1.3B";
    row.precision = "float16";
    row.average = 0.7 / static_cast<double>(rank);
    for (size_t c = 0; c < columns.size(); ++c) {
      row.entries.push_back({columns[c], "acc", 0.5 + 0.01 * static_cast<double>(c), {}});
    }
  }
  return board;
}

const std::vector<std::string> kKoreanFive = {"Ko-ARC", "Ko-HellaSwag", "Ko-MMLU", "Ko-TruthfulQA",
                                              "Ko-CommonGen V2"};

TEST(RenderTest, LeaderboardHasOneColumnPerSuiteEntry) {
  LeaderboardView board;
  board.columns = {"reasoning", "truthful"};
  board.rows = {{1,
                 "r-1",
                 "org/a",
                 "main",
                 "float32",
                 "",
                 "lm-eval-0.4",
                 0.6777,
                 {{"reasoning", "acc_norm", 0.7355, 0.01}, {"truthful", "mc2", 0.6199, {}}},
                 0}};
  EXPECT_EQ(RenderLeaderboard(Plain(80), board),
            "#  model  average  reasoning  truthful  precision\n"
            "1  org/a    67.77      73.55     61.99  float32\n");
}

TEST(RenderTest, LeaderboardAbbreviatesItsColumnsOnANarrowTerminal) {
  const std::string text = RenderLeaderboard(Plain(80), Board(kKoreanFive));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(DisplayWidth(line), 80) << line;
  ExpectSameAsFile(text, "leaderboard_80.txt");
}

TEST(RenderTest, LeaderboardShowsWholeNamesOnAWideTerminal) {
  ExpectSameAsFile(RenderLeaderboard(Plain(120), Board(kKoreanFive)), "leaderboard_120.txt");
}

TEST(RenderTest, LeaderboardLeavesOutMoreColumnsThanFitAndSaysSo) {
  const std::string text = RenderLeaderboard(Plain(60), Board(kKoreanFive));
  EXPECT_NE(text.find("5 columns do not fit 60 terminal columns"), std::string::npos) << text;
  EXPECT_EQ(text.find("…"), text.rfind("…")) << "only the long model is cut\n" << text;
}

TEST(RenderTest, LeaderboardColumnsThatStartAlikeAreNumbered) {
  const std::string text =
      RenderLeaderboard(Plain(70), Board({"knowledgeable children", "knowledgeablest adults"}));
  EXPECT_NE(text.find("C1 = knowledgeable children, C2 = knowledgeablest adults"),
            std::string::npos)
      << text;
}

TEST(RenderTest, LeaderboardShowsTheColumnsThatAreAskedForAndMarksRows) {
  LeaderboardView board = Board({"a", "b"});
  board.rows[0].about.icon = "🔶";
  board.rows[0].about.type = "fine-tuned";
  board.rows[0].about.parameters = 10'700'000'000;
  board.rows[0].about.license = "apache-2.0";
  board.rows[0].about.flag = FlagView{};
  board.rows[0].about.deleted_at_us = 1;
  board.rows[0].model = "org/a";
  board.rows[1].imported = true;
  board.rows[1].rank = 0;
  board.rows[1].average = std::nan("");
  board.flagged_hidden = 2;
  EXPECT_EQ(RenderLeaderboard(Plain(80), board, {"type", "average", "params", "license"}),
            "#  model           type           average  params  license     note\n"
            "1  org/a           🔶 fine-tuned    70.00  10.7 B  apache-2.0  flagged, deleted\n"
            "-  org/model-1.3B                       -                      imported\n"
            "\n2 models are flagged and not shown; --flagged shows them, `koeval models --flagged` "
            "says why\n");
  board = Board({"a"});
  board.rows[0].model = "org/a";
  board.rows[0].settings = {"chat_template", "fewshot_in_one_turn", "profile"};
  board.rows[0].chat_template = "rag";
  board.rows[0].profile = "lm-eval-0.4";
  EXPECT_EQ(RenderLeaderboard(Plain(120), board, {"average"}),
            "#  model           average  note\n"
            "1  org/a             70.00  chat template rag, few-shot in one turn, profile "
            "lm-eval-0.4\n"
            "2  org/model-1.3B    35.00\n");
  EXPECT_EQ(RenderLeaderboard(Plain(80), Board({"a", "b"}), {"scores"}),
            "#  model                                                 a      b\n"
            "1  한국어-연구소/아주-긴-이름의-모델-10.7B-instruct  50.00  51.00\n"
            "2  org/model-1.3B                                    50.00  51.00\n");
}

TEST(RenderTest, ModelsAreListedWithTheReasonsOfTheirFlags) {
  ModelView a;
  a.model = "org/a";
  a.type = "pretrained";
  a.icon = "🟢";
  a.parameters = 124'000'000;
  a.likes = 0;
  ModelView b;
  b.model = "org/b";
  b.deleted_at_us = 1;
  b.flag = FlagView{
      "org/b", "trained on test data", "https://hub.example/d/1", "otto", "", 1'700'000'000'000'000,
      0};
  EXPECT_EQ(RenderModels(Plain(80), {a, b}),
            "model  type           params  likes  note\n"
            "org/a  🟢 pretrained   124 M      0\n"
            "org/b                                flagged, deleted\n"
            "\norg/b is flagged: trained on test data https://hub.example/d/1 (otto,\n"
            "2023-11-14T22:13:20Z)\n");
}

ExplanationView Explanation() {
  ExplanationView why;
  why.request = Requests()[1];
  why.answer = "It waits for a free slot with 40.0 GiB of memory; 2 requests are ahead of it.";
  why.memory_bytes = int64_t{40} << 30;
  why.slots = {{"node-a", "cuda:0", "H100", "busy with r-running", 0, int64_t{80} << 30, false},
               {"node-a", "cuda:1", "H100", "drained: fan", 1, int64_t{80} << 30, false},
               {"node-b", "cuda:0", "A10", "too small: it has 24.0 GiB, the model needs 40.0 GiB",
                0, int64_t{24} << 30, false},
               {"node-c", "cuda:0", "H100", "free", 0, 0, true}};
  why.slots_known = 6;
  why.decisions = {
      {1, kNowUs - 90'000'000, "r-waiting", "submitted", "org/next for demo"},
      {2, kNowUs - 80'000'000, "r-waiting", "checked", "the submission checks passed"}};
  return why;
}

TEST(RenderTest, ExplanationNamesEverySlotAndWhatWasDecided) {
  const std::string text = RenderExplanation(Plain(80), Explanation(), kNowUs);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(DisplayWidth(line), 80) << line;
  ExpectSameAsFile(text, "explain_80.txt");
}

TEST(RenderTest, ExplanationInColor) {
  ExpectSameAsFile(RenderExplanation(Colored(120), Explanation(), kNowUs), "explain_120_color.txt");
}

TEST(RenderTest, QueueFitsEightyColumns) {
  std::vector<RequestView> requests = Requests();
  for (RequestView& r : requests) {
    r.precision = "bfloat16";
    r.suite = "demo";
    r.submitted_at_us = kNowUs - 65'000'000;
  }
  requests[2].model = "/srv/models/an-organisation/a-model-7B";
  const std::string text = RenderQueue(Plain(80), requests, kNowUs);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(DisplayWidth(line), 80) << line;
  ExpectSameAsFile(text, "queue_80.txt");
}

TEST(RenderTest, WorkersShowSlotsAndWhatTheyHold) {
  WorkerView up{"node-a", "class", "1",
                "",       true,    false,
                10,       7,       {{0, "cpu", "m@main:float32", "r-1", 3}, {1, "cpu", "", "", 0}}};
  WorkerView lost{"node-b", "class", "1", "", false, false, 90'000, 2, {}};
  EXPECT_EQ(RenderWorkers(Plain(80), {up, lost}),
            "worker  state  slot  device  request  warm model      batches\n"
            "node-a  up        0  cpu     r-1      m@main:float32        7\n"
            "                  1  cpu     idle\n"
            "node-b  lost                                                2\n");
}

TEST(ExitCodeTest, EveryKindOfFailureHasItsCode) {
  EXPECT_EQ(ExitCodeOf(OkStatus()), 0);
  EXPECT_EQ(ExitCodeOf(NotFound("")), 1);
  EXPECT_EQ(ExitCodeOf(InvalidArgument("")), 2);
  EXPECT_EQ(ExitCodeOf(Unavailable("")), 3);
  EXPECT_EQ(ExitCodeOf(PermissionDenied("")), 4);
  EXPECT_EQ(ExitCodeOf(FailedPrecondition("")), 4);
}

}  // namespace
}  // namespace koeval::cli
