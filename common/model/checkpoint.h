// The weights of a model folder: one safetensors file or shards with their index, checked against a
// DecoderSpec.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/base/status.h"
#include "common/model/decoder_spec.h"
#include "common/model/safetensors.h"

namespace koeval::model {

// A tensor of a checkpoint; the bytes live as long as `file`.
struct StoredTensor {
  const TensorInfo* info = nullptr;
  const TensorInfo* whole = nullptr;  // the file's own that `info` is inside of, or `info` itself
  std::shared_ptr<const SafetensorsFile> file;
  std::string_view Bytes() const { return file->Bytes(*info); }
};

class Checkpoint {
 public:
  // MODEL_DIR/model.safetensors, else the shards of MODEL_DIR/model.safetensors.index.json.
  // NOT_FOUND "NO_SAFETENSORS: ..." when there is neither, with the remedy (and when only
  // pytorch_model.bin is there). INVALID_ARGUMENT "BAD_CHECKPOINT: ..." for a damaged file, an
  // index whose file names leave the folder, an index that names a tensor its file lacks, a file
  // that holds a tensor its index lacks, a missing shard.
  static Result<Checkpoint> Open(const std::string& model_dir);

  // By name; nullptr when absent.
  const StoredTensor* Find(const std::string& name) const;
  // By the name of `spec`, or by one of its OtherNames.
  const StoredTensor* Find(const std::string& name, const DecoderSpec& spec) const;

  const std::vector<std::shared_ptr<const SafetensorsFile>>& files() const { return files_; }
  // Tensors by name; experts that are stored as one count each.
  size_t tensor_count() const { return tensors_.size(); }

 private:
  Status Add(const std::shared_ptr<const SafetensorsFile>& file);
  Status AddTensor(const StoredTensor& tensor);
  Status AddShards(const std::string& model_dir, const std::string& index_path);

  std::vector<std::shared_ptr<const SafetensorsFile>> files_;
  std::unordered_map<std::string, StoredTensor> tensors_;
  std::shared_ptr<std::deque<TensorInfo>> slices_ = std::make_shared<std::deque<TensorInfo>>();
};

// What CheckTensors found. `problems` make the checkpoint unusable, `unused` are tensors that
// nothing reads and that are not known to be harmless buffers.
struct TensorReport {
  std::vector<std::string> problems;
  std::vector<std::string> unused;
  int64_t parameters = 0;
  int64_t stored_bytes = 0;  // of the tensors that the spec needs
};

// Every tensor that `spec` needs is there with its shape, in float32, bfloat16, float16 or float64.
TensorReport CheckTensors(const DecoderSpec& spec, const Checkpoint& checkpoint);
// INVALID_ARGUMENT "BAD_CHECKPOINT: ..." with the first problems of `report`, if it has any.
Status TensorStatus(const TensorReport& report);

}  // namespace koeval::model
