// The part of an image that some rows of a convolution's output see, laid out so that every tap of
// the kernel finds the pixels of an output row side by side: with the zeros of the padding, and for
// a stride s split into s * s phases, each with every s-th row and column.
#pragma once

#include <cstddef>
#include <cstdint>

namespace batchnorm {

// Along one axis, output i meets input i * stride + first + t at tap t < count.
struct Taps {
  size_t count;
  ptrdiff_t first;
};

// What of an image is seen, and by which outputs.
struct BandLayout {
  BandLayout(size_t image_rows, size_t image_columns, size_t out_rows, size_t out_columns,
             size_t stride, Taps row_taps, Taps column_taps);

  // Floats of the band of one channel for so many rows of output; SIZE_MAX where that overflows.
  size_t channel_floats(size_t out_rows) const;

  // From a channel's beginning to what output (0, 0) of a band of so many rows meets at a tap.
  size_t offset(size_t row_tap, size_t column_tap, size_t out_rows) const;

  // Fills the band of `channels` channels of an image, beginning with output row `first_row`.
  void fill(const float* image, size_t channels, size_t first_row, size_t out_rows,
            float* band) const;

  // Where the image itself serves as the band: from its beginning, for a first output row.
  size_t direct_offset(size_t first_row) const;

  // Whether output rows follow one another without a gap.
  bool is_flat() const { return pitch == columns; }

  bool direct;     // the image serves as it is: stride 1 and no padding
  size_t pitch;    // floats from one row of a band, or of an image that serves as one, to the next
  size_t columns;  // of the output

 private:
  size_t phase_rows(size_t out_rows) const { return out_rows + (row_taps_.count - 1) / stride_; }

  size_t image_rows_, image_columns_;
  size_t stride_;
  Taps row_taps_, column_taps_;
  size_t row_phases_, column_phases_;
};

// SIZE_MAX where it overflows.
inline size_t saturating_product(size_t a, size_t b) {
  return b != 0 && a > SIZE_MAX / b ? SIZE_MAX : a * b;
}

}  // namespace batchnorm
