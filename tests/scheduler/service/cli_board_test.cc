// The koeval binary against a scheduler in this process: flags, models, leaderboard columns, export
// and import of folders.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>

#include "common/base/file.h"
#include "common/base/json.h"
#include "scheduler/board/board_folder.h"
#include "tests/scheduler/service/harness.h"

namespace koeval::service {
namespace {

namespace fs = std::filesystem;

class CliBoardTest : public ServiceTest {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("KOEVAL_BIN_DIR");
    if (folder == nullptr || !fs::exists(std::string(folder) + "/koeval")) {
      GTEST_SKIP() << "KOEVAL_BIN_DIR has no koeval";
    }
    binary_ = std::string(folder) + "/koeval";
    Start();
  }

  struct Outcome {
    int code = -1;
    std::string out, err;
  };

  Outcome Koeval(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {binary_, "--address", scheduler_->grpc_address()});
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const std::string out = dir_.path("out"), err = dir_.path("err");
    constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC;
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, out.c_str(), kFlags, 0600);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, err.c_str(), kFlags, 0600);
    pid_t pid = 0;
    EXPECT_EQ(::posix_spawn(&pid, binary_.c_str(), &files, nullptr, argv.data(), environ), 0);
    posix_spawn_file_actions_destroy(&files);
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFEXITED(status)) << status;
    return {WEXITSTATUS(status), ReadFile(out).value(), ReadFile(err).value()};
  }
  Outcome MustRun(std::vector<std::string> arguments) {
    const Outcome outcome = Koeval(std::move(arguments));
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return outcome;
  }

  void Finish(const std::string& id, const std::string& model) {
    MustSubmit(id, model);
    const FakeWorker worker(channel_, "node-" + id);
    WaitForPhase(id, "done");
  }

  void Put(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(dir_.path(path)).parent_path());
    ASSERT_TRUE(WriteFileAtomically(dir_.path(path), text).ok());
  }

  std::map<std::string, std::string> Files(const std::string& folder) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(dir_.path(folder))) {
      if (!entry.is_regular_file()) continue;
      files[fs::relative(entry.path(), dir_.path(folder)).string()] =
          ReadFile(entry.path().string()).value();
    }
    return files;
  }

  std::string binary_;
};

TEST_F(CliBoardTest, ExportImportAndExportGiveByteEqualFolders) {
  Finish("r-1", "org/good");
  Put("old/old/one_False_False_False.json",
      "{\"8bit_eval\": false, \"model\": \"old/one\", \"status\": \"RERUN\", \"?\": NaN }\r\n");
  Put("old/README.md", "no request");
  const Outcome imported = MustRun({"import", "requests", dir_.path("old")});
  EXPECT_EQ(
      imported.out,
      "1 files added, 0 changed, 0 unchanged, 0 refused; 1 files of other kinds left alone\n");
  for (const std::string kind : {"requests", "results"}) {
    MustRun({"export", kind, dir_.path("a/" + kind)});
  }
  const auto exported = Files("a");
  EXPECT_EQ(exported.size(), 3u);
  EXPECT_NE(MustRun({"export", "requests", dir_.path("a/requests")})
                .out.find("0 files written, 2 unchanged"),
            std::string::npos);
  Stop();
  config_.database = dir_.path("other.db");
  Start();
  for (const std::string kind : {"requests", "results"}) {
    MustRun({"import", kind, dir_.path("a/" + kind)});
    MustRun({"export", kind, dir_.path("b/" + kind)});
  }
  EXPECT_EQ(Files("b"), exported);
}

