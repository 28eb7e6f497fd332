// The shape of every batch normalization over channels: sums over a channel first, then, with what
// they give, one pass over its elements. Both directions of training are this, with other kernels.
#pragma once

#include <algorithm>
#include <cstddef>

#include "ops/channel_chunks.h"
#include "ops/merge.h"
#include "ops/parallel.h"
#include "ops/scratch.h"
#include "ops/status.h"
#include "system/cache_size.h"
#include "system/thread_pool.h"

namespace batchnorm {

// Passes provides
//   Partial                                       what a chunk yields; merge() puts two together
//   bytes_per_element()                           of all tensors that the passes touch
//   reduce(offset, channel, block, Partial* out)  the sums of a chunk
//   finish(channel, const Partial&)               the channel's sums are complete
//   apply(offset, channel, block)                 the second pass over a chunk
//   complete()                                    a task has ended: what it wrote must be seen
// where `offset` counts floats from the start of the tensors and `channel` is the block's first.

// Both passes over `channels` channels, back to back, while their elements are in cache.
template <class Passes>
void run_channel_group(const ImageShape& shape, const ChannelChunks& chunks, size_t first,
                       size_t channels, size_t ahead, typename Passes::Partial* totals,
                       typename Passes::Partial* partials, Passes& passes) {
  const size_t start = first * shape.plane;
  for (size_t index = 0; index < chunks.count(); index++) {
    Block block = chunks.block(index, channels);
    const size_t offset = chunks.offset(index);
    if (index + ahead < chunks.count()) {
      block.next = static_cast<ptrdiff_t>(chunks.offset(index + ahead) - offset);
    }
    passes.reduce(start + offset, first, block, index == 0 ? totals : partials);
    if (index == 0) continue;
    for (size_t channel = 0; channel < channels; channel++) {
      merge(totals[channel], partials[channel]);
    }
  }
  for (size_t channel = 0; channel < channels; channel++) {
    passes.finish(first + channel, totals[channel]);
  }
  // Backwards: of a channel that does not fit the cache, the end is still there.
  for (size_t index = chunks.count(); index-- > 0;) {
    Block block = chunks.block(index, channels);
    // The beginning of the next group, whoever takes it: the last-level cache is shared.
    if (index < ahead && first + channels < shape.channels) {
      block.next = static_cast<ptrdiff_t>(channels * shape.plane);
    }
    passes.apply(start + chunks.offset(index), first, block);
  }
}

constexpr size_t kMaxChannelGroup = 64;

// As many channels as fit half of a core's second-level cache, so that the second pass finds there
// what the first has read; but enough groups that no thread waits long for the last one.
inline size_t channel_group_size(const ImageShape& shape, size_t bytes_per_element,
                                 size_t threads) {
  const size_t channel_bytes = shape.images * shape.plane * bytes_per_element;
  const size_t fitting = cache_sizes().l2 / 2 / channel_bytes;
  const size_t fair = threads == 1 ? shape.channels : shape.channels / (threads * 4);
  return std::max<size_t>(1, std::min({fitting, fair, kMaxChannelGroup}));
}

// How many chunks before its use a chunk is asked for, so that the memory is as busy while the
// second pass writes as while the first one reads: half of a group, as far as a quarter of the
// cache holds it.
inline size_t chunks_ahead(const ImageShape& shape, const ChannelChunks& chunks,
                           size_t bytes_per_element, size_t group) {
  const size_t group_bytes = shape.images * shape.plane * bytes_per_element * group;
  const size_t chunk_bytes = std::max<size_t>(1, group_bytes / chunks.count());
  const size_t fitting = cache_sizes().l2 / 4 / chunk_bytes;
  return std::max<size_t>(1, std::min(fitting, chunks.count() / 2));
}

// Each task owns a group of channels.
template <class Passes>
void run_by_channel(const ImageShape& shape, size_t threads, Passes& passes) {
  const ChannelChunks chunks(shape);
  const size_t group = channel_group_size(shape, passes.bytes_per_element(), threads);
  const size_t ahead = chunks_ahead(shape, chunks, passes.bytes_per_element(), group);
  auto task = [&](size_t index, size_t) {
    typename Passes::Partial totals[kMaxChannelGroup];
    typename Passes::Partial partials[kMaxChannelGroup];
    const size_t first = index * group;
    const size_t channels = std::min(group, shape.channels - first);
    run_channel_group(shape, chunks, first, channels, ahead, totals, partials, passes);
    passes.complete();
  };
  const size_t groups = (shape.channels + group - 1) / group;
  parallel_for(groups, threads, task);
}

// Fewer channels than threads can share: each task owns one chunk of one channel, in both passes.
template <class Passes>
Status run_by_chunk(const ImageShape& shape, size_t threads, Passes& passes) {
  const ChannelChunks chunks(shape);
  const size_t count = chunks.count();
  Scratch scratch;
  auto* partials = scratch.get<typename Passes::Partial>(shape.channels * count);
  if (partials == nullptr) return Status::kOutOfMemory;

  auto reduce = [&](size_t task, size_t) {
    const size_t channel = task / count;
    const size_t index = task % count;
    passes.reduce(channel * shape.plane + chunks.offset(index), channel, chunks.block(index, 1),
                  partials + task);
  };
  auto apply = [&](size_t task, size_t) {
    const size_t channel = task / count;
    const size_t index = task % count;
    passes.apply(channel * shape.plane + chunks.offset(index), channel, chunks.block(index, 1));
    passes.complete();
  };
  parallel_for(shape.channels * count, threads, reduce);
  for (size_t channel = 0; channel < shape.channels; channel++) {
    typename Passes::Partial* total = partials + channel * count;
    for (size_t index = 1; index < count; index++) merge(*total, total[index]);
    passes.finish(channel, *total);
  }
  parallel_for(shape.channels * count, threads, apply);
  return Status::kOk;
}

template <class Passes>
Status run_channel_passes(const ImageShape& shape, Passes& passes) {
  if (shape.elements() == 0) return Status::kOk;
  const size_t threads = threads_for(shape.elements());
  if (threads > 1 && shape.channels < threads * 2) return run_by_chunk(shape, threads, passes);
  run_by_channel(shape, threads, passes);
  return Status::kOk;
}

}  // namespace batchnorm
