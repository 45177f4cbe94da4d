// Writes safetensors checkpoints for tests: copies of stored models, split or damaged on purpose.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace koeval::model {

struct MadeTensor {
  std::string name;
  std::string dtype;
  std::vector<int64_t> shape;
  std::string bytes;
};

// All tensors of a folder's model.safetensors, in memory.
struct StoredModel {
  std::vector<MadeTensor> tensors;
  static StoredModel Read(const std::string& model_dir);
};

// The bytes of a safetensors file with these tensors.
std::string MakeSafetensors(const std::vector<MadeTensor>& tensors);
// The same with `header` as it is.
std::string MakeSafetensors(const std::string& header, const std::string& data);

// A folder that is removed when the object goes, with a copy of `from`'s config.json if given.
class ScratchModel {
 public:
  explicit ScratchModel(const std::string& from = "");
  ~ScratchModel();
  ScratchModel(const ScratchModel&) = delete;
  ScratchModel& operator=(const ScratchModel&) = delete;

  const std::string& dir() const { return dir_; }
  void WriteFile(const std::string& name, const std::string& bytes) const;
  // model.safetensors, or `shards` files with their index when that is more than 1.
  void Write(const StoredModel& stored, int shards) const;

 private:
  std::string dir_;
};

}  // namespace koeval::model
