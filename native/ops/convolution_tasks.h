// How a convolution is divided into tasks: each computes a band, some rows of one image's output,
// small enough that its inputs fit in the second-level cache.
#pragma once

#include <algorithm>
#include <cstddef>

#include "ops/convolution.h"
#include "ops/input_window.h"
#include "ops/parallel.h"
#include "ops/sizes.h"
#include "system/cache_size.h"

namespace batchnorm {

// The input that each output of a convolution reads.
inline InputWindow input_window(const ConvolutionShape& shape) {
  const auto kernel_axis = [](const ConvolutionAxis& axis) {
    return KernelAxis{axis.kernel, -static_cast<ptrdiff_t>(axis.padding), axis.dilation,
                      axis.stride};
  };
  return {shape.in_channels,         shape.height(),    shape.width(),
          shape.out_height(),        shape.out_width(), kernel_axis(shape.rows),
          kernel_axis(shape.columns)};
}

// Threads for a convolution; eight multiply-adds count as one element.
inline size_t threads_of(const ConvolutionShape& shape) {
  const size_t work =
      saturating_product(shape.images * shape.groups * shape.out_plane(), shape.group_weights());
  return threads_for(work / 8);
}

// Whether a tensor of this many floats exceeds the second-level cache. Prefetching it then costs
// less than waiting for it.
inline bool is_far(size_t floats) { return floats > cache_sizes().l2 / 2 / sizeof(float); }

// Consecutive bands, of one group of one image each, that form a task: a band of a group with few
// channels would be too short for one.
inline size_t bands_per_task(size_t bands, size_t band_floats, size_t threads) {
  constexpr size_t kFloats = 16 * 1024;
  constexpr size_t kTasksPerThread = 4;
  const size_t most = threads == 1 ? bands : bands / (threads * kTasksPerThread);
  return std::clamp<size_t>(kFloats / std::max<size_t>(1, band_floats), 1,
                            std::max<size_t>(1, most));
}

// The groups of an image, divided into blocks whose channels form a band together.
struct GroupBlocks {
  size_t groups, block;

  size_t per_image() const { return ceil_divide(groups, block); }
  // Of a block, counting those of all images: its first group, counting those of all images, and
  // the number of its groups.
  size_t first(size_t index) const {
    return index / per_image() * groups + index % per_image() * block;
  }
  size_t size(size_t index) const { return std::min(block, groups - index % per_image() * block); }
};

// Floats of a block that stays in the first-level cache.
constexpr size_t kCachedBlock = 4096;

// Blocks for planes that are computed one at a time: since preparing a band takes as long as a
// small plane, a block has as many groups of `group_floats` as `floats` hold, and fewer where
// threads would otherwise be idle.
inline GroupBlocks blocks_of_planes(size_t groups, size_t images, size_t group_floats,
                                    size_t floats, size_t threads) {
  constexpr size_t kTasksPerThread = 4;
  const size_t blocks = threads == 1 ? 1 : ceil_divide(threads * kTasksPerThread, images);
  const size_t fitting = floats / std::max<size_t>(1, group_floats);
  return {groups, std::clamp<size_t>(fitting, 1, std::max<size_t>(1, groups / blocks))};
}

// Rows of output per band: as many as keep the band in the second-level cache, and fewer where
// threads would otherwise be idle. `images` counts the groups of an image separately.
inline size_t rows_per_band(const InputWindow& window, size_t images, size_t threads) {
  constexpr size_t kFloats = 32 * 1024;
  constexpr size_t kTasksPerThread = 4;
  const KernelAxis& columns = window.column_axis;
  const size_t phases = window.row_axis.phases() * columns.phases();
  const size_t row_floats =
      saturating_product(saturating_product(window.channels, phases),
                         window.out_columns + columns.inputs_before(columns.count));
  const size_t fitting = std::max<size_t>(1, kFloats / std::max<size_t>(1, row_floats));
  size_t bands = ceil_divide(window.out_rows, fitting);
  if (threads > 1) bands = std::max(bands, ceil_divide(threads * kTasksPerThread, images));
  return ceil_divide(window.out_rows, std::min(bands, window.out_rows));
}

// How a convolution is divided: each task computes a band, or one of `parts` parts of its channels.
struct Division {
  size_t rows, bands, parts;
};

// `items` counts the groups of an image separately; `strips` are the smallest parts, of
// `strip_floats` weights each.
inline Division divide_convolution(const InputWindow& window, size_t items, size_t strips,
                                   size_t strip_floats, size_t threads) {
  constexpr size_t kTasksPerThread = 4;
  size_t rows = rows_per_band(window, items, 1);
  size_t bands = ceil_divide(window.out_rows, rows);
  size_t parts = 1;
  // Weights that exceed the second-level cache are loaded once for all bands if these are computed
  // part by part.
  if (items * bands > 1) {
    const size_t cached = std::max<size_t>(1, cache_sizes().l2 / 2 / sizeof(float));
    parts = ceil_divide(saturating_product(strips, strip_floats), cached);
  }
  const size_t tasks = threads == 1 ? 1 : threads * kTasksPerThread;
  // Channels before rows: bands of few rows use the weights that they load only a few times.
  parts = std::min(strips, std::max(parts, ceil_divide(tasks, items * bands)));
  if (items * bands * parts < tasks) {
    rows =
        ceil_divide(window.out_rows, std::min(window.out_rows, ceil_divide(tasks, items * parts)));
    bands = ceil_divide(window.out_rows, rows);
  }
  return {rows, bands, parts};
}

}  // namespace batchnorm
