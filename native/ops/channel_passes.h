// The two passes that batch norm's training forward and backward share: sums over each channel,
// then a second pass over its elements that uses the sums. Divides them into tasks for the threads,
// so that the second pass finds its data in the cache. An operation may also consist of the first
// pass alone.
#pragma once

#include <algorithm>
#include <cstddef>

#include "inlining.h"
#include "ops/channel_chunks.h"
#include "ops/parallel.h"
#include "ops/scratch.h"
#include "ops/status.h"
#include "system/cache_size.h"
#include "system/thread_pool.h"

namespace batchnorm {

// Passes provides
//   bytes_per_element()                            over all tensors that the passes touch
//   prepare(channel, channels)                     called before the sums of these channels
//   reduce(offset, channel, block, ChannelSums*)   sums a chunk of each channel of the block
//   finish(channel, sums, sums_again)              called with the complete sums of a channel;
//                                                  sums_again() recomputes them, for example for
//                                                  another shift
//   kApplies                                       whether there is a second pass (constexpr)
//   apply(offset, channel, block)                  the second pass over a chunk
//   complete()                                     called at the end of a task of the second pass;
//                                                  publishes its streamed stores
// where `offset` is in floats from the start of the tensors and `channel` is the block's first.

inline void add(ChannelSums& into, const ChannelSums& next) {
  into.sum += next.sum;
  into.products += next.products;
}

// Sums `channels` channels, chunk by chunk in order. Prefetches one chunk or image ahead, and at
// the end the next channels.
template <class Passes>
void sum_channels(const ImageShape& shape, const ChannelChunks& chunks, size_t first,
                  size_t channels, ChannelSums* totals, Passes& passes) {
  const size_t start = first * shape.plane;
  ChannelSums sums[kMaxChannels];
  for (size_t index = 0; index < chunks.count(); index++) {
    Block block = chunks.block(index, channels);
    const bool last = index + 1 == chunks.count();
    const size_t last_image = chunks.offset(index) + (block.images - 1) * block.image_stride;
    const size_t following = last ? channels * shape.plane : chunks.offset(index + 1);
    block.next = static_cast<ptrdiff_t>(following) - static_cast<ptrdiff_t>(last_image);
    passes.reduce(start + chunks.offset(index), first, block, index == 0 ? totals : sums);
    if (index == 0) continue;
    for (size_t channel = 0; channel < channels; channel++) add(totals[channel], sums[channel]);
  }
}

template <class Passes>
void finish_channel(const ImageShape& shape, const ChannelChunks& chunks, size_t channel,
                    const ChannelSums& sums, Passes& passes) {
  passes.finish(channel, sums, [&] {
    ChannelSums again;
    sum_channels(shape, chunks, channel, 1, &again, passes);
    return again;
  });
}

// Runs both passes over `channels` channels while their elements are in the cache.
template <class Passes>
void run_channel_group(const ImageShape& shape, const ChannelChunks& chunks, size_t first,
                       size_t channels, Passes& passes) {
  ChannelSums totals[kMaxChannels];
  passes.prepare(first, channels);
  sum_channels(shape, chunks, first, channels, totals, passes);
  for (size_t channel = 0; channel < channels; channel++) {
    finish_channel(shape, chunks, first + channel, totals[channel], passes);
  }
  if constexpr (Passes::kApplies) {
    // In reverse, because the last chunks were read last and are still in the cache.
    for (size_t index = chunks.count(); index-- > 0;) {
      passes.apply(first * shape.plane + chunks.offset(index), first,
                   chunks.block(index, channels));
    }
  }
}

// Channels per group: as many as fit in the second-level cache, so that the second pass reads from
// it; few enough that all threads finish at about the same time; and, if possible, a number for
// which every group begins at a cache line. The last channel of a group needs no room for what is
// streamed: three channels of 64x512x28x28 with longer rows are faster than two.
BATCHNORM_NOINLINE inline size_t channel_group_size(const ImageShape& shape,
                                                    size_t bytes_per_element,
                                                    size_t streamed_bytes_per_element,
                                                    size_t threads) {
  const size_t elements = shape.images * shape.plane;
  const size_t room = cache_sizes().l2 + elements * streamed_bytes_per_element;
  const size_t fitting = room / (elements * bytes_per_element);
  const size_t fair = threads == 1 ? shape.channels : shape.channels / (threads * 4);
  const size_t group = std::max<size_t>(1, std::min({fitting, fair, kMaxChannels}));
  size_t to_line = 1;
  while (to_line < 16 && shape.plane * to_line % 16 != 0) to_line *= 2;
  return group < to_line ? group : group / to_line * to_line;
}

// Each task owns several neighboring groups of channels. With smaller tasks, hardware prefetchers
// that run past the end of a group would more often fetch lines that another thread writes.
template <class Passes>
void run_by_channel(const ImageShape& shape, size_t threads, Passes& passes,
                    size_t streamed_bytes_per_element) {
  const ChannelChunks chunks(shape);
  const size_t group =
      channel_group_size(shape, passes.bytes_per_element(), streamed_bytes_per_element, threads);
  const size_t groups = (shape.channels + group - 1) / group;
  const size_t tasks = threads == 1 ? 1 : std::min(groups, threads * 4);
  auto task = [&](size_t index, size_t) {
    for (size_t each = groups * index / tasks; each < groups * (index + 1) / tasks; each++) {
      const size_t first = each * group;
      run_channel_group(shape, chunks, first, std::min(group, shape.channels - first), passes);
    }
    if constexpr (Passes::kApplies) passes.complete();
  };
  parallel_for(tasks, threads, task);
}

template <class Passes>
void prepare_channels(const ImageShape& shape, Passes& passes) {
  for (size_t channel = 0; channel < shape.channels; channel += kMaxChannels) {
    passes.prepare(channel, std::min(kMaxChannels, shape.channels - channel));
  }
}

// Merges the sums of `parts` parts of every channel in order; each part has sums of all channels.
// One copy for both ways of dividing that need it, which makes the binaries smaller.
template <class Passes>
BATCHNORM_NOINLINE void merge_parts(const ImageShape& shape, size_t parts, ChannelSums* sums,
                                    Passes& passes) {
  const ChannelChunks chunks(shape);
  for (size_t channel = 0; channel < shape.channels; channel++) {
    ChannelSums& total = sums[channel];
    for (size_t part = 1; part < parts; part++) add(total, sums[part * shape.channels + channel]);
    finish_channel(shape, chunks, channel, total, passes);
  }
}

// A task is a chunk of several channels, in both passes, and every thread starts with its own
// images.
template <class Passes>
Status run_by_image(const ImageShape& shape, size_t threads, Passes& passes) {
  const ChannelChunks chunks(shape);
  const size_t count = chunks.count();
  Scratch scratch;
  auto* sums = scratch.get<ChannelSums>(shape.channels * count);
  if (sums == nullptr) return Status::kOutOfMemory;
  const size_t group = std::clamp<size_t>(shape.channels * count / (threads * 4), 1, kMaxChannels);
  const size_t groups = (shape.channels + group - 1) / group;
  const size_t tasks = groups * count;
  // Calls function(offset, channel, block, sums).
  const auto run = [&](size_t task, const auto& function) {
    const size_t index = task / groups;
    const size_t first = task % groups * group;
    function(first * shape.plane + chunks.offset(index), first,
             chunks.block(index, std::min(group, shape.channels - first)),
             sums + index * shape.channels + first);
  };

  prepare_channels(shape, passes);
  auto reduce = [&](size_t task, size_t) {
    run(task, [&](size_t offset, size_t channel, const Block& block, ChannelSums* out) {
      passes.reduce(offset, channel, block, out);
    });
  };
  parallel_for(tasks, threads, reduce);
  merge_parts(shape, count, sums, passes);
  if constexpr (Passes::kApplies) {
    auto apply = [&](size_t task, size_t) {
      run(mirrored_task(task, tasks, threads),
          [&](size_t offset, size_t channel, const Block& block, ChannelSums*) {
            passes.apply(offset, channel, block);
          });
      passes.complete();
    };
    parallel_for(tasks, threads, apply);
  }
  return Status::kOk;
}

// Whether to divide by image: if there are too few channels for the threads, or because the tensors
// fit in the cache. By channel, the second pass finds its data in the second-level cache, but a
// thread reads what other threads wrote, since convolutions before and after are divided by image.
// Where cores do not share the last-level cache, that takes more than twice as long as reading what
// the same core wrote.
BATCHNORM_NOINLINE inline bool worth_dividing_by_image(const ImageShape& shape,
                                                       size_t bytes_per_element, size_t threads) {
  if (threads == 1) return false;
  const bool few_channels = shape.channels < threads * 2;
  const size_t bytes = shape.elements() * bytes_per_element;
  const bool each_has_images = shape.images >= threads && ChannelChunks(shape).count() >= threads;
  return few_channels || (each_has_images && bytes <= cache_sizes().last);
}

// How rows of channels, the planes of one pixel, are divided: into parts that are summed by
// themselves and merged in order, and these into blocks that stay in the cache.
struct RowParts {
  explicit RowParts(const ImageShape& shape)
      : rows(shape.images),
        count(std::clamp<size_t>(shape.images / kMinRows, 1, kMaxParts)),
        block_rows(std::max(kMinBlockRows, kBlockElements / shape.channels)) {}

