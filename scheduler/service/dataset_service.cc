// Uploads, list and removal of registered datasets.
#include "scheduler/service/dataset_service.h"

#include <fmt/core.h>

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "common/base/file.h"
#include "scheduler/service/unary_call.h"

namespace koeval::service {
namespace {

namespace fs = std::filesystem;

v1::Dataset ToProto(const DatasetRecord& record) {
  v1::Dataset out;
  out.set_name(record.origin.name);
  out.set_digest(record.origin.digest);
  out.set_is_public(record.is_public);
  for (const DatasetSplitFacts& split : record.splits) {
    v1::DatasetSplit* added = out.add_splits();
    added->set_config(split.config);
    added->set_split(split.split);
    added->set_rows(split.rows);
    added->set_bytes(split.bytes);
  }
  out.set_added_by(record.added_by);
  out.set_added_at_us(record.added_at.micros);
  return out;
}

// What one upload has written so far. One call at a time.
class Incoming {
 public:
  Incoming(DatasetStore& store, DatasetAdmin& admin, core::Actor actor)
      : store_(store), admin_(admin), actor_(std::move(actor)) {}
  ~Incoming() {
    file_.reset();
    DatasetStore::Discard(folder_);
  }
  Incoming(const Incoming&) = delete;
  Incoming& operator=(const Incoming&) = delete;

  // True once the dataset is registered.
  Result<bool> Take(const v1::AddDatasetRequest& message, v1::AddDatasetResponse* response) {
    switch (message.body_case()) {
      case v1::AddDatasetRequest::kHeader:
        RETURN_IF_ERROR(Begin(message.header()));
        return false;
      case v1::AddDatasetRequest::kPiece:
        RETURN_IF_ERROR(Append(message.piece()));
        return false;
      case v1::AddDatasetRequest::kEnd:
        RETURN_IF_ERROR(End(message.end(), response));
        return true;
      case v1::AddDatasetRequest::BODY_NOT_SET:
        break;
    }
    return InvalidArgument("body: must be header, piece or end; upgrade the older side");
  }

 private:
  Status Begin(const v1::AddDatasetHeader& header) {
    if (!folder_.empty()) return InvalidArgument("header: was sent before");
    RETURN_IF_ERROR(ValidateDatasetName(header.name()));
    header_ = header;
    ASSIGN_OR_RETURN(folder_, store_.MakeIncoming());
    return OkStatus();
  }

  Status Append(const v1::DatasetPiece& piece) {
    if (folder_.empty()) return InvalidArgument("header: comes before the pieces");
    if (!piece.file().empty()) RETURN_IF_ERROR(OpenFile(piece.file()));
    if (!file_) return InvalidArgument("file: is missing in the first piece");
    bytes_ += static_cast<int64_t>(piece.bytes().size());
    if (bytes_ > kDatasetUploadBytesMax) {
      return ResourceExhausted(fmt::format("the dataset is larger than {} bytes; add it in parts",
                                           kDatasetUploadBytesMax));
    }
    return file_->Append(piece.bytes());
  }

  Status OpenFile(const std::string& name) {
    RETURN_IF_ERROR(CloseFile());
    RETURN_IF_ERROR(ValidateDatasetFile(name));
    // One file for a split, whatever its extension.
    const fs::path place = fs::path(folder_) / name;
    if (!splits_.insert(fs::path(name).replace_extension().string()).second) {
      return InvalidArgument("file: a split has two files; join them");
    }
    if (static_cast<int64_t>(splits_.size()) > kDatasetFilesMax) {
      return ResourceExhausted(fmt::format("a dataset has at most {} files", kDatasetFilesMax));
    }
    std::error_code error;
    fs::create_directories(place.parent_path(), error);
    if (error) return Unavailable("cannot make " + place.parent_path().string());
    fs::permissions(place.parent_path(), fs::perms::owner_all, error);
    ASSIGN_OR_RETURN(file_, AtomicFile::Create(place.string(), 0600));
    return OkStatus();
  }

  Status CloseFile() {
    if (!file_) return OkStatus();
    RETURN_IF_ERROR(file_->Commit());
    file_.reset();
    return OkStatus();
  }

