// The zoo: repositories of a hub that are each wrong in one way, and the answer that each gets
// before any runner sees it. Prints the table of answers with the seconds that they took.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/base/cancel.h"
#include "common/base/clock.h"
#include "common/hub/check.h"
#include "common/hub/hub_client.h"
#include "common/hub/stage.h"
#include "tests/common/hub/fake_hub.h"
#include "tests/common/hub/good_repository.h"
#include "tests/common/model/checkpoint_maker.h"
#include "tests/common/temp_folder.h"

namespace koeval::hub {
namespace {

using model::MadeTensor;
using model::MakeSafetensors;
using model::StoredModel;

constexpr const char* kWeights = "model.safetensors";
constexpr const char* kId = "zoo/animal";
constexpr const char* kOurToken = "hf_ours";
constexpr const char* kIndex = "model.safetensors.index.json";

struct Animal {
  std::string name;
  std::set<Ending> codes = {};  // of the errors; empty: nothing stands against a submission
  std::function<void(RepositoryFiles&)> damage = [](RepositoryFiles&) {};
  std::function<void(FakeRepository&)> mark = [](FakeRepository&) {};
  CheckOptions options = {};
  StageLimits limits = {};
  std::string note = {};
  std::string id = kId;
  std::string revision = "main";
  std::string token = {};
};

void Replace(std::string& text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
}

// Replaces `from` in the file.
std::function<void(RepositoryFiles&)> Edit(const std::string& file, const std::string& from,
                                           const std::string& to) {
  return [=](RepositoryFiles& files) { Replace(files.at(file), from, to); };
}

std::function<void(RepositoryFiles&)> Put(const std::string& file, const std::string& bytes) {
  return [=](RepositoryFiles& files) { files[file] = bytes; };
}

std::function<void(RepositoryFiles&)> Drop(const std::string& file) {
  return [=](RepositoryFiles& files) { files.erase(file); };
}

std::vector<MadeTensor> Tensors() {
  return StoredModel::Read(std::string(std::getenv("KOEVAL_SOURCE_DIR")) +
                           "/tests/golden/models/llama")
      .tensors;
}

// The weights with one tensor changed.
std::function<void(RepositoryFiles&)> Reweigh(const std::function<void(MadeTensor&)>& change) {
  return [=](RepositoryFiles& files) {
    auto tensors = Tensors();
    for (MadeTensor& tensor : tensors) {
      if (tensor.name.ends_with("0.mlp.up_proj.weight")) change(tensor);
    }
    files[kWeights] = MakeSafetensors(tensors);
  };
}

std::string HeaderOf(const std::string& file) {
  uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof length);
  return file.substr(8, length);
}

// The same data under another header.
std::function<void(RepositoryFiles&)> Rehead(const std::function<void(std::string&)>& change) {
  return [=](RepositoryFiles& files) {
    std::string& file = files.at(kWeights);
    std::string header = HeaderOf(file);
    const std::string data = file.substr(8 + header.size());
    change(header);
    file = MakeSafetensors(header, data);
  };
}

// Two shards and their index.
void Shard(RepositoryFiles& files) {
  const auto tensors = Tensors();
  const auto middle = tensors.begin() + static_cast<long>(tensors.size() / 2);
  files["model-00001-of-00002.safetensors"] =
      MakeSafetensors(std::vector<MadeTensor>(tensors.begin(), middle));
  files["model-00002-of-00002.safetensors"] =
      MakeSafetensors(std::vector<MadeTensor>(middle, tensors.end()));
  files.erase(kWeights);
  Json index = {{"metadata", Json::object()}, {"weight_map", Json::object()}};
  for (auto at = tensors.begin(); at != tensors.end(); ++at) {
    index["weight_map"][at->name] =
        at < middle ? "model-00001-of-00002.safetensors" : "model-00002-of-00002.safetensors";
  }
  files[kIndex] = index.dump();
}

std::function<void(RepositoryFiles&)> Sharded(const std::function<void(RepositoryFiles&)>& damage) {
  return [=](RepositoryFiles& files) {
    Shard(files);
    damage(files);
  };
}

SubmissionPolicy PolicyOf(const std::string& yaml) {
  auto policy = ParsePolicy(yaml, "policy");
  KOEVAL_CHECK(policy.ok(), policy.status().message().c_str());
  return *std::move(policy);
}

void OnlyAdapter(RepositoryFiles& files) {
  files.erase(kWeights);
  files.erase("config.json");
  files["adapter_config.json"] = R"({"base_model_name_or_path":"org/base","peft_type":"LORA"})";
  files["adapter_model.safetensors"] = MakeSafetensors({});
}

void NanWeights(MadeTensor& tensor) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(tensor.bytes.data(), &nan, sizeof nan);
}

