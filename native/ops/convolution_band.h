// The part of an image that some rows of a convolution's output see, laid out so that every tap of
// the kernel finds the pixels of an output row side by side: with the zeros of the padding, and for
// a stride s split into s * s phases, each with every s-th row and column.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/ahead.h"

namespace batchnorm {

// Along one axis, output i meets input i * stride + first + t at tap t < count.
struct Taps {
  size_t count;
  ptrdiff_t first;
};

// What of an image is seen, and by which outputs.
struct Sight {
  size_t channels, rows, columns;  // of the image
  size_t out_rows, out_columns;
  size_t stride;
  Taps row_taps, column_taps;  // at least one tap each
};

class BandLayout {
 public:
  // For bands of so many rows of output. Where rows are shorter than `lanes`, each tap's column has
  // a copy of its own without gaps between the rows, so that a vector may go on into the next one.
  BandLayout(const Sight& sight, size_t band_rows, size_t lanes);

  // Of all channels, with the floats behind them that a last vector reads in vain; SIZE_MAX where
  // that overflows.
  size_t floats() const;
  size_t channel_floats() const { return channel_floats_; }

  // From the beginning of the band to what output (0, 0) meets at a tap.
  size_t offset(size_t channel, size_t row_tap, size_t column_tap) const;

  // What output row `first_row` and those after it see of `channels` channels of an image, of which
  // `image` is the first: in `memory`, or in the image itself where that will do.
  const float* fill(const float* image, size_t channels, size_t first_row, size_t out_rows,
                    float* memory) const;

  // What fill() with the same arguments reads, by so many calls of ask().
  Ahead ahead(const float* image, size_t channels, size_t first_row, size_t out_rows,
              size_t calls) const;

  // Whether the image itself is the band.
  bool is_direct() const { return direct_; }
  // Floats from one row to the next.
  size_t pitch() const { return pitch_; }
  // Whether output rows follow one another without a gap.
  bool is_flat() const { return pitch_ == sight_.out_columns; }

 private:
  Sight sight_;
  bool direct_;
  bool splits_columns_;
  size_t row_phases_, column_phases_;
  size_t phase_rows_, pitch_;
  size_t phase_floats_ = 0;
  size_t channel_floats_;
};

// SIZE_MAX where it overflows.
inline size_t saturating_product(size_t a, size_t b) {
  return b != 0 && a > SIZE_MAX / b ? SIZE_MAX : a * b;
}
inline size_t saturating_sum(size_t a, size_t b) { return a > SIZE_MAX - b ? SIZE_MAX : a + b; }

// A multiple of the floats of a cache line.
inline size_t whole_lines(size_t floats) {
  constexpr size_t kLine = 16;
  return floats > SIZE_MAX - kLine ? SIZE_MAX : (floats + kLine - 1) / kLine * kLine;
}

}  // namespace batchnorm