  size_t begin(size_t part) const { return rows * part / count; }

  // A part has enough rows that its sums are a small fraction of its elements.
  static constexpr size_t kMinRows = 64, kMaxParts = 32;
  static constexpr size_t kMinBlockRows = 16, kBlockElements = 16384;
  size_t rows, count, block_rows;
};

// For planes of one pixel: a task is a part of the rows, in both passes. By channel, every cache
// line would be read once for each of the groups of channels that share it, and rows of a few
// channels would be read with large strides.
template <class Passes>
Status run_by_row(const ImageShape& shape, const RowParts& parts, size_t threads, Passes& passes) {
  const size_t channels = shape.channels;
  Scratch scratch;
  auto* sums = scratch.get<ChannelSums>((parts.count + threads) * channels);
  if (sums == nullptr) return Status::kOutOfMemory;
  const auto block_of = [&](size_t rows) { return Block{rows, channels, 1, channels, 1}; };

  prepare_channels(shape, passes);
  auto reduce = [&](size_t part, size_t slot) {
    ChannelSums* total = sums + part * channels;
    ChannelSums* next = sums + (parts.count + slot) * channels;
    const size_t begin = parts.begin(part), end = parts.begin(part + 1);
    for (size_t row = begin; row < end; row += parts.block_rows) {
      const Block block = block_of(std::min(parts.block_rows, end - row));
      passes.reduce(row * channels, 0, block, row == begin ? total : next);
      if (row == begin) continue;
      for (size_t channel = 0; channel < channels; channel++) add(total[channel], next[channel]);
    }
  };
  parallel_for(parts.count, threads, reduce);
  merge_parts(shape, parts.count, sums, passes);
  if constexpr (Passes::kApplies) {
    auto apply = [&](size_t part, size_t) {
      const size_t mirrored = mirrored_task(part, parts.count, threads);
      const size_t begin = parts.begin(mirrored), end = parts.begin(mirrored + 1);
      passes.apply(begin * channels, 0, block_of(end - begin));
      passes.complete();
    };
    parallel_for(parts.count, threads, apply);
  }
  return Status::kOk;
}

// Of the bytes per element, the streamed ones need not all fit in the cache: see
// channel_group_size.
template <class Passes>
Status run_channel_passes(const ImageShape& shape, Passes& passes,
                          size_t streamed_bytes_per_element = 0) {
  if (shape.elements() == 0) return Status::kOk;
  const size_t threads = threads_for(shape.elements());
  const RowParts parts(shape);
  if (shape.plane == 1 && parts.count > 1) return run_by_row(shape, parts, threads, passes);
  if (worth_dividing_by_image(shape, passes.bytes_per_element(), threads)) {
    return run_by_image(shape, threads, passes);
  }
  run_by_channel(shape, threads, passes, streamed_bytes_per_element);
  return Status::kOk;
}

}  // namespace batchnorm
