// Pages: nothing from outside becomes markup, both languages, empty and full ones.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scheduler/web/board_page.h"
#include "scheduler/web/queue_page.h"
#include "scheduler/web/request_page.h"

namespace koeval::web {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kEvil = "<script>alert(1)</script>\"'&";
constexpr const char* kEvilEscaped = "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;";

const Site kSite{"Board", "Footer", "ops@example.org", "1.2.3"};

PageContext In(Language language) {
  return {kSite, language, "/", {}};
}

std::string BoardHtml(const Board& board, Language language, const BoardQuery& query = {}) {
  auto columns = ChosenColumns(board, query);
  auto rows = SelectRows(board, query);
  return RenderBoardPage(In(language), {board, query, *columns, *rows},
                         {{board.suite, board.title}});
}

BoardRow EvilRow() {
  BoardRow row;
  row.request = row.model = row.revision = row.precision = row.model_type = kEvil;
  row.license = row.architecture = row.weight_type = row.suite_version = kEvil;
  row.flags = {kEvil};
  row.prompts = {kEvil, false, kEvil};
  row.profile = kEvil;
  row.scores = {ScoreCell{0.5, 0.1}};
  row.stored_average = 0.5;
  return row;
}

cli::RequestView EvilRequest(const std::string& state) {
  cli::RequestView request;
  request.id = request.model = request.suite = request.precision = request.revision = kEvil;
  request.reason = request.remedy = request.ending = request.submitter = kEvil;
  request.hardware_class = request.plan_digest = request.bundle_digest = kEvil;
  request.system_instruction = request.weight_type = request.model_type = kEvil;
  request.chat_template = kEvil;
  request.facts_json = R"({"findings":[{"code":"<script>","message":"<script>","remedy":"<b>"}]})";
  request.state = state;
  request.phase = "batches";
  request.batches_total = 4;
  request.batches_done = 1;
  request.tasks = {{kEvil, 1, 2, 3, 4}};
  return request;
}

TEST(BoardPageTest, NothingOfARowBecomesMarkup) {
  Board board{kEvil, kEvil, kEvil, {kEvil}, {EvilRow()}};
  RankRows(&board);
  BoardQuery query;
  query.show_flagged = true;
  query.search = "<SCRIPT>";
  for (const BoardColumn& column : BoardColumns(board)) query.columns.push_back(column.id);
  const std::string html = BoardHtml(board, Language::kEnglish, query);
  EXPECT_THAT(html, HasSubstr(kEvilEscaped));
  EXPECT_THAT(html, Not(HasSubstr("<script>")));
  EXPECT_THAT(html, Not(HasSubstr("\"'&\"")));
}

TEST(BoardPageTest, AnEmptyBoardSaysSoInBothLanguages) {
  const Board board{"s", "Suite", "1", {"A"}, {}};
  EXPECT_THAT(BoardHtml(board, Language::kEnglish), HasSubstr("No evaluation has finished yet"));
  EXPECT_THAT(BoardHtml(board, Language::kKorean), HasSubstr("아직 끝난 평가가 없습니다"));
  EXPECT_THAT(BoardHtml(board, Language::kKorean), HasSubstr("<html lang=\"ko\">"));
}

TEST(BoardPageTest, ARowSaysWhatDiffersFromTheSuitesSettings) {
  BoardRow plain;
  plain.model = "org/model";
  plain.scores = {ScoreCell{0.5, 0.1}};
  Board board{"s", "Suite", "1", {"A"}, {plain}};
  EXPECT_THAT(BoardHtml(board, Language::kEnglish), Not(HasSubstr("name=\"settings\"")));
  BoardRow chat = plain;
  chat.prompts = {"rag", false, "Be brief."};
  board.rows.push_back(chat);
  const std::string html = BoardHtml(board, Language::kEnglish);
  EXPECT_THAT(html, HasSubstr("<span class=\"tag\">chat template rag</span>"));
  EXPECT_THAT(html, HasSubstr("<span class=\"tag\">few-shot in one turn</span>"));
  EXPECT_THAT(html, HasSubstr("title=\"Be brief.\">System instruction</span>"));
  EXPECT_THAT(html, HasSubstr("<select name=\"settings\">"));
  EXPECT_THAT(BoardHtml(board, Language::kKorean), HasSubstr(">채팅 템플릿 rag</span>"));
  BoardQuery query;
  query.columns = {"settings"};
  EXPECT_THAT(BoardHtml(board, Language::kEnglish, query),
              HasSubstr("chat template rag, few-shot in one turn, System instruction</td>"));
}

TEST(BoardPageTest, EarlierVersionsOfTheSuiteCanBeChosenWhereThereAreAny) {
  Board board{"s", "Suite", "2", {"A"}, {}};
  board.versions = {"2"};
  EXPECT_THAT(BoardHtml(board, Language::kEnglish), Not(HasSubstr("name=\"version\"")));
  board.versions = {"2", "1"};
  EXPECT_THAT(BoardHtml(board, Language::kEnglish),
              HasSubstr("<option value=\"\" selected>2</option><option value=\"1\">1</option>"));
}

TEST(BoardPageTest, ScoresStandWithTheirErrorAndHeadersSayTheOrder) {
  BoardRow row;
  row.request = "r-1";
  row.model = "org/model";
  row.suite_version = "1";
  row.scores = {ScoreCell{0.61234, 0.0043}};
  row.stored_average = 0.61234;
  Board board{"s", "Suite", "1", {"A"}, {row}};
  RankRows(&board);
  const std::string html = BoardHtml(board, Language::kEnglish);
  EXPECT_THAT(html, HasSubstr("61.23 <small>± 0.43</small>"));
  EXPECT_THAT(html, HasSubstr("aria-sort=\"descending\""));
  EXPECT_THAT(html, HasSubstr("href=\"/requests/r-1\""));
  EXPECT_THAT(html, HasSubstr("href=\"/?sort=score%3AA&amp;order=desc\""));
}

TEST(BoardPageTest, TwoThousandRowsAreWholeAndPaged) {
  Board board{"s", "Suite", "1", {"A", "B", "C", "D", "E"}, {}};
  for (int i = 0; i < 2'000; ++i) {
    BoardRow row;
    row.request = fmt::format("r-{}", i);
    row.model = fmt::format("org/model-{}", i);
    row.suite_version = "1";
    row.scores.assign(5, ScoreCell{i / 2'000.0, 0.01});
    row.stored_average = i / 2'000.0;
    board.rows.push_back(row);
  }
  RankRows(&board);
  BoardQuery query;
  query.rows_per_page = 0;
  const std::string all = BoardHtml(board, Language::kKorean, query);
  EXPECT_THAT(all, HasSubstr("org/model-0<"));
  EXPECT_THAT(all, HasSubstr("org/model-1999<"));
  query.rows_per_page = 200;
  query.page = 10;
  const std::string last = BoardHtml(board, Language::kKorean, query);
  EXPECT_THAT(last, HasSubstr("org/model-0<"));
  EXPECT_THAT(last, Not(HasSubstr("org/model-1999<")));
  EXPECT_THAT(last, HasSubstr("10 / 10"));
}

TEST(PageTest, NoPageHasInlineScriptsOrStyles) {
  const Board board{"s", "Suite", "1", {"A"}, {}};
  QueuePageView queue;
  queue.sections = {{"RUNNING", {EvilRequest("RUNNING")}, ""}};
  RequestPageView request;
  request.request = EvilRequest("FAILED");
  for (const std::string& html :
       {BoardHtml(board, Language::kEnglish), RenderQueuePage(In(Language::kEnglish), queue),
        RenderRequestPage(In(Language::kEnglish), request),
        RenderAboutPage(In(Language::kEnglish), DefaultAbout(Language::kEnglish))}) {
    EXPECT_THAT(html, Not(HasSubstr(" style=")));
    EXPECT_THAT(html, Not(HasSubstr("<style")));
    EXPECT_THAT(html, Not(HasSubstr(" onclick=")));
    EXPECT_THAT(html, Not(HasSubstr("<script>")));
  }
}

TEST(PageTest, SwitchesKeepTheQueryAndNameTheLanguage) {
  PageContext context = In(Language::kEnglish);
  context.path = "/queue";
  context.params.Add("state", "failed");
  context.params.Add("lang", "en");
  const std::string html = RenderMessagePage(context, {"T", "제목"}, kEvil);
  EXPECT_THAT(html, HasSubstr("href=\"/queue?state=failed&amp;lang=ko\" lang=\"ko\""));
  EXPECT_THAT(html, HasSubstr(kEvilEscaped));
  EXPECT_THAT(html, HasSubstr("mailto:ops@example.org"));
}

TEST(QueuePageTest, EachStateShowsWhatItsReadersNeed) {
  cli::RequestView waiting = EvilRequest("PENDING");
  waiting.queue_position = 3;
  cli::RequestView running = EvilRequest("RUNNING");
  running.eta_ms = 7'500'000;
  QueuePageView view;
  view.queue.pending = 1;
  view.queue.last_seq = 41;
  view.sections = {{"RUNNING", {running}, ""},
                   {"PENDING", {waiting}, "token"},
                   {"FAILED", {EvilRequest("FAILED")}, ""},
                   {"FINISHED", {}, ""}};
  const std::string html = RenderQueuePage(In(Language::kKorean), view);
  EXPECT_THAT(html, HasSubstr("<progress max=\"4\" value=\"1\""));
  EXPECT_THAT(html, HasSubstr("2시간 5분"));
  EXPECT_THAT(html, HasSubstr("data-label=\"순번\" class=\"number\"><div class=\"value\">3<"));
  EXPECT_THAT(html, HasSubstr("해결 방법"));
  EXPECT_THAT(html, HasSubstr("href=\"/queue?state=pending\">이 상태 모두 보기"));
  EXPECT_THAT(html, HasSubstr("data-watch=\"/api/v1/watch?after=41\""));
  EXPECT_THAT(html, Not(HasSubstr("<script>")));
}

TEST(RequestPageTest, AFailedOneSaysWhyAndHowToSeeItAtHome) {
  RequestPageView view;
  view.request = EvilRequest("FAILED");
  view.attempts = {{1, 1, kEvil, kEvil, kEvil, 1, 2}};
  const std::string html = RenderRequestPage(In(Language::kEnglish), view);
  EXPECT_THAT(html, HasSubstr("What to do"));
  EXPECT_THAT(html, HasSubstr("--limit 10"));
  EXPECT_THAT(html, HasSubstr("Attempts"));
  EXPECT_THAT(html, Not(HasSubstr("<script>")));
  EXPECT_THAT(html, Not(HasSubstr("data-watch")));
}

TEST(RequestPageTest, AFinishedOneShowsIntervals) {
  RequestPageView view;
  view.request.state = "FINISHED";
  view.request.model = "org/model";
  cli::ResultsView results;
  results.entries = {{"A", "acc", 0.5, 0.01}, {"B", "mc2", 0.25, std::nullopt}};
  results.average = 0.375;
  results.tasks = {{"task_a", "", 5, 100, {{"acc", "none", 0.5, 0.01}}}};
  view.results = results;
  const std::string html = RenderRequestPage(In(Language::kEnglish), view);
  EXPECT_THAT(html, HasSubstr("48.04 – 51.96"));
  EXPECT_THAT(html, HasSubstr("37.50"));
  EXPECT_THAT(html, HasSubstr("task_a"));
}

TEST(RequestPageTest, TheCommandQuotesForAShell) {
  cli::RequestView request;
  request.model = "org/model";
  request.revision = "main";
  request.suite = "ko-h5";
  request.profile = "leaderboard-v1";
  request.precision = "float16";
  EXPECT_EQ(ReproduceCommand(request, std::nullopt),
            "koeval eval --model org/model --revision main --suite ko-h5 --profile leaderboard-v1 "
            "--dtype float16 --output ./results");
  request.model = "/data/my model";
  request.chat_template = "";
  request.system_instruction = "Don't $(rm)";
  EXPECT_EQ(ReproduceCommand(request, 5),
            "koeval eval --model '/data/my model' --suite ko-h5 --profile leaderboard-v1 --dtype "
            "float16 --limit 5 --apply-chat-template --no-fewshot-as-multiturn "
            "--system-instruction 'Don'\\''t $(rm)' --output ./results");
}

}  // namespace
}  // namespace koeval::web
