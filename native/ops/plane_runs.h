// Divides a tensor into runs of whole planes for an operation that needs no sums over channels
// first, such as inference.
#pragma once

#include <algorithm>
#include <cstddef>

#include "ops/channel_chunks.h"
#include "ops/parallel.h"

namespace batchnorm {

// Calls apply(offset, channel, block) for runs of whole planes in memory order, so that each thread
// writes contiguous memory: whole images together, and the parts of images at both ends. `offset`
// is in floats from the start of the tensor, `channel` is the block's first. With `streaming`, each
// task publishes its streamed stores when it ends.
template <class Apply>
void for_each_plane_run(const Kernels& kernels, const ImageShape& shape, bool streaming,
                        const Apply& apply) {
  const size_t planes = shape.images * shape.channels;
  const size_t threads = threads_for(shape.elements());
  // Long runs, because hardware prefetchers read past the end into memory that another thread uses.
  const size_t tasks = threads == 1 ? 1 : std::min(planes, threads * 4);
  auto task = [&](size_t index, size_t) {
    size_t plane = planes * index / tasks;
    const size_t end = planes * (index + 1) / tasks;
    while (plane < end) {
      const size_t channel = plane % shape.channels;
      const size_t channels = std::min(end - plane, shape.channels - channel);
      const size_t images = channel == 0 ? (end - plane) / channels : 1;
      const Block block = {images, channels, shape.plane, shape.channels * shape.plane,
                           shape.plane};
      apply(plane * shape.plane, channel, block);
      plane += images * channels;
    }
    if (streaming) kernels.stream_fence();
  };
  parallel_for(tasks, threads, task);
}

}  // namespace batchnorm
