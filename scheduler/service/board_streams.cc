// Streams of files.
#include "scheduler/service/board_streams.h"

#include "scheduler/service/board_state.h"
#include "scheduler/service/limits.h"

namespace koeval::service {

ImportReactor::ImportReactor(const ServiceContext& context, core::Actor actor,
                             v1::ImportFilesResponse* response, std::function<void()> on_end)
    : context_(context),
      import_(context, std::move(actor)),
      response_(response),
      on_end_(std::move(on_end)) {
  StartRead(&message_);
}

void ImportReactor::OnReadDone(bool ok) {
  if (!context_.streams.TryRun([this, ok] { Handle(ok); })) End(TooManyCalls());
}

// Nothing is touched behind End(): gRPC may be done with the stream at once.
void ImportReactor::Handle(bool ok) {
  if (ok) {
    const Status added = import_.Add(message_);
    if (added.ok()) return StartRead(&message_);
    context_.board.Changed();
    return End(added);
  }
  auto answer = import_.Finish();
  context_.board.Changed();
  if (!answer.ok()) return End(answer.status());
  *response_ = *std::move(answer);
  End(OkStatus());
}

void ImportReactor::End(const Status& status) {
  on_end_();
  Finish(rpc::ToGrpc(status));
}

FilledStream<v1::ExportFilesResponse>::Filled ExportFiller::operator()() {
  using Filled = FilledStream<v1::ExportFilesResponse>::Filled;
  if (!scanned_) {
    if (const Status status = files_.Scan(); !status.ok()) {
      return {Fill::kEnd, {}, rpc::ToGrpc(status)};
    }
    scanned_ = true;
  }
  Filled filled{Fill::kMore, {}, grpc::Status::OK};
  size_t bytes = 0;
  auto path = files_.paths().upper_bound(after_);
  for (; path != files_.paths().end() && filled.messages.size() < kFilesQueued &&
         bytes < kImportBatchBytes;
       ++path) {
    auto text = files_.Text(*path);
    if (!text.ok()) return {Fill::kEnd, {}, rpc::ToGrpc(text.status().WithContext(*path))};
    bytes += text->size();
    v1::BoardFile* file = filled.messages.emplace_back().mutable_file();
    file->set_path(*path);
    file->set_text(*std::move(text));
    after_ = *path;
  }
  if (path == files_.paths().end()) filled.next = Fill::kEnd;
  return filled;
}

}  // namespace koeval::service
