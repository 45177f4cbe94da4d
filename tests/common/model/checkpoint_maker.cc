// Safetensors files written for tests.
#include "tests/common/model/checkpoint_maker.h"

#include <fmt/core.h>
#include <stdlib.h>

#include <filesystem>

#include "common/base/check.h"
#include "common/base/file.h"
#include "common/base/json.h"
#include "common/model/safetensors.h"

namespace koeval::model {

StoredModel StoredModel::Read(const std::string& model_dir) {
  const auto file = SafetensorsFile::Open(model_dir + "/model.safetensors");
  KOEVAL_CHECK(file.ok(), file.status().message().c_str());
  StoredModel out;
  for (const TensorInfo& info : (*file)->tensors()) {
    out.tensors.push_back({info.name, info.dtype, info.shape, std::string((*file)->Bytes(info))});
  }
  return out;
}

std::string MakeSafetensors(const std::string& header, const std::string& data) {
  std::string out;
  for (int i = 0; i < 8; ++i) out += static_cast<char>(header.size() >> (8 * i) & 0xff);
  return out + header + data;
}

std::string MakeSafetensors(const std::vector<MadeTensor>& tensors) {
  Json header = {{"__metadata__", {{"format", "pt"}}}};
  std::string data;
  for (const MadeTensor& tensor : tensors) {
    header[tensor.name] = {{"dtype", tensor.dtype},
                           {"shape", tensor.shape},
                           {"data_offsets", {data.size(), data.size() + tensor.bytes.size()}}};
    data += tensor.bytes;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return MakeSafetensors(text, data);
}

ScratchModel::ScratchModel(const std::string& from) {
  std::string name = std::filesystem::temp_directory_path().string() + "/koeval_model_XXXXXX";
  KOEVAL_CHECK(mkdtemp(name.data()) != nullptr, "cannot make a temporary folder");
  dir_ = name;
  if (!from.empty()) {
    std::filesystem::copy_file(from + "/config.json", dir_ + "/config.json");
  }
}

ScratchModel::~ScratchModel() {
  std::error_code error;
  std::filesystem::remove_all(dir_, error);
}

void ScratchModel::WriteFile(const std::string& name, const std::string& bytes) const {
  const Status written = WriteFileAtomically(dir_ + "/" + name, bytes);
  KOEVAL_CHECK(written.ok(), written.message().c_str());
}

void ScratchModel::Write(const StoredModel& stored, int shards) const {
  if (shards == 1) {
    WriteFile("model.safetensors", MakeSafetensors(stored.tensors));
    return;
  }
  Json map = Json::object();
  std::vector<std::vector<MadeTensor>> parts(static_cast<size_t>(shards));
  for (size_t i = 0; i < stored.tensors.size(); ++i) {
    const size_t part = i * parts.size() / stored.tensors.size();
    parts[part].push_back(stored.tensors[i]);
    map[stored.tensors[i].name] = fmt::format("model-{:05}-of-{:05}.safetensors", part + 1, shards);
  }
  for (size_t part = 0; part < parts.size(); ++part) {
    WriteFile(fmt::format("model-{:05}-of-{:05}.safetensors", part + 1, shards),
              MakeSafetensors(parts[part]));
  }
  const Json index = {{"metadata", {{"total_size", 0}}}, {"weight_map", map}};
  WriteFile("model.safetensors.index.json", index.dump());
}

}  // namespace koeval::model
