// Reading and writing the hub's form.
#include "common/hub/hub_info.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "common/base/json.h"

namespace koeval::hub {
namespace {

std::string TextField(const Json& object, std::string_view key) {
  const Json* value = JsonFind(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

// A string, or the strings of a list.
std::vector<std::string> TextsField(const Json& object, std::string_view key) {
  std::vector<std::string> out;
  const Json* value = JsonFind(object, key);
  if (value == nullptr) return out;
  if (value->is_string()) out.push_back(value->get<std::string>());
  if (!value->is_array()) return out;
  for (const Json& entry : *value) {
    if (entry.is_string()) out.push_back(entry.get<std::string>());
  }
  return out;
}

bool BoolField(const Json& object, std::string_view key) {
  const Json* value = JsonFind(object, key);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

int64_t SizeField(const Json& object, std::string_view key) {
  const Json* value = JsonFind(object, key);
  return value != nullptr && value->is_number_unsigned() ? value->get<int64_t>() : -1;
}

bool IsDigest(std::string_view text, size_t digits) {
  return text.size() == digits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Result<RepositoryFile> ParseFile(const Json& sibling, const std::string& where) {
  RepositoryFile file;
  file.path = TextField(sibling, "rfilename");
  RETURN_IF_ERROR(CheckFilePath(file.path).WithContext(where));
  file.size = SizeField(sibling, "size");
  file.digest = TextField(sibling, "blobId");
  if (const Json* lfs = JsonFind(sibling, "lfs"); lfs != nullptr && lfs->is_object()) {
    file.is_lfs = true;
    file.digest = TextField(*lfs, "sha256");
    if (const int64_t size = SizeField(*lfs, "size"); size >= 0) file.size = size;
  }
  if (file.size < 0 || !IsDigest(file.digest, file.is_lfs ? 64 : 40)) {
    return Unavailable(
        fmt::format("{}: no size and digest for {}; the endpoint must answer blobs=true as the "
                    "Hugging Face Hub does",
                    where, file.path));
  }
  return file;
}

void ReadCardData(const Json& answer, RepositoryInfo& info) {
  const Json* card = JsonFind(answer, "cardData");
  if (card == nullptr || !card->is_object()) return;
  const auto licenses = TextsField(*card, "license");
  if (!licenses.empty()) info.license = licenses.front();
  info.license_name = TextField(*card, "license_name");
  info.license_link = TextField(*card, "license_link");
  info.base_models = TextsField(*card, "base_model");
}

}  // namespace

Result<RepositoryInfo> ParseHubInfo(std::string_view body, const std::string& where) {
  const auto answer = ParseJson(body, {.depth_max = 64, .bytes_max = kInfoBytesMax});
  if (!answer.ok() || !answer->is_object()) {
    return Unavailable(where + ": the hub's answer is no JSON object");
  }
  RepositoryInfo info;
  info.id = TextField(*answer, "id");
  info.commit = TextField(*answer, "sha");
  if (!CheckRepositoryId(info.id).ok() || !IsCommit(info.commit)) {
    return Unavailable(where + ": the hub's answer has no id or no commit");
  }
  const Json* gated = JsonFind(*answer, "gated");  // false, "auto" or "manual"
  info.gated = gated != nullptr && (gated->is_string() || *gated == Json(true));
  info.is_private = BoolField(*answer, "private");
  info.disabled = BoolField(*answer, "disabled");
  info.likes = std::max<int64_t>(0, SizeField(*answer, "likes"));
  info.tags = TextsField(*answer, "tags");
  info.last_modified = TextField(*answer, "lastModified");
  ReadCardData(*answer, info);
  const Json* siblings = JsonFind(*answer, "siblings");
  if (siblings == nullptr || !siblings->is_array()) {
    return Unavailable(where + ": the hub's answer lists no files");
  }
  if (siblings->size() > kRepositoryFilesMax) {
    return OutOfRange(fmt::format("{} has {} files, at most {} are read", where, siblings->size(),
                                  kRepositoryFilesMax));
  }
  for (const Json& sibling : *siblings) {
    ASSIGN_OR_RETURN(RepositoryFile file, ParseFile(sibling, where));
    info.files.push_back(std::move(file));
  }
  std::sort(info.files.begin(), info.files.end(),
            [](const RepositoryFile& a, const RepositoryFile& b) { return a.path < b.path; });
  for (size_t i = 1; i < info.files.size(); ++i) {
    if (info.files[i].path == info.files[i - 1].path) {
      return Unavailable(fmt::format("{}: the hub lists {} twice", where, info.files[i].path));
    }
  }
  return info;
}

std::string HubInfoText(const RepositoryInfo& info) {
  Json card = {{"license", info.license},
               {"license_name", info.license_name},
               {"license_link", info.license_link},
               {"base_model", info.base_models}};
  Json siblings = Json::array();
  for (const RepositoryFile& file : info.files) {
    Json sibling = {{"rfilename", file.path}, {"size", file.size}};
    if (file.is_lfs) {
      sibling["lfs"] = {{"sha256", file.digest}, {"size", file.size}};
    } else {
      sibling["blobId"] = file.digest;
    }
    siblings.push_back(std::move(sibling));
  }
  return CompactJson({{"id", info.id},
                      {"sha", info.commit},
                      {"gated", info.gated},
                      {"private", info.is_private},
                      {"disabled", info.disabled},
                      {"likes", info.likes},
                      {"tags", info.tags},
                      {"lastModified", info.last_modified},
                      {"cardData", std::move(card)},
                      {"siblings", std::move(siblings)}});
}

}  // namespace koeval::hub