TEST_F(CliBoardTest, ResultsInTheLayoutOfTheFirstLeaderboardAreReadBack) {
  Finish("r-1", "org/good");
  MustRun({"export", "results", dir_.path("v1"), "--format", "leaderboard-v1"});
  const auto exported = Files("v1");
  ASSERT_EQ(exported.size(), 1u);
  EXPECT_NE(exported.begin()->second.find("\"harness|toy_a|0\""), std::string::npos)
      << exported.begin()->second;
  Stop();
  config_.database = dir_.path("other.db");
  Start();
  MustRun({"import", "results", dir_.path("v1")});
  const auto board = ParseJson(MustRun({"--json", "leaderboard"}).out);
  ASSERT_TRUE(board.ok());
  EXPECT_EQ((*board)["leaderboard"]["rows"].size(), 1u) << board->dump();
  MustRun({"export", "results", dir_.path("again"), "--format", "leaderboard-v1"});
  EXPECT_EQ(Files("again"), exported);
  EXPECT_EQ(Koeval({"export", "requests", dir_.path("x"), "--format", "leaderboard-v1"}).code, 2);
  EXPECT_EQ(Koeval({"export", "results", dir_.path("x"), "--format", "v3"}).code, 2);
}

TEST_F(CliBoardTest, AFolderThatIsHalfBadSaysWhichFilesAndKeepsTheOthers) {
  Put("in/a/good.json", R"({"model": "a/good", "status": "PENDING"})");
  Put("in/a/bad.json", R"({"model": "a/bad")");
  Put("in/a/no_status.json", R"({"model": "a/no"})");
  fs::create_symlink("/etc/passwd", dir_.path("in/a/link.json"));
  const Outcome outcome = Koeval({"import", "requests", dir_.path("in")});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.out.find("1 files added, 0 changed, 0 unchanged, 3 refused"), std::string::npos)
      << outcome.out;
  for (const char* path : {"a/bad.json", "a/no_status.json", "a/link.json"}) {
    EXPECT_NE(outcome.err.find(path), std::string::npos) << outcome.err;
  }
  EXPECT_EQ(Koeval({"import", "requests", dir_.path("nowhere")}).code, 1);
  EXPECT_EQ(Koeval({"import", "samples", dir_.path("in")}).code, 2);
  EXPECT_EQ(Koeval({"export", "requests", dir_.path("out"), "--suite", "none"}).code, 1);
}

TEST_F(CliBoardTest, FlagsHideModelsAndColumnsAreChosen) {
  Finish("r-1", "org/good");
  Finish("r-2", "org/other");
  MustRun(
      {"flag", "org/good", "--reason", "trained on test data", "--url", "https://hub.example/1"});
  const std::string hidden = MustRun({"leaderboard"}).out;
  EXPECT_EQ(hidden.find("org/good"), std::string::npos) << hidden;
  EXPECT_NE(hidden.find("1 model is flagged"), std::string::npos) << hidden;
  const std::string shown =
      MustRun({"leaderboard", "--flagged", "--columns", "type,average,architecture"}).out;
  EXPECT_NE(shown.find("org/good"), std::string::npos) << shown;
  EXPECT_NE(shown.find("flagged"), std::string::npos) << shown;
  EXPECT_NE(shown.find("LlamaForCausalLM"), std::string::npos) << shown;
  EXPECT_EQ(shown.find("precision"), std::string::npos) << shown;
  const std::string flagged = MustRun({"models", "--flagged"}).out;
  EXPECT_NE(flagged.find("trained on test data https://hub.example/1"), std::string::npos)
      << flagged;
  const auto json = ParseJson(MustRun({"--json", "models"}).out);
  ASSERT_TRUE(json.ok());
  EXPECT_EQ((*json)["schema"], "koeval.models/1");
  EXPECT_EQ((*json)["models"].size(), 2u);
  EXPECT_EQ((*json)["models"][0]["flag"]["reason"], "trained on test data");
  EXPECT_EQ(MustRun({"models", "refresh"}).out, "0 changed, 0 with problems\n");
  MustRun({"unflag", "org/good"});
  EXPECT_EQ(Koeval({"unflag", "org/good"}).code, 1);
  EXPECT_EQ(Koeval({"flag", "org/good"}).code, 2);
  EXPECT_EQ(Koeval({"leaderboard", "--columns", "height"}).code, 2);
}

}  // namespace
}  // namespace koeval::service