  Status End(const v1::AddDatasetEnd& end, v1::AddDatasetResponse* response) {
    if (folder_.empty()) return InvalidArgument("header: comes before the end");
    RETURN_IF_ERROR(CloseFile());
    if (end.files() != static_cast<int64_t>(splits_.size()) || end.bytes() != bytes_) {
      return DataLoss(fmt::format("{} files of {} bytes arrived, but {} of {} were sent; try again",
                                  splits_.size(), bytes_, end.files(), end.bytes()));
    }
    ASSIGN_OR_RETURN(const DatasetAdded added,
                     admin_.Add(actor_, header_.name(), header_.is_public(), folder_));
    *response->mutable_dataset() = ToProto(added.record);
    response->mutable_dataset()->set_is_current(true);
    response->set_already_known(added.already_known);
    for (const std::string& suite : added.suites_opened) response->add_suites_opened(suite);
    return OkStatus();
  }

  DatasetStore& store_;
  DatasetAdmin& admin_;
  const core::Actor actor_;
  v1::AddDatasetHeader header_;
  std::string folder_;
  std::set<std::string> splits_;
  std::unique_ptr<AtomicFile> file_;
  int64_t bytes_ = 0;
};

// One AddDataset call: a read, then a job of the pool, in turn. Owns itself until gRPC is done.
class Upload final : public grpc::ServerReadReactor<v1::AddDatasetRequest> {
 public:
  Upload(const ServiceContext& context, std::atomic<int>& uploads, Result<core::Actor> actor,
         v1::AddDatasetResponse* response)
      : context_(context), uploads_(uploads), response_(response) {
    const bool has_room = uploads_.fetch_add(1) < kDatasetUploadsMax;
    if (!actor.ok()) {
      End(actor.status());
    } else if (!has_room) {
      End(ResourceExhausted(
          fmt::format("{} datasets are being added already; try again later", kDatasetUploadsMax)));
    } else {
      incoming_ = std::make_unique<Incoming>(context_.datasets, context_.dataset_admin, *actor);
      StartRead(&message_);
    }
  }

  void OnReadDone(bool ok) override {
    if (!ok) {  // the client ended or broke off before the end message
      return End(
          InvalidArgument("the upload ended early, so that nothing of it is kept; try again"));
    }
    if (message_.ByteSizeLong() > kClientMessageBytesMax) {
      return End(ResourceExhausted(
          fmt::format("piece: is larger than {} bytes; send less", kClientMessageBytesMax)));
    }
    const bool taken = context_.reads.TryRun([this] { TakeMessage(); });
    if (!taken) End(TooManyCalls());
  }

  void OnDone() override { delete this; }

 private:
  void TakeMessage() {
    const auto done = incoming_->Take(message_, response_);
    if (done.ok() && !*done) return StartRead(&message_);
    End(done.status());
  }

  // Nothing of the upload, nor its place, is held when the client has its answer.
  void End(const Status& status) {
    incoming_.reset();
    --uploads_;
    Finish(rpc::ToGrpc(status));
  }

  const ServiceContext& context_;
  std::atomic<int>& uploads_;
  v1::AddDatasetResponse* const response_;
  v1::AddDatasetRequest message_;
  std::unique_ptr<Incoming> incoming_;
};

}  // namespace

grpc::ServerReadReactor<v1::AddDatasetRequest>* DatasetService::AddDataset(
    grpc::CallbackServerContext* call, v1::AddDatasetResponse* response) {
  auto actor = Admit(context_.authenticator, *call, rpc::Role::kOperator);
  return new Upload(context_, uploads_, std::move(actor), response);
}

grpc::ServerUnaryReactor* DatasetService::ListDatasets(grpc::CallbackServerContext* call,
                                                       const v1::ListDatasetsRequest* request,
                                                       v1::ListDatasetsResponse* response) {
  return AnswerInPool(context_, call, rpc::Role::kReader, *request,
                      [this, response](const core::Actor&) {
                        ASSIGN_OR_RETURN(const auto listings, context_.dataset_admin.List());
                        for (const DatasetListing& listing : listings) {
                          v1::Dataset* added = response->add_datasets();
                          *added = ToProto(listing.record);
                          added->set_is_current(listing.is_current);
                          added->set_requests(listing.requests);
                        }
                        return OkStatus();
                      });
}

grpc::ServerUnaryReactor* DatasetService::RemoveDataset(grpc::CallbackServerContext* call,
                                                        const v1::RemoveDatasetRequest* request,
                                                        v1::RemoveDatasetResponse* response) {
  return AnswerInPool(
      context_, call, rpc::Role::kOperator, *request,
      [this, request, response](const core::Actor& actor) {
        ASSIGN_OR_RETURN(const DatasetRemoved removed,
                         context_.dataset_admin.Remove(actor, request->name(), request->digest()));
        response->set_removed(removed.versions);
        for (const std::string& suite : removed.suites_closed) response->add_suites_closed(suite);
        return OkStatus();
      });
}

}  // namespace koeval::service
