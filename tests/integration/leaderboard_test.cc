// The whole way of a leaderboard in one run: models of a hub, submitted by the page and by the
// command line, checked, downloaded and evaluated by two workers, on the board, and in the exported
// files.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>

#include "common/base/file.h"
#include "tests/common/hub/fake_hub.h"
#include "tests/common/temp_folder.h"
#include "tests/integration/cluster.h"

namespace koeval::integration {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr char kByPage[] = "org/by-page";
constexpr char kByLine[] = "org/by-line";
constexpr char kNoWeights[] = "zoo/no-weights";

using Fields = std::map<std::string, std::string>;

// What a browser sends of a form that was not filled in: hidden and text fields with their values,
// and of each list the entry that is selected, else the first.
Fields FieldsOf(const std::string& html) {
  Fields out;
  const std::regex input(R"re(<input ([^>]*)>)re"), name(R"re(name="([^"]*)")re"),
      value(R"re( value="([^"]*)")re"),
      list(R"re(<select name="([^"]*)">((?:<option[^>]*>[^<]*</option>)*)</select>)re"),
      chosen(R"re(<option value="([^"]*)" selected>)re"), first(R"re(<option value="([^"]*)")re");
  for (std::sregex_iterator at(html.begin(), html.end(), input), end; at != end; ++at) {
    const std::string attributes = (*at)[1];
    std::smatch named, valued;
    const bool box = attributes.find("type=\"checkbox\"") != std::string::npos;
    if (box || !std::regex_search(attributes, named, name)) continue;
    out[named[1]] = std::regex_search(attributes, valued, value) ? valued[1].str() : "";
  }
  for (std::sregex_iterator at(html.begin(), html.end(), list), end; at != end; ++at) {
    const std::string options = (*at)[2];
    std::smatch option;
    if (std::regex_search(options, option, chosen) || std::regex_search(options, option, first)) {
      out[(*at)[1]] = option[1];
    }
  }
  return out;
}

class LeaderboardTest : public ::testing::Test {
 protected:
  LeaderboardTest() : cluster_(Options()) {
    AddCopy(kByPage, "\n");
    AddCopy(kByLine, "\n\n");
    AddCopy(kNoWeights, "\n\n\n", "model.safetensors");
    cluster_.StartScheduler();
    for (const char* worker : {"node-a", "node-b"}) {
      cluster_.StartWorker(worker, {"--hub-endpoint", hub_.endpoint(), "--hub-cache",
                                    folder_.File(std::string("cache-") + worker)});
    }
    cluster_.WaitForWorkers(2);
  }

  ClusterOptions Options() {
    ClusterOptions options;
    options.lease_batches_max = 1;
    options.scheduler_settings = fmt::format(
        "hub: {{endpoint: \"{}\"}}\nexport: {{requests_dir: {}, results_dir: {}, debounce: 0s}}\n",
        hub_.endpoint(), folder_.File("requests"), folder_.File("results"));
    return options;
  }
  // The demo model under `id`: `tail` makes its configuration, and so its content, another one.
  void AddCopy(const std::string& id, const std::string& tail, const std::string& without = "") {
    const std::string copy = folder_.File("hub/" + id);
    fs::create_directories(copy);
    fs::copy(Source("configs/demo/model"), copy, fs::copy_options::recursive);
    std::ofstream(copy + "/config.json", std::ios::app) << tail;
    if (!without.empty()) fs::remove(copy + "/" + without);
    hub_.AddFolder(id, copy);
  }

  std::string Page(const std::string& path) {
    httplib::Client client("http://" + cluster_.http_address());
    const auto answer = client.Get(path);
    EXPECT_TRUE(answer && answer->status == 200) << path;
    return answer ? answer->body : "";
  }
  Json Api(const std::string& path) {
    auto json = ParseJson(Page(path));
    EXPECT_TRUE(json.ok()) << path << ": " << json.status().ToString();
    return json.ok() ? *json : Json();
  }
  // Fills in the form of the page and sends it, as a browser without scripts does.
  httplib::Result SendForm(const std::string& model) {
    Fields fields = FieldsOf(Page("/submit"));
    EXPECT_FALSE(fields["request_id"].empty()) << "the page gives each form an id";
    fields["model"] = model;
    fields["precision"] = "float32";
    fields["action"] = "submit";
    httplib::Params params(fields.begin(), fields.end());
    const std::string origin = "http://" + cluster_.http_address();
    httplib::Client client(origin);
    client.set_read_timeout(60);
    return client.Post("/submit",
                       {{"Origin", origin},
                        {"Referer", origin + "/submit"},
                        {"Sec-Fetch-Site", "same-origin"},
                        {"Accept", "text/html"}},
                       params);
  }
  // The one file below `folder` whose path holds `part`.
  static std::string OnlyFile(const std::string& folder, const std::string& part) {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      const std::string path = entry.path();
      if (entry.is_regular_file() && path.find(part) != std::string::npos) found.push_back(path);
    }
    EXPECT_EQ(found.size(), 1U) << part;
    return found.size() == 1 ? found[0] : "";
  }
  static Json ReadJson(const std::string& path) {
    const auto text = ReadFile(path);
    const auto json = text.ok() ? ParseJson(*text) : Result<Json>(text.status());
    EXPECT_TRUE(json.ok()) << path;
    return json.ok() ? *json : Json::object();
  }

  TempFolder folder_;
  hub::FakeHub hub_;
  Cluster cluster_;
};

TEST_F(LeaderboardTest, FromTheHubByPageAndByCommandLineToTheBoardAndTheExportedFiles) {
  const auto refused = SendForm(kNoWeights);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 200);
  EXPECT_THAT(refused->body, HasSubstr("NO_SAFETENSORS"));
  EXPECT_TRUE(Api("/api/v1/requests")["requests"].empty()) << "nothing was stored";

  const auto sent = SendForm(kByPage);
  ASSERT_TRUE(sent);
  ASSERT_EQ(sent->status, 303) << sent->body;
  const std::string location = sent->get_header_value("Location");
  ASSERT_THAT(location, testing::StartsWith("/requests/"));
  const std::string by_page = location.substr(std::string("/requests/").size());
  EXPECT_THAT(Page(location), HasSubstr(kByPage));
  ASSERT_EQ(cluster_.WaitForEnd(by_page), "FINISHED");
  cluster_.Koeval({"submit", kByLine, "--request-id", "by-line"});
  ASSERT_EQ(cluster_.WaitForEnd("by-line"), "FINISHED");
  for (const std::string& id : {by_page, std::string("by-line")}) {
    EXPECT_EQ(cluster_.WorkersOf(id), (std::set<std::string>{"node-a", "node-b"})) << id;
  }
  for (const std::string node : {"node-a", "node-b"}) {
    EXPECT_TRUE(fs::exists(folder_.File("cache-" + node + "/models--org--by-page/snapshots")));
    EXPECT_TRUE(fs::exists(folder_.File("cache-" + node + "/models--org--by-line/snapshots")));
  }

  const Json rows = Api("/api/v1/leaderboard")["leaderboard"]["rows"];
  ASSERT_EQ(rows.size(), 2U);
  std::set<std::string> models;
  for (const Json& row : rows) models.insert(row["model"].get<std::string>());
  EXPECT_EQ(models, (std::set<std::string>{kByPage, kByLine}));
  EXPECT_EQ(rows[0]["average"], rows[1]["average"]) << "the same weights";
  EXPECT_GT(rows[0]["average"].get<double>(), 0);
  const std::string board = Page("/");
  EXPECT_THAT(board, HasSubstr("href=\"/requests/" + by_page + "\">" + kByPage));
  EXPECT_THAT(board, HasSubstr(std::string("href=\"/requests/by-line\">") + kByLine));

  EXPECT_EQ(cluster_.EndScheduler(SIGTERM), 0);  // what is still to be exported is written then
  for (const std::string name : {"by-page", "by-line"}) {
    const Json request = ReadJson(OnlyFile(folder_.File("requests"), name + "_eval_request_"));
    EXPECT_EQ(request["model"], "org/" + name);
    EXPECT_EQ(request["status"], "FINISHED");
    const Json result = ReadJson(OnlyFile(folder_.File("results"), "org/" + name + "/result"));
    EXPECT_FALSE(result["results"].empty()) << name;
  }
}

}  // namespace
}  // namespace koeval::integration
