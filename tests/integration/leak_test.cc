// A private evaluation from end to end, with everything that can go wrong on the way, and then a
// search for its sentences in all that the system wrote.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "common/base/file.h"
#include "tests/common/temp_folder.h"
#include "tests/integration/cluster.h"
#include "tests/integration/leak_search.h"

namespace koeval::integration {
namespace {

namespace fs = std::filesystem;

constexpr int kRows = 400;  // enough for a crash in the middle

// One sentence for each place that a text can stand in.
constexpr const char* kQuestion = "물음표가 붙은 은밀한 문장 Q-58213";
constexpr const char* kChoice = "고르라고 적은 은밀한 보기 C-77120";
constexpr const char* kTarget = "맞다고 적은 은밀한 정답 T-30991";
constexpr const char* kShot = "본보기로 적은 은밀한 문장 S-41877";
constexpr const char* kDescription = "머리말로 적은 은밀한 문장 D-66402";
constexpr const char* kTemplate = "틀에 적은 은밀한 문장 F-20458";
constexpr const char* kBadRow = "깨진 줄의 은밀한 문장 B-90117";
const std::vector<std::string> kSentences = {kQuestion,    kChoice,   kTarget, kShot,
                                             kDescription, kTemplate, kBadRow};

void Write(const std::string& path, const std::string& text, mode_t mode = 0600) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << text;
  ASSERT_EQ(::chmod(path.c_str(), mode), 0);
}

std::string Rows(const char* question, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) {
    const Json row = {{"question", fmt::format("{} {}", question, i)},
                      {"choices", {fmt::format("{} {}", kChoice, i), "그렇다", "아니다", "모른다"}},
                      {"label", i % 4},
                      {"answer", fmt::format("{} {}", kTarget, i)}};
    out += row.dump() + "\n";
  }
  return out;
}

std::string Task(const std::string& name, const std::string& rest) {
  return fmt::format(
      "task: {}\ndataset_path: acme/private\ntraining_split: train\nfewshot_split: train\n"
      "test_split: test\nnum_fewshot: 2\ndescription: \"{}\\n\"\n{}metadata:\n  version: 1.0\n",
      name, kDescription, rest);
}

std::string Choice(const std::string& label) {
  return fmt::format(
      "output_type: multiple_choice\ndoc_to_text: \"{} {{{{question}}}}\"\n"
      "doc_to_choice: \"{{{{choices}}}}\"\ndoc_to_target: \"{}\"\n"
      "metric_list:\n  - metric: acc\n    aggregation: mean\n    higher_is_better: true\n",
      kTemplate, label);
}

std::string Suite(const std::string& name, const std::string& task, const std::string& metric) {
  return fmt::format(
      "suite: {0}\ntitle: {0}\nversion: \"1\"\nprofile: lm-eval-0.4\ntasks_dir: tasks\nentries:\n"
      "  - {{name: Part, task: {1}, metric: {2}}}\n",
      name, task, metric);
}

