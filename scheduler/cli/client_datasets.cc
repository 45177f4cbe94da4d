// The client's calls about registered datasets.
#include <algorithm>
#include <utility>

#include "common/base/file.h"
#include "scheduler/cli/client_impl.h"
#include "scheduler/cli/view_convert.h"

namespace koeval::cli {
namespace {

constexpr size_t kPieceBytes = 128 << 10;

// False when the other side has ended the call.
bool SendFile(grpc::ClientWriter<pb::AddDatasetRequest>& stream, const DatasetFile& file,
              std::string_view bytes) {
  bool is_first = true;
  while (is_first || !bytes.empty()) {
    pb::AddDatasetRequest message;
    if (is_first) message.mutable_piece()->set_file(file.name);
    message.mutable_piece()->set_bytes(std::string(bytes.substr(0, kPieceBytes)));
    bytes.remove_prefix(std::min(bytes.size(), kPieceBytes));
    is_first = false;
    if (!stream.Write(message)) return false;
  }
  return true;
}

}  // namespace

Result<DatasetAddedView> Client::AddDataset(const std::string& name, bool is_public,
                                            const std::vector<DatasetFile>& files) {
  grpc::ClientContext context;
  impl_->Prepare(context, /*bounded=*/false);
  pb::AddDatasetResponse response;
  const auto stream = impl_->datasets->AddDataset(&context, &response);
  pb::AddDatasetRequest message;
  message.mutable_header()->set_name(name);
  message.mutable_header()->set_is_public(is_public);
  bool open = stream->Write(message);
  int64_t bytes = 0;
  for (const DatasetFile& file : files) {
    if (!open) break;
    auto map = MappedFile::Open(file.path);
    if (!map.ok()) {
      context.TryCancel();
      (void)stream->Finish();
      return map.status();
    }
    bytes += static_cast<int64_t>((*map)->bytes().size());
    open = SendFile(*stream, file, (*map)->bytes());
  }
  message.mutable_end()->set_files(static_cast<int64_t>(files.size()));
  message.mutable_end()->set_bytes(bytes);
  if (open) stream->Write(message);
  stream->WritesDone();
  if (const grpc::Status status = stream->Finish(); !status.ok()) return impl_->Convert(status);
  DatasetAddedView out{ToView(response.dataset()), response.already_known(), {}};
  out.suites_opened.assign(response.suites_opened().begin(), response.suites_opened().end());
  return out;
}

Result<std::vector<DatasetView>> Client::Datasets() {
  ASSIGN_OR_RETURN(const auto response,
                   impl_->Call(*impl_->datasets, &pb::DatasetService::Stub::ListDatasets,
                               pb::ListDatasetsRequest()));
  std::vector<DatasetView> out;
  for (const pb::Dataset& dataset : response.datasets()) out.push_back(ToView(dataset));
  return out;
}

Result<DatasetRemovedView> Client::RemoveDataset(const std::string& name,
                                                 const std::string& digest) {
  pb::RemoveDatasetRequest request;
  request.set_name(name);
  request.set_digest(digest);
  ASSIGN_OR_RETURN(
      const auto response,
      impl_->Call(*impl_->datasets, &pb::DatasetService::Stub::RemoveDataset, request));
  DatasetRemovedView out{response.removed(), {}};
  out.suites.assign(response.suites_closed().begin(), response.suites_closed().end());
  return out;
}

}  // namespace koeval::cli
