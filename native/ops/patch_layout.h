// The memory layout of the inputs of a band (some rows of a convolution's output). The layout
// includes the padding and makes the pixels contiguous that one kernel tap is multiplied with along
// an output row. For strides r and s it splits the image into up to r * s phases, each with every
// r-th row and s-th column. If the image already has this form, it is used without a copy.
#pragma once

#include <cstddef>

#include "kernels.h"
#include "ops/input_window.h"
#include "ops/prefetch.h"

namespace batchnorm {

struct PatchLayout {
  // How vectors of `lanes` pixels read rows that are shorter: kJoined gives each kernel column its
  // own copy without gaps between the rows, so that a vector can continue in the next row;
  // kSeparate leaves room behind the last row, where vectors read on.
  enum class ShortRows { kJoined, kSeparate };
  // The layout for bands of `band_rows` rows of output.
  static PatchLayout plan(const InputWindow& window, size_t band_rows, size_t lanes,
                          ShortRows short_rows);

  // Size of a band of this many channels, including the slack that the last vectors read; SIZE_MAX
  // on overflow.
  size_t floats(size_t channels) const;

  // Offset from the start of the band to the input that a tap reads for output (0, 0).
  size_t offset(size_t channel, size_t row_tap, size_t column_tap) const;

  // Copies the inputs of the output rows [first_row, first_row + out_rows) to `memory`, for
  // `channels` channels beginning at `image`, and returns the band. A direct layout returns part of
  // the image.
  const float* fill(const Kernels& kernels, const float* image, size_t channels, size_t first_row,
                    size_t out_rows, float* memory) const;

  // Prefetches the data that fill() reads for the same arguments, in `calls` calls of advance().
  Prefetch prefetch(const float* image, size_t channels, size_t first_row, size_t out_rows,
                    size_t calls) const;

  // Whether there is no gap between rows, so that vectors can span them.
  bool is_flat() const { return pitch == window.out_columns; }

  InputWindow window;
  bool is_direct;       // the image itself is the band
  bool splits_columns;  // each kernel column has its own copy
  size_t row_phases, column_phases;
  size_t row_period, column_period;  // of the axes
  size_t pitch;                      // floats from one row to the next
  size_t phase_floats;
  size_t channel_floats;

 private:
  size_t column_start(size_t phase) const;
  ptrdiff_t first_source(size_t row_phase, size_t first_row) const;
  bool fills_pairs() const;
  void fill_by_kernel(const Kernels& kernels, const float* image, size_t channels, size_t first_row,
                      size_t out_rows, float* memory) const;
  void fill_by_lines(const float* image, size_t channels, size_t first_row, size_t out_rows,
                     float* memory) const;
};

}  // namespace batchnorm
