// Opening and checking the weights of a model folder.
#include "common/model/checkpoint.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "common/base/file.h"
#include "common/base/json.h"
#include "common/base/utf8.h"
#include "common/model/family_fields.h"
#include "common/model/stored_names.h"

namespace koeval::model {
namespace {

constexpr size_t kIndexBytesMax = size_t{256} << 20;
constexpr size_t kShardsMax = 10'000;
constexpr size_t kProblemsShown = 3;
constexpr size_t kNameShown = 200;
constexpr size_t kSlicesMax = 3 * static_cast<size_t>(kExpertsOfAllLayersMax);

bool Exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

// A plain file name: shards lie beside their index.
bool IsPlainFileName(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

bool IsReadableDtype(std::string_view dtype) {
  return dtype == "F32" || dtype == "BF16" || dtype == "F16" || dtype == "F64";
}

// Buffers that older tools saved; they follow from the configuration.
bool IsKnownBuffer(std::string_view name) {
  for (const std::string_view suffix :
       {".rotary_emb.inv_freq", ".attn.bias", ".attn.masked_bias", ".attention.bias",
        ".attention.masked_bias", ".rotary_emb.cos_cached", ".rotary_emb.sin_cached"}) {
    if (name.ends_with(suffix)) return true;
  }
  return false;
}

// A stored copy of a tied head; the embedding is used.
bool IsHeadName(std::string_view name) {
  return name == "lm_head.weight" || name == "embed_out.weight" ||
         name == "language_model.lm_head.weight";
}

Status Bad(std::string message) {
  return InvalidArgument("BAD_CHECKPOINT: " + std::move(message));
}

Status NoSafetensors(const std::string& model_dir) {
  if (Exists(model_dir + "/pytorch_model.bin") ||
      Exists(model_dir + "/pytorch_model.bin.index.json")) {
    return NotFound(
        fmt::format("NO_SAFETENSORS: {} has pytorch_model.bin only, which can run code when it is "
                    "read; convert "
                    "it to safetensors (save_pretrained with safe_serialization) and publish that",
                    model_dir));
  }
  return NotFound(fmt::format(
      "NO_SAFETENSORS: {} has neither model.safetensors nor model.safetensors.index.json; publish "
      "the weights as safetensors",
      model_dir));
}

// shard file name -> tensor names, from an index.
Result<std::map<std::string, std::set<std::string>>> ReadIndex(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kIndexBytesMax));
  Result<Json> index = ParseJson(text);
  if (!index.ok()) return Bad(path + ": " + index.status().message());
  const Json* weights = JsonFind(*index, "weight_map");
  if (weights == nullptr || !weights->is_object() || weights->empty()) {
    return Bad(path + ": field \"weight_map\" must be an object that names the shards");
  }
  std::map<std::string, std::set<std::string>> shards;
  for (const auto& [name, file] : weights->items()) {
    if (!file.is_string() || !IsPlainFileName(file.get_ref<const std::string&>())) {
      return Bad(
          fmt::format("{}: tensor \"{}\" is said to be in {}, which is no plain file name "
                      "beside the index",
                      path, Utf8Prefix(name, kNameShown), Utf8Prefix(file.dump(), kNameShown)));
    }
    shards[file.get<std::string>()].insert(name);
    if (shards.size() > kShardsMax) {
      return Bad(fmt::format("{}: names more than {} files", path, kShardsMax));
    }
  }
  return shards;
}

// Names every shard that the index names and the folder lacks, up to a few.
Status AllThere(const std::string& model_dir,
                const std::map<std::string, std::set<std::string>>& shards,
                const std::string& index_path) {
  std::vector<std::string> missing;
  for (const auto& [name, wanted] : shards) {
    if (!Exists(model_dir + "/" + name)) missing.push_back(model_dir + "/" + name);
  }
  if (missing.empty()) return OkStatus();
  const bool one = missing.size() == 1;
  const size_t shown = std::min(missing.size(), kProblemsShown);
  std::string names = fmt::format(
      "{}", fmt::join(missing.begin(), missing.begin() + static_cast<long>(shown), ", "));
  if (missing.size() > shown) names += fmt::format(" and {} more", missing.size() - shown);
  return Bad(fmt::format("{} {} missing, but {} names {}; publish all shards", names,
                         one ? "is" : "are", index_path, one ? "it" : "them"));
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

}  // namespace

Status Checkpoint::Add(const std::shared_ptr<const SafetensorsFile>& file) {
  for (const TensorInfo& info : file->tensors()) {
    RETURN_IF_ERROR(AddTensor({&info, &info, file}));
    for (TensorInfo& slice : ExpertSlices(info)) {
      if (slices_->size() >= kSlicesMax) {
        return Bad(fmt::format("{} holds more than {} experts' tensors", file->path(), kSlicesMax));
      }
      slices_->push_back(std::move(slice));
      RETURN_IF_ERROR(AddTensor({&slices_->back(), &info, file}));
    }
  }
  files_.push_back(file);
  return OkStatus();
}

Status Checkpoint::AddTensor(const StoredTensor& tensor) {
  const std::string& name = tensor.info->name;
  const auto [at, fresh] = tensors_.try_emplace(name, tensor);
  if (fresh) return OkStatus();
  return Bad(fmt::format("tensor \"{}\" is in {} and in {}; keep one of them",
                         Utf8Prefix(name, kNameShown), at->second.file->path(),
                         tensor.file->path()));
}

Status Checkpoint::AddShards(const std::string& model_dir, const std::string& index_path) {
  auto shards = ReadIndex(index_path);
  if (!shards.ok()) return shards.status();
  RETURN_IF_ERROR(AllThere(model_dir, *shards, index_path));
  for (const auto& [name, wanted] : *shards) {
    const std::string path = model_dir + "/" + name;
    auto file = SafetensorsFile::Open(path);
    if (!file.ok()) return file.status();
    std::set<std::string> found;
    for (const TensorInfo& info : (*file)->tensors()) {
      if (!wanted.contains(info.name)) {
        return Bad(
            fmt::format("{} holds tensor \"{}\", which {} does not list; make the index "
                        "anew",
                        path, Utf8Prefix(info.name, kNameShown), index_path));
      }
      found.insert(info.name);
    }
    for (const std::string& tensor : wanted) {
      if (!found.contains(tensor)) {
        return Bad(
            fmt::format("{} lacks tensor \"{}\", which {} says it holds; publish the shards "
                        "and the index that belong together",
                        path, Utf8Prefix(tensor, kNameShown), index_path));
      }
    }
    RETURN_IF_ERROR(Add(*file));
  }
  return OkStatus();
}

Result<Checkpoint> Checkpoint::Open(const std::string& model_dir) {
  Checkpoint out;
  const std::string single = model_dir + "/model.safetensors";
  const std::string index = single + ".index.json";
  if (Exists(single)) {
    ASSIGN_OR_RETURN(const auto file, SafetensorsFile::Open(single));
    RETURN_IF_ERROR(out.Add(file));
  } else if (Exists(index)) {
    RETURN_IF_ERROR(out.AddShards(model_dir, index));
  } else {
    return NoSafetensors(model_dir);
  }
  return out;
}

const StoredTensor* Checkpoint::Find(const std::string& name) const {
  const auto at = tensors_.find(name);
  return at == tensors_.end() ? nullptr : &at->second;
}

const StoredTensor* Checkpoint::Find(const std::string& name, const DecoderSpec& spec) const {
  const StoredTensor* found = Find(name);
  if (found != nullptr) return found;
  for (const std::string& other : OtherNames(spec, name)) {
    found = Find(other);
    if (found != nullptr) return found;
  }
  return nullptr;
}

TensorReport CheckTensors(const DecoderSpec& spec, const Checkpoint& checkpoint) {
  TensorReport report;
  report.parameters = ParameterCount(spec);
  std::set<std::string_view> used;
  for (const TensorNeed& need : NeededTensors(spec)) {
    const StoredTensor* found = checkpoint.Find(need.name, spec);
    if (found == nullptr) {
      report.problems.push_back(
          fmt::format("tensor \"{}\" {} is missing", need.name, ShapeText(need.shape)));
      continue;
    }
    used.insert(found->whole->name);
    report.stored_bytes += static_cast<int64_t>(found->Bytes().size());
    if (found->info->shape != need.shape) {
      report.problems.push_back(fmt::format("{}: tensor \"{}\" has shape {}, config.json needs {}",
                                            found->file->path(), need.name,
                                            ShapeText(found->info->shape), ShapeText(need.shape)));
    } else if (!IsReadableDtype(found->info->dtype)) {
      report.problems.push_back(
          fmt::format("{}: tensor \"{}\" is stored as {}, readable are F32, BF16, F16 and F64",
                      found->file->path(), need.name, found->info->dtype));
    }
  }
  for (const auto& file : checkpoint.files()) {
    for (const TensorInfo& info : file->tensors()) {
      const bool tied_copy = spec.tied_head && IsHeadName(info.name);
      const bool other_part = spec.text_part && IsOtherPart(info.name);
      if (!used.contains(info.name) && !IsKnownBuffer(info.name) && !tied_copy && !other_part) {
        report.unused.push_back(info.name);
      }
    }
  }
  return report;
}

Status TensorStatus(const TensorReport& report) {
  if (report.problems.empty()) return OkStatus();
  const size_t shown = std::min(report.problems.size(), kProblemsShown);
  std::string text = fmt::format(
      "{}",
      fmt::join(report.problems.begin(), report.problems.begin() + static_cast<long>(shown), "; "));
  if (report.problems.size() > shown) {
    text += fmt::format("; and {} more", report.problems.size() - shown);
  }
  return Bad(text + "; publish weights that belong to this config.json");
}

}  // namespace koeval::model