// What the operator has: definitions, rows and tokens. Texts may be here.
void WriteInputs(const TempFolder& folder) {
  const std::string suites = folder.File("suites");
  Write(suites + "/tasks/choice.yaml", Task("private_choice", Choice("{{label}}")));
  Write(suites + "/tasks/answer.yaml",
        Task("private_answer",
             fmt::format("output_type: generate_until\ndoc_to_text: \"{} {{{{question}}}}\"\n"
                         "doc_to_target: \"{{{{answer}}}}\"\n"
                         "generation_kwargs:\n  until: [\"\\n\"]\n  max_gen_toks: 4\n"
                         "metric_list:\n  - metric: exact_match\n    aggregation: mean\n"
                         "    higher_is_better: true\n",
                         kTemplate)));
  Write(suites + "/tasks/no_such_choice.yaml", Task("no_such_choice", Choice("{{label + 100}}")));
  Write(suites + "/tasks/no_such_method.yaml",
        Task("no_such_method", Choice("{{question.nothing(answer)}}")));
  Write(suites + "/private.yaml",
        "suite: private\ntitle: Private\nversion: \"1\"\nprofile: lm-eval-0.4\ntasks_dir: tasks\n"
        "entries:\n  - {name: Choice, task: private_choice, metric: acc}\n"
        "  - {name: Answer, task: private_answer, metric: exact_match}\n");
  Write(suites + "/bad-index.yaml", Suite("bad-index", "no_such_choice", "acc"));
  Write(suites + "/bad-template.yaml", Suite("bad-template", "no_such_method", "acc"));
  Write(folder.File("rows/test.jsonl"), Rows(kQuestion, kRows));
  Write(folder.File("rows/train.jsonl"), Rows(kShot, 8));
  Write(folder.File("bad/test.jsonl"), Rows(kQuestion, 1) + "{\"question\": \"" + kBadRow + "\n");
  Write(folder.File("bad/train.jsonl"), fmt::format("[\"{}\"]\n", kBadRow));
  Write(folder.File("tokens"),
        "eve reader reader-token-0123456789\nalice submitter alice-token-0123456789\n"
        "bob submitter bob-token-0123456789\nop operator operator-token-0123456789\n"
        "nodes worker worker-token-0123456789\n");
  for (const char* who : {"reader", "alice", "bob", "operator", "worker"}) {
    Write(folder.File(who), fmt::format("{}-token-0123456789\n", who));
  }
  Write(folder.File("worker.yaml"),
        fmt::format("threads_per_slot: 1\nshutdown: 60s\ntoken_file: {}\n", folder.File("worker")));
}

// Command lines and environments of what runs now.
std::string SeenFromOutside(const Cluster& cluster) {
  std::string out;
  for (const pid_t pid : cluster.Processes()) {
    for (const char* file : {"cmdline", "environ", "comm"}) {
      std::ifstream in(fmt::format("/proc/{}/{}", pid, file), std::ios::binary);
      out.append(std::istreambuf_iterator<char>(in), {});
    }
  }
  return out;
}

// Soft and hard limit of core files, as /proc has them: "0 0".
std::string CoreLimit(pid_t pid) {
  std::ifstream in(fmt::format("/proc/{}/limits", pid));
  const std::string_view name = "Max core file size";
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(name)) continue;
    std::istringstream fields(line.substr(name.size()));
    std::string soft, hard;
    fields >> soft >> hard;
    return soft + " " + hard;
  }
  return "unknown";
}

std::set<std::string> SharedMemory() {
  std::set<std::string> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/dev/shm", error)) {
    out.insert(entry.path().string());
  }
  return out;
}

// The answer to a reader; a 200 is expected where `must`.
std::string Get(const std::string& address, const std::string& path, bool must) {
  httplib::Client client("http://" + address);
  const auto response = client.Get(path, {{"Authorization", "Bearer reader-token-0123456789"}});
  EXPECT_TRUE(response) << path;
  if (!response) return "";
  if (must) {
    EXPECT_EQ(response->status, 200) << path << "\n" << response->body;
  }
  return response->body;
}

void ExpectClean(const std::vector<Leak>& leaks) {
  for (const Leak& leak : leaks) {
    ADD_FAILURE() << "\"" << leak.sentence << "\" as " << leak.form << " in " << leak.where;
  }
}

std::set<std::string> SentencesOf(const std::vector<Leak>& leaks) {
  std::set<std::string> out;
  for (const Leak& leak : leaks) out.insert(leak.sentence);
  return out;
}