void HaveWrongShape(MadeTensor& tensor) {
  std::swap(tensor.shape[0], tensor.shape[1]);
}

std::vector<Animal> Weights() {
  return {
      {"pickled weights alone",
       {Ending::kNoSafetensors},
       [](RepositoryFiles& files) {
         files["pytorch_model.bin"] = files.at(kWeights);
         files.erase(kWeights);
       }},
      {"no weights", {Ending::kNoSafetensors}, Drop(kWeights)},
      {"weights cut off",
       {Ending::kBadCheckpoint},
       [](RepositoryFiles& files) { files.at(kWeights).resize(files.at(kWeights).size() - 1); }},
      {"bytes behind the weights",
       {Ending::kBadCheckpoint},
       [](RepositoryFiles& files) { files.at(kWeights) += "extra"; }},
      {"empty weights file", {Ending::kBadCheckpoint}, Put(kWeights, "")},
      {"header length of 2^64",
       {Ending::kBadCheckpoint},
       [](RepositoryFiles& files) { files.at(kWeights).replace(0, 8, 8, '\xff'); }},
      {"header that is no JSON", {Ending::kBadCheckpoint}, Rehead([](std::string& header) {
         header[1] = '\x01';
       })},
      {"tensor named twice", {Ending::kBadCheckpoint}, Rehead([](std::string& header) {
         Replace(header, "model.layers.1.mlp.up_proj", "model.layers.0.mlp.up_proj");
       })},
      {"offsets that overlap", {Ending::kBadCheckpoint}, Rehead([](std::string& header) {
         Replace(header, "data_offsets\":[0,", "data_offsets\":[4,");
       })},
      {"tensor missing", {Ending::kBadCheckpoint}, Reweigh([](MadeTensor& tensor) {
         tensor.name = "model.something.else";
       })},
      {"tensor of another shape", {Ending::kBadCheckpoint}, Reweigh(HaveWrongShape)},
      {"tensor stored as integers", {Ending::kBadCheckpoint}, Reweigh([](MadeTensor& tensor) {
         tensor.dtype = "I32";
       })},
      {"shards", {}, Shard},
      {"shard missing",
       {Ending::kBadCheckpoint},
       Sharded(Drop("model-00002-of-00002.safetensors"))},
      {"shard cut off", {Ending::kBadCheckpoint}, Sharded([](RepositoryFiles& files) {
         files.at("model-00001-of-00002.safetensors").resize(2'000);
       })},
      {"index names a tensor that no shard has",
       {Ending::kBadCheckpoint},
       Sharded(Edit(kIndex, "layers.0.mlp.up_proj", "layers.9.mlp.up_proj"))},
      {"index that is no JSON", {Ending::kBadCheckpoint}, Sharded(Put(kIndex, "{\"weight_map\""))},
      {"index that leaves the folder",
       {Ending::kBadCheckpoint},
       Sharded(Edit(kIndex, "\"model-00001-of", "\"../model-00001-of"))},
      {"NaN in the weights",
       {},
       Reweigh(NanWeights),
       [](FakeRepository&) {},
       {},
       {},
       "shows only in a forward pass: NUMERICAL_FAULT of a runner"},
  };
}

std::vector<Animal> Configs() {
  return {
      {"no config.json", {Ending::kBadCheckpoint}, Drop("config.json")},
      {"config.json cut off",
       {Ending::kBadCheckpoint},
       [](RepositoryFiles& files) { files.at("config.json").resize(100); }},
      {"negative size",
       {Ending::kBadCheckpoint},
       Edit("config.json", "\"hidden_size\": 48", "\"hidden_size\": -48")},
      {"size of the wrong type",
       {Ending::kBadCheckpoint},
       Edit("config.json", "\"hidden_size\": 48", "\"hidden_size\": \"48\"")},
      {"unknown architecture",
       {Ending::kUnsupportedArchitecture},
       [](RepositoryFiles& files) {
         Replace(files.at("config.json"), "LlamaForCausalLM", "MysteryForCausalLM");
         Replace(files.at("config.json"), "\"llama\"", "\"mystery\"");
       }},
      {"code of its own",
       {Ending::kRemoteCodeRequired},
       [](RepositoryFiles& files) {
         Replace(files.at("config.json"), "LlamaForCausalLM", "MysteryForCausalLM");
         Replace(files.at("config.json"), "\"llama\"",
                 R"("mystery", "auto_map": {"AutoModelForCausalLM": "modeling.Mystery"})");
         files["modeling.py"] = "import os";
       }},
      {"code of its own beside a native family",
       {},
       [](RepositoryFiles& files) {
         Replace(files.at("config.json"), "\"llama\"",
                 R"("llama", "auto_map": {"AutoModelForCausalLM": "modeling.Llama"})");
       }},
      {"quantised weights",
       {Ending::kUnsupportedArchitecture},
       Edit("config.json", "\"use_cache\": true",
            R"("use_cache": true, "quantization_config": {"quant_method": "gptq", "bits": 4})")},
      {"layers that the weights lack",
       {Ending::kBadCheckpoint},
       Edit("config.json", "\"num_hidden_layers\": 3", "\"num_hidden_layers\": 4")},
      {"eos token outside the embedding",
       {},
       Edit("generation_config.json", "\"eos_token_id\": 2", "\"eos_token_id\": 200000")},
      {"more parameters than the policy takes",
       {Ending::kInfeasible},
       [](RepositoryFiles&) {},
       [](FakeRepository&) {},
       {.policy = PolicyOf("parameters_max: 1000")}},
      {"unknown precision",
       {Ending::kInfeasible},
       [](RepositoryFiles&) {},
       [](FakeRepository&) {},
       {.precision = "int4"}},
  };
}

std::vector<Animal> Tokenizers() {
  return {
      {"no tokenizer", {Ending::kBadTokenizer}, Drop("tokenizer.json")},
      {"tokenizer.json cut off",
       {Ending::kBadTokenizer},
       [](RepositoryFiles& files) { files.at("tokenizer.json").resize(20'000); }},
      {"tokenizer.json of an unknown kind",
       {Ending::kBadTokenizer},
       Edit("tokenizer.json", "\"type\": \"BPE\"", "\"type\": \"Mystery\"")},
      {"tokenizer with more ids than the embedding",
       {Ending::kBadTokenizer},
       Edit("tokenizer.json", "\"id\": 2,\n      \"content\": \"</s>\"",
            "\"id\": 1200,\n      \"content\": \"<new>\"")},
      {"tokenizer.json over its bound",
       {Ending::kBadTokenizer},
       [](RepositoryFiles&) {},
       [](FakeRepository&) {},
       {},
       {.file_bytes = 10'000}},
      {"chat template wanted and absent",
       {Ending::kBadTokenizer},
       [](RepositoryFiles&) {},
       [](FakeRepository&) {},
       {.chat_template = ""}},
      {"chat template that cannot be parsed",
       {Ending::kBadTokenizer},
       Put("chat_template.jinja", "{% for m in %}"),
       [](FakeRepository&) {},
       {.chat_template = ""}},
  };
}

std::vector<Animal> Cards() {
  const auto header = [](const std::string& text) {
    return Put("README.md", "---\n" + text + "\n---\n" + std::string(300, 'x'));
  };
  return {
      {"no README.md", {Ending::kLicenseNotOpen, Ending::kModelCardTooShort}, Drop("README.md")},
      {"README.md of a line",
       {Ending::kModelCardTooShort},
       Put("README.md", "---\nlicense: mit\n---\nsoon")},
      {"no licence", {Ending::kLicenseNotOpen}, header("tags: [ko]")},
      {"licence that is on no list", {Ending::kLicenseNotOpen}, header("license: mine")},
      {"licence called other, without a name", {Ending::kLicenseNotOpen}, header("license: other")},
      {"licence that is accepted and not open", {}, header("license: llama3")},
      {"header that is no YAML", {Ending::kLicenseNotOpen}, header("license: [mit")},
      {"model on the do-not-submit list",
       {Ending::kDoNotSubmit},
       [](RepositoryFiles&) {},
       [](FakeRepository&) {},
       {.policy = PolicyOf("do_not_submit: [{model: 'zoo/*', reason: no}]")}},
      {"base model on the do-not-submit list",
       {Ending::kDoNotSubmit},
       [](RepositoryFiles&) {},
       [](FakeRepository&) {},
       {.policy = PolicyOf("do_not_submit: [{model: org/base, reason: leaked}]")}},
  };
}

std::vector<Animal> Kinds() {
  return {
      {"a good one", {}},
      {"adapter", {Ending::kAdapterNotSupported}, OnlyAdapter},
      {"adapter without a base model",
       {Ending::kAdapterNotSupported},
       [](RepositoryFiles& files) {
         OnlyAdapter(files);
         files["adapter_config.json"] = "{}";
       }},
      {"delta weights",
       {Ending::kAdapterNotSupported},
       [](RepositoryFiles&) {},
       [](FakeRepository&) {},
       {.weight_type = "Delta"}},
      {.name = "delta weights by name and card",
       .codes = {Ending::kAdapterNotSupported},
       .damage = Edit("README.md", "\n---\n",
                      "\n---\nNOTE: This \"delta model\" cannot be used directly. "),
       .mark = [](FakeRepository& r) { r.id = "org/llama-7b-delta-v1.1"; },
       .id = "org/llama-7b-delta-v1.1"},
      {.name = "delta weights by the header",
       .codes = {Ending::kAdapterNotSupported},
       .damage = Edit("README.md", "---\n", "---\nbase_model_relation: delta\n")},
      {.name = "an ordinary model called delta",
       .mark = [](FakeRepository& r) { r.id = "org/nova-delta"; },
       .id = "org/nova-delta"},
      {.name = "private repository that our token opens",
       .codes = {Ending::kModelGated},
       .mark = [](FakeRepository& r) { r.is_private = true; },
       .token = kOurToken},
      {.name = "private repository",
       .codes = {Ending::kModelNotFound},
       .mark = [](FakeRepository& r) { r.is_private = true; }},
      {.name = "gated repository that our token opens",
       .mark = [](FakeRepository& r) { r.gated = true; },
       .token = kOurToken},
      {.name = "gated repository",
       .codes = {Ending::kModelGated},
       .mark = [](FakeRepository& r) { r.gated = true; }},
      {.name = "repository that is not there", .codes = {Ending::kModelNotFound}, .id = "zoo/none"},
      {.name = "revision that is not there",
       .codes = {Ending::kRevisionNotFound},
       .revision = "v9"},
      {.name = "token that the hub does not know",
       .codes = {Ending::kModelGated},
       .mark = [](FakeRepository& r) { r.is_private = true; },
       .token = "hf_unknown"},
      {"two independent defects",
       {Ending::kBadTokenizer, Ending::kBadCheckpoint, Ending::kLicenseNotOpen},
       [](RepositoryFiles& files) {
         files.erase("tokenizer.json");
         files.at(kWeights).resize(1'000);
         files.at("README.md").erase(0, 4);
       }},
  };
}

std::set<Ending> Errors(const CheckReport& report) {
  std::set<Ending> codes;
  for (const CheckFinding& finding : report.findings) {
    if (finding.is_error) codes.insert(finding.code);
  }
  return codes;
}

std::string Names(const std::set<Ending>& codes) {
  std::string out;
  for (const Ending code : codes) out += (out.empty() ? "" : ", ") + std::string(EndingName(code));
  return out.empty() ? "accepted" : out;
}

// Opens, stages and checks one repository as the daemon and its child do.
CheckReport CheckAnimal(const Animal& animal, const std::string& dir) {
  FakeHub hub;
  FakeRepository repository;
  repository.id = kId;
  repository.files = GoodFiles();
  repository.likes = 7;
  animal.damage(repository.files);
  animal.mark(repository);
  hub.Add(repository);
  hub.AddToken(kOurToken, "ours", {kId});
  HubOptions hub_options;
  hub_options.endpoint = hub.endpoint();
  hub_options.token = animal.token;
  const auto client = HubClient::Make(hub_options);
  KOEVAL_CHECK(client.ok(), client.status().message().c_str());
  const auto opened = HubClient::Open(*client, RepositoryKind::kModel, animal.id, animal.revision,
                                      std::make_shared<Cancel>());
  if (!opened.ok()) return OpenFailed(animal.id, animal.revision, opened.status());
  auto report = StageRepository(**opened, dir, animal.limits);
  if (!report.ok()) return OpenFailed(animal.id, animal.revision, report.status());
  CheckOptions options = animal.options;
  options.model = animal.id;
  report->Append(CheckModelDir(dir, options));
  return *std::move(report);
}

TEST(Zoo, EveryRepositoryGetsItsAnswer) {
  std::vector<Animal> zoo;
  for (const auto& group : {Kinds(), Configs(), Weights(), Tokenizers(), Cards()}) {
    zoo.insert(zoo.end(), group.begin(), group.end());
  }
  fmt::print("{:<44} {:<50} {:>8}\n", "repository", "answer", "seconds");
  for (const Animal& animal : zoo) {
    const TempFolder folder;
    const MonoTime start = Clock::Real().Mono();
    const CheckReport report = CheckAnimal(animal, folder.path());
    const int64_t ms = Clock::Real().Mono() - start;
    fmt::print("{:<44} {:<50} {:>8.3f} {}\n", animal.name, Names(Errors(report)),
               static_cast<double>(ms) / 1000, animal.note);
    EXPECT_EQ(Errors(report), animal.codes) << animal.name << "\n" << ToJson(report).dump(1);
    for (const CheckFinding& finding : report.findings) {
      EXPECT_FALSE(finding.check.empty()) << finding.message;
      EXPECT_FALSE(finding.remedy.empty()) << finding.message;
      EXPECT_EQ(finding.message.find(folder.path()), std::string::npos) << finding.message;
    }
  }
  fmt::print("{} repositories\n", zoo.size());
  EXPECT_GE(zoo.size(), 50u);
}

TEST(Zoo, AGoodRepositoryHasTheFactsOfItsLeaderboardRow) {
  const TempFolder folder;
  const CheckReport report = CheckAnimal(Kinds().front(), folder.path());
  for (const char* fact :
       {"commit", "likes", "gated", "content", "repository_bytes", "license", "base_model", "tags",
        "language", "parameters", "architecture", "dtype", "weights_bytes", "memory_bytes"}) {
    EXPECT_TRUE(report.facts.contains(fact)) << fact;
  }
  EXPECT_EQ(report.facts["license"], "apache-2.0");
  EXPECT_EQ(report.facts["likes"], 7);
  EXPECT_EQ(report.facts["parameters"], 184656);
}

TEST(Zoo, AHubThatDoesNotAnswerIsNobodysModelsFault) {
  const auto refused = OpenFailed("zoo/animal", "main", Unavailable("no route"));
  EXPECT_EQ(Errors(refused), std::set<Ending>{Ending::kHubUnavailable});
}

TEST(Staging, ADisabledRepositoryIsNotThere) {
  MemoryRepository repository("org/name", GoodFiles());
  repository.info().disabled = true;
  const TempFolder folder;
  const auto report = StageRepository(repository, folder.path());
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(Errors(*report), std::set<Ending>{Ending::kModelNotFound});
}

TEST(Staging, WeightsAreFetchedUpToTheirHeaderAlone) {
  const MemoryRepository repository("org/name", GoodFiles());
  const TempFolder folder;
  const auto report = StageRepository(repository, folder.path());
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  const auto staged = ReadFile(folder.File(kWeights));
  ASSERT_TRUE(staged.ok());
  const auto whole = repository.ReadFile(kWeights, SIZE_MAX);
  ASSERT_EQ(staged->size(), whole->size());
  const size_t header = 8 + HeaderOf(*whole).size();
  EXPECT_EQ(staged->substr(0, header), whole->substr(0, header));
  EXPECT_EQ(staged->find_first_not_of('\0', header), std::string::npos) << "a hole";
  EXPECT_FALSE(std::filesystem::exists(folder.File(".gitattributes")));
}

TEST(Staging, WhatAChangedFileDecidesIsAnotherIdentity) {
  const RepositoryFiles files = GoodFiles();
  const std::string good = ContentIdentity(MemoryRepository("a/b", files).info());
  EXPECT_EQ(good.size(), 64u);
  EXPECT_EQ(ContentIdentity(MemoryRepository("c/d", files).info()), good) << "the name is not part";
  RepositoryFiles other = files;
  other["README.md"] += "more";
  EXPECT_EQ(ContentIdentity(MemoryRepository("a/b", other).info()), good) << "nor is the card";
  for (const char* decides : {"config.json", kWeights, "tokenizer.json", "tokenizer_config.json"}) {
    other = files;
    other[decides] += " ";
    EXPECT_NE(ContentIdentity(MemoryRepository("a/b", other).info()), good) << decides;
  }
  MemoryRepository unknown("a/b", files);
  unknown.info().files.back().digest.clear();
  EXPECT_EQ(ContentIdentity(unknown.info()), "");
}

TEST(Staging, EverythingIsBounded) {
  const MemoryRepository repository("org/name", GoodFiles());
  const TempFolder folder, other;
  StageLimits limits;
  limits.total_bytes = 20'000;
  const auto report = StageRepository(repository, folder.path(), limits);
  EXPECT_EQ(report.status().code(), Code::kOutOfRange);
  limits = {};
  limits.files = 3;
  const auto many = StageRepository(repository, other.path(), limits);
  ASSERT_TRUE(many.ok());
  EXPECT_FALSE(many->ok());
}

}  // namespace
}  // namespace koeval::hub
