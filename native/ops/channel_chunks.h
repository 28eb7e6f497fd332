// How an NCHW tensor is divided for sums over its channels.
//
// A chunk is the part of a channel that one kernel call sums. Its size depends only on the shape,
// and chunks are added in order, so the bits of a result depend neither on cache sizes nor on the
// number of threads.
#pragma once

#include <algorithm>
#include <cstddef>

#include "kernels.h"

namespace batchnorm {

struct ImageShape {
  size_t images;
  size_t channels;
  size_t plane;  // H*W

  size_t elements() const { return images * channels * plane; }
};

class ChannelChunks {
 public:
  // Maximum number of elements of a channel in a chunk.
  static constexpr size_t kElements = 16384;
  // Images are divided further, so that threads can share them, until there are so many chunks or
  // until merging the sums of smaller ones would take too long. Not in tensors beyond the caches,
  // which are divided by channel: there, smaller chunks only take longer.
  static constexpr size_t kEnoughChunks = 8, kMinElements = 2048, kMaxShared = 4 * 1024 * 1024;

  explicit ChannelChunks(const ImageShape& shape) : shape_(shape) {
    if (shape.plane > kElements) {
      const size_t pieces = ceiling(shape.plane, kElements);
      // Rounded to whole cache lines, so that only the last piece of a plane has a partial vector.
      length_ = ceiling(ceiling(shape.plane, pieces), 16) * 16;
      pieces_ = ceiling(shape.plane, length_);
      images_ = 1;
    } else {
      length_ = shape.plane;
      pieces_ = 1;
      size_t chunks = 1;
      const size_t enough = shape.elements() <= kMaxShared ? kEnoughChunks : 1;
      while (chunks < enough && shape.images * shape.plane / (2 * chunks) >= kMinElements) {
        chunks *= 2;
      }
      images_ = std::min(ceiling(shape.images, chunks), kElements / shape.plane);
    }
  }

  // Number of chunks per channel.
  size_t count() const { return ceiling(shape_.images, images_) * pieces_; }

  // Where chunk `index` of channel 0 begins, in floats from the start of the tensor.
  size_t offset(size_t index) const {
    return (index / pieces_) * images_ * shape_.channels * shape_.plane +
           (index % pieces_) * length_;
  }

  // Chunk `index` of `channels` neighboring channels.
  Block block(size_t index, size_t channels) const {
    const size_t image = (index / pieces_) * images_;
    const size_t start = (index % pieces_) * length_;
    return {std::min(images_, shape_.images - image), channels,
            std::min(length_, shape_.plane - start), shape_.channels * shape_.plane, shape_.plane};
  }

 private:
  static size_t ceiling(size_t a, size_t b) { return (a + b - 1) / b; }

  ImageShape shape_;
  size_t images_;
  size_t length_;
  size_t pieces_;
};

}  // namespace batchnorm