TEST(LeakTest, NoTextOfAPrivateEvaluationLeavesTheSchedulersStore) {
  rlimit core{};
  ASSERT_EQ(::getrlimit(RLIMIT_CORE, &core), 0);
  core.rlim_cur = core.rlim_max;  // a crash may leave a core file, unless the daemons forbid it
  ASSERT_EQ(::setrlimit(RLIMIT_CORE, &core), 0);
  const std::set<std::string> shared_before = SharedMemory();
  const TempFolder inputs;
  WriteInputs(inputs);
  Cluster cluster({.suites_dir = inputs.File("suites"),
                   .suite = "private",
                   .scheduler_settings = "tokens_file: " + inputs.File("tokens") +
                                         "\nlog_level: debug\nsubmits_max: 3\n",
                   .worker_config = inputs.File("worker.yaml"),
                   .token_file = inputs.File("operator"),
                   .keeps_traces = true});
  const LeakSearch search(kSentences);
  std::string outside;
  int status = 0;

  cluster.StartScheduler();
  // A row that cannot be read, then the right ones.
  cluster.Koeval({"datasets", "add", "acme/private", inputs.File("bad")}, &status);
  EXPECT_NE(status, 0);
  cluster.Koeval({"datasets", "add", "acme/private", inputs.File("rows")});
  cluster.Koeval({"datasets", "list"});
  cluster.Koeval({"suites"});
  cluster.StartWorker("node-a");
  cluster.StartWorker("node-b");
  cluster.WaitForWorkers(2);

  // Tasks whose rows do not go with their templates.
  cluster.UseToken(inputs.File("alice"));
  const std::string model = Source("configs/demo/model");
  for (const char* suite : {"bad-index", "bad-template"}) {
    cluster.Koeval({"submit", model, "--suite", suite, "--request-id", suite});
    EXPECT_EQ(cluster.WaitForEnd(suite), "FAILED");
    EXPECT_EQ(cluster.KoevalJson({"status", suite})["request"]["ending"], "TASK_INVALID");
    cluster.Koeval({"status", suite}, &status);
    cluster.Koeval({"explain", suite}, &status);
  }

  // The checks' process counts the tokens of private prompts.
  const Json dry_run = cluster.KoevalJson({"submit", model, "--dry-run"})["dry_run"];
  EXPECT_GT(dry_run["tasks"][0]["prompt_tokens"].get<int64_t>(), 0) << dry_run.dump(1);

  // A runner that crashes and a worker that is killed, in the middle of the evaluation.
  cluster.Koeval({"submit", model, "--request-id", "run"});
  cluster.WaitForBatches("run", 1);
  outside += SeenFromOutside(cluster);
  EXPECT_GE(cluster.Processes().size(), 4U) << "scheduler, two workers and a runner";
  for (const pid_t pid : cluster.Processes()) EXPECT_EQ(CoreLimit(pid), "0 0") << pid;
  EXPECT_TRUE(cluster.KillRunnerOf("node-a", SIGSEGV) || cluster.KillRunnerOf("node-b", SIGSEGV));
  cluster.WaitForBatches("run", 3);
  outside += SeenFromOutside(cluster);
  cluster.EndWorker("node-b", SIGKILL);
  cluster.StartWorker("node-b");
  ASSERT_EQ(cluster.WaitForEnd("run"), "FINISHED");

  // The submitter's own limit and withdrawal, and another's.
  cluster.Koeval({"submit", model, "--request-id", "over"}, &status);
  EXPECT_EQ(status, 3) << "the fourth within the window";
  cluster.UseToken(inputs.File("bob"));
  cluster.Koeval({"pause"}, &status);
  EXPECT_EQ(status, 4);
  cluster.Koeval({"cancel", "run"}, &status);
  EXPECT_EQ(status, 4) << "another's request";

  // Everything that a reader can ask for.
  cluster.UseToken(inputs.File("reader"));
  const std::string samples = cluster.Koeval({"samples", "run"});
  EXPECT_EQ(static_cast<int>(std::count(samples.begin(), samples.end(), '\n')), 2 * kRows);
  EXPECT_NE(samples.find("\"prompt_hash\""), std::string::npos);
  cluster.Koeval({"results", "run", "--output", cluster.folder() + "/clients/results.json"});
  for (const std::vector<std::string>& call :
       std::vector<std::vector<std::string>>{{"results", "run", "--json"},
                                             {"leaderboard"},
                                             {"leaderboard", "--json"},
                                             {"status"},
                                             {"status", "run", "--json"},
                                             {"queue"},
                                             {"explain", "run"},
                                             {"workers", "--json"},
                                             {"datasets", "list", "--json"},
                                             {"suites", "--json"}}) {
    cluster.Koeval(call);
  }
  std::string http;
  for (const char* path :
       {"/healthz", "/metrics", "/", "/queue", "/requests/run", "/requests/bad-index",
        "/leaderboard.csv", "/leaderboard.json", "/api/v1/requests/run",
        "/api/v1/requests/run/results", "/api/v1/requests/run/results/file"}) {
    http += Get(cluster.http_address(), path, /*must=*/true);
  }
  http += Get(cluster.http_address(), "/status", /*must=*/false);
  EXPECT_NE(http.find("koeval_batches_total"), std::string::npos);

  // The operator sees the texts: in a place of their own.
  const std::string operators = inputs.File("operators-samples.jsonl");
  cluster.UseToken(inputs.File("operator"));
  cluster.Koeval({"samples", "run", "--output", operators});
  outside += SeenFromOutside(cluster);
  for (const char* node : {"node-a", "node-b"}) EXPECT_EQ(cluster.EndWorker(node, SIGTERM), 0);
  EXPECT_EQ(cluster.EndScheduler(SIGTERM), 0);

  std::string logs;
  for (const char* node : {"node-a", "node-b"}) {
    logs += ReadFile(cluster.folder() + "/" + node + ".log").value();
  }
  EXPECT_NE(logs.find("SIGSEGV"), std::string::npos) << "no crash was seen";

  // Where texts may be, and are: else there would have been nothing to leak.
  const std::string state = cluster.folder() + "/state";
  const std::vector<std::string> allowed = {state + "/datasets", state + "/bundles", operators};
  const std::set<std::string> planted = {kQuestion, kChoice, kTarget, kShot};
  for (const std::string& path : allowed) {
    std::set<std::string> found = SentencesOf(search.InPath(path));
    for (const char* definition : {kDescription, kTemplate}) found.erase(definition);
    EXPECT_EQ(found, planted) << path;
  }

  // Everything else.
  std::vector<std::string> searched;
  const std::set<std::string> own = {state, cluster.folder() + "/koeval.db",
                                     cluster.folder() + "/koeval.db-wal",
                                     cluster.folder() + "/koeval.db-shm"};
  for (const char* folder : {"", "/state"}) {
    for (const auto& entry : fs::directory_iterator(cluster.folder() + folder)) {
      const std::string path = entry.path().string();
      const bool is_allowed = std::find(allowed.begin(), allowed.end(), path) != allowed.end();
      if (!is_allowed && !own.contains(path)) searched.push_back(path);
    }
  }
  for (const std::string& path : SharedMemory()) {
    if (!shared_before.contains(path)) searched.push_back(path);
  }
  for (const std::string& path : searched) ExpectClean(search.InPath(path));
  ExpectClean(search.InBytes(outside, "command lines and environments"));
  ExpectClean(search.InBytes(http, "answers over HTTP"));
  for (const char* node : {"node-a", "node-b"}) {
    EXPECT_TRUE(fs::is_directory(cluster.folder() + "/nodes/" + node));
    for (const auto& entry :
         fs::recursive_directory_iterator(cluster.folder() + "/nodes/" + node)) {
      ADD_FAILURE() << "a worker wrote " << entry.path();
    }
  }

  std::printf("texts may be in (and are):\n");
  for (const std::string& path : allowed) std::printf("  %s\n", path.c_str());
  std::printf("  %s/koeval.db, -wal and -shm\n", cluster.folder().c_str());
  std::printf("texts must not be in (and are not):\n");
  for (const std::string& path : searched) std::printf("  %s\n", path.c_str());
  std::printf("  command lines and environments of scheduler, workers and runners\n");
  std::printf("  /healthz, /metrics and other answers over HTTP\n");
}

}  // namespace
}  // namespace koeval::integration
