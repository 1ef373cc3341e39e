// One coordinator, Run: build, prove, name.
#include "repair/blob_copier.h"

#include <algorithm>

#include "format/segment.h"
#include "repair/asking.h"
#include "repair/blob_survey.h"
#include "repair/fresh_blob_file.h"

namespace strongroom::repair {

const char kCopySuffix[] = ".copy";

namespace {

BlobAtRest InTarget(const CopyOrder& order) {
  BlobAtRest out = order.blob;
  out.placement = order.placement;
  out.shape.k = 1;
  out.shape.m = 0;
  return out;
}

Status Cancelled() { return Status(Code::kCancelled, "the copy was stopped"); }

class Copying {
 public:
  Copying(const std::shared_ptr<blob::BlobContext>& context, const CopyOrder& order,
          const Pace& pace, std::unique_ptr<BlobSurvey> survey, std::unique_ptr<BlobSurvey> copy)
      : context_(context),
        order_(order),
        pace_(pace),
        survey_(std::move(survey)),
        copy_(std::move(copy)),
        path_(blob::BlobPath(order.target->path, order.blob.blob_id, order.placement)) {}

  Result<uint64_t> Run() {
    survey_->OpenHealthy();
    TRY(survey_->Settle());
    TRY(AskTarget([env = order_.target->env, left = path_ + kCopySuffix] {
      Status removed = env->Remove(left);
      return removed.Is(Code::kNotFound) ? Status() : removed;
    }));
    const BlobAtRest& target = copy_->blob();
    FreshBlobFile fresh(context_.get(), *order_.target, target,
                        target.shape.FileSize(copy_->run(0)), kCopySuffix);
    Status status = Build(&fresh);
    if (status.ok()) status = Prove();
    if (status.ok()) status = Name();
    if (!status.ok()) {
      fresh.Remove(status);
      return status;
    }
    return fresh.written();
  }

 private:
  // kCancelled.
  template <typename Visit>
  Status EachStripe(BlobSurvey* survey, Visit visit) {
    const uint64_t end = survey->blob().shape.stripes();
    const uint64_t step = CellFile::StripesAtOnce(survey->blob());
    for (uint64_t first = 0; first < end; first += step) {
      const uint64_t count = std::min(step, end - first);
      survey->Read(survey->readable(), first, count);
      if (pace_ && !pace_(survey->TakeBytesRead())) return Cancelled();
      for (uint64_t stripe = first; stripe < first + count; ++stripe) TRY(visit(stripe));
    }
    return {};
  }

  Status Build(FreshBlobFile* fresh) {
    TRY(EachStripe(survey_.get(), [&](uint64_t stripe) { return AddStripe(stripe, fresh); }));
    format::BlobPreamble preamble = survey_->preamble();
    preamble.placement = order_.placement;
    preamble.k = 1;
    preamble.m = 0;
    return fresh->Finish(preamble);
  }

  Status AddStripe(uint64_t stripe, FreshBlobFile* fresh) {
    TRY(survey_->FindTruth(stripe));
    const format::BlobShape& shape = order_.blob.shape;
    for (int c = 0; c < shape.data_cells(stripe); ++c) {
      const uint64_t chunk = stripe * static_cast<uint64_t>(shape.k) + static_cast<uint64_t>(c);
      // A shorter last chunk has zeros behind it where it is one of several cells.
      TRY(fresh->AddCell({survey_->truth().cell(c), shape.sealed_size(chunk)}, chunk));
    }
    return {};
  }

  // Past the page cache, after the sync: what the disk itself gives back.
  Status Prove() {
    TRY(copy_->OpenAt(0, path_ + kCopySuffix));
    return EachStripe(copy_.get(), [&](uint64_t stripe) {
      const Haul* haul = copy_->haul(0);
      const bool sound =
          haul != nullptr &&
          haul->stripes[static_cast<size_t>(stripe - haul->first)].sound == copy_->Due(0, stripe);
      return sound ? Status() : Status(Code::kCorruption, "what was written reads back otherwise");
    });
  }

  // Crash before the folder is synced: the proven file under either name.
  Status Name() {
    return AskTarget([env = order_.target->env, path = path_,
                      folder = blob::BlobFolder(order_.target->path, order_.blob.blob_id)] {
      TRY(env->Rename(path + kCopySuffix, path));
      return env->SyncDirectory(folder);
    });
  }

  Status AskTarget(std::function<Status()> work) const {
    return AskOne(context_->env, order_.target->cells, std::move(work), context_->patience_nanos);
  }

  const std::shared_ptr<blob::BlobContext>& context_;
  const CopyOrder& order_;
  const Pace& pace_;
  const std::unique_ptr<BlobSurvey> survey_, copy_;  // Of the store's zones; of the target.
  const std::string path_;
};

}  // namespace

Result<bool> IsCopied(const std::shared_ptr<blob::BlobContext>& context, const CopyOrder& order) {
  TRY_ASSIGN(auto survey, BlobSurvey::Create(context, InTarget(order), {order.target}, {}));
  survey->Open(1);
  const Status& found = survey->file(0);
  if (found.Is(Code::kNotFound) || found.Is(Code::kCorruption)) return false;
  if (!found.ok()) return found;
  return true;
}

Result<uint64_t> CopyBlob(const std::shared_ptr<blob::BlobContext>& context, const CopyOrder& order,
                          const Pace& pace) {
  TRY_ASSIGN(auto survey, BlobSurvey::Create(context, order.blob, order.zones, {}));
  TRY_ASSIGN(auto copy, BlobSurvey::Create(context, InTarget(order), {order.target}, {}));
  return Copying(context, order, pace, std::move(survey), std::move(copy)).Run();
}

}  // namespace strongroom::repair
