// Copy-on-write pages; a page without bytes is zeros and takes no memory.
#include "io/sim_image.h"

#include <algorithm>

namespace strongroom::io {

size_t SimImage::Read(uint64_t offset, MutableByteSpan out) const {
  if (offset >= size_) return 0;
  const size_t size = static_cast<size_t>(std::min<uint64_t>(out.size(), size_ - offset));
  for (size_t done = 0; done < size;) {
    size_t within = (offset + done) % kPageSize;
    size_t piece = std::min(size - done, kPageSize - within);
    const auto& page = pages_[(offset + done) / kPageSize];
    if (page == nullptr) {
      memset(out.data() + done, 0, piece);
    } else {
      memcpy(out.data() + done, page->bytes + within, piece);
    }
    done += piece;
  }
  return size;
}

void SimImage::Write(uint64_t offset, ByteSpan data) {
  if (data.empty()) return;
  if (offset + data.size() > size_) Resize(offset + data.size());
  for (size_t done = 0; done < data.size();) {
    size_t within = (offset + done) % kPageSize;
    size_t piece = std::min(data.size() - done, kPageSize - within);
    memcpy(Mutable((offset + done) / kPageSize)->bytes + within, data.data() + done, piece);
    done += piece;
  }
}

void SimImage::Resize(uint64_t size) {
  if (size < size_ && size % kPageSize != 0 && pages_[size / kPageSize] != nullptr) {
    memset(Mutable(size / kPageSize)->bytes + size % kPageSize, 0, kPageSize - size % kPageSize);
  }
  pages_.resize((size + kPageSize - 1) / kPageSize);
  size_ = size;
}

void SimImage::SharePages(const SimImage& from, uint64_t offset, uint64_t size) {
  if (size == 0) return;
  size_t end = std::min({(offset + size + kPageSize - 1) / kPageSize, pages_.size(),
                         from.pages_.size()});
  for (size_t i = offset / kPageSize; i < end; ++i) pages_[i] = from.pages_[i];
}

uint64_t SimImage::Hash() const {
  static const uint64_t zeros_hash = MixHash(1, ByteSpan(Page().bytes));
  uint64_t hash = MixHash(2, size_);
  for (const auto& page : pages_) {
    if (page != nullptr && page->hash == 0) page->hash = MixHash(1, ByteSpan(page->bytes));
    hash = MixHash(hash, page == nullptr ? zeros_hash : page->hash);
  }
  return hash;
}

SimImage::Page* SimImage::Mutable(size_t number) {
  std::shared_ptr<Page>& page = pages_[number];
  if (page == nullptr) {
    page = std::make_shared<Page>();
  } else if (page.use_count() > 1) {
    page = std::make_shared<Page>(*page);
  }
  page->hash = 0;
  return page.get();
}

uint64_t MixHash(uint64_t hash, ByteSpan bytes) {
  size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) hash = MixHash(hash, LoadLittle<uint64_t>(&bytes[i]));
  uint64_t tail = 0;
  for (; i < bytes.size(); ++i) tail = tail << 8 | bytes[i];
  return MixHash(hash, tail ^ bytes.size() << 56);
}

}  // namespace strongroom::io
