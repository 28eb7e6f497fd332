// Where the inputs of a band (some rows of a convolution's output) lie in memory. The layout
// includes the padding and puts the pixels that one kernel tap meets along an output row side by
// side. For a stride s it splits the image into s * s phases, each with every s-th row and column.
// Where the image itself already has that form, it is used without a copy.
#pragma once

#include <cstddef>

#include "ops/input_window.h"
#include "ops/prefetch.h"

namespace batchnorm {

struct PatchLayout {
  // For bands of `band_rows` rows of output. Where rows are shorter than `lanes`, each kernel
  // column gets a copy without gaps between the rows, so that a vector may continue in the next
  // row.
  static PatchLayout plan(const InputWindow& window, size_t band_rows, size_t lanes);

  // For all channels, including what the last vectors read beyond their row; SIZE_MAX on overflow.
  size_t floats() const;

  // From the start of the band to the input of output (0, 0) at a tap.
  size_t offset(size_t channel, size_t row_tap, size_t column_tap) const;

  // The inputs of `out_rows` output rows from `first_row` on, for `channels` channels of which
  // `image` is the first: copied to `memory`, or the image itself where the layout is direct.
  const float* fill(const float* image, size_t channels, size_t first_row, size_t out_rows,
                    float* memory) const;

  // Prefetches what fill() reads for the same arguments.
  Prefetch prefetch(const float* image, size_t channels, size_t first_row, size_t out_rows,
                    size_t calls) const;

  // Whether output rows follow one another without a gap.
  bool is_flat() const { return pitch == window.out_columns; }

  InputWindow window;
  bool is_direct;       // the image itself is the band
  bool splits_columns;  // each kernel column has its own copy
  size_t row_phases, column_phases;
  size_t pitch;  // floats from one row to the next
  size_t phase_floats;
  size_t channel_floats;
};

}  // namespace batchnorm
