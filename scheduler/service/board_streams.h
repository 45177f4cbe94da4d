// The streams of files of koeval.v1.BoardService: in and out.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "scheduler/service/board_files.h"
#include "scheduler/service/board_import.h"
#include "scheduler/service/stream.h"

namespace koeval::service {

// Takes in one file after the other, each in the pool of streams; owns itself until gRPC is done.
class ImportReactor final : public grpc::ServerReadReactor<v1::ImportFilesRequest> {
 public:
  // `on_end` before the client learns that the stream is over.
  ImportReactor(const ServiceContext& context, core::Actor actor, v1::ImportFilesResponse* response,
                std::function<void()> on_end);
  void OnReadDone(bool ok) override;
  void OnDone() override { delete this; }

 private:
  void Handle(bool ok);
  void End(const Status& status);

  const ServiceContext& context_;
  BoardImport import_;
  v1::ImportFilesResponse* const response_;
  const std::function<void()> on_end_;
  v1::ImportFilesRequest message_;
};

// A stream that ends with `status` and reads nothing.
class RefusedImport final : public grpc::ServerReadReactor<v1::ImportFilesRequest> {
 public:
  explicit RefusedImport(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

// Fills an ExportFiles stream in order of paths.
class ExportFiller {
 public:
  ExportFiller(const ServiceContext& context, board::FileKind kind, const std::string& suite,
               board::ResultFormat format)
      : files_(context.readers, kind, suite, RedactForReaders(context.config, context.datasets),
               format) {}
  FilledStream<v1::ExportFilesResponse>::Filled operator()();

 private:
  BoardFiles files_;
  bool scanned_ = false;
  std::string after_;  // the last path that was given
};

}  // namespace koeval::service
