#include "ops/convolution_band.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace batchnorm {

namespace {

bool stays_inside(size_t image, size_t out, size_t stride, Taps taps) {
  return stride == 1 && taps.first >= 0 &&
         out - 1 + static_cast<size_t>(taps.first) + taps.count <= image;
}

// to[j] = from[first + j * stride] for j < count, zero where that is outside of 0 .. size.
void copy_line(const float* from, size_t size, ptrdiff_t first, size_t stride, size_t count,
               float* to) {
  const ptrdiff_t step = static_cast<ptrdiff_t>(stride);
  const ptrdiff_t limit = static_cast<ptrdiff_t>(size);
  const size_t before =
      first < 0 ? std::min(count, static_cast<size_t>((step - 1 - first) / step)) : 0;
  const size_t end =
      first >= limit
          ? before
          : std::max(before,
                     std::min(count, static_cast<size_t>((limit - first + step - 1) / step)));
  std::fill(to, to + before, 0.0f);
  if (stride == 1) {
    std::memcpy(to + before, from + first + static_cast<ptrdiff_t>(before),
                (end - before) * sizeof(float));
  } else if (stride == 2) {
    // Known to the compiler, which moves registers.
    const float* source = from + first;
    for (size_t j = before; j < end; j++) to[j] = source[2 * j];
  } else {
    for (size_t j = before; j < end; j++) to[j] = from[first + static_cast<ptrdiff_t>(j) * step];
  }
  std::fill(to + end, to + count, 0.0f);
}

}  // namespace

BandLayout::BandLayout(size_t image_rows, size_t image_columns, size_t out_rows, size_t out_columns,
                       size_t stride, Taps row_taps, Taps column_taps)
    : direct(stays_inside(image_rows, out_rows, stride, row_taps) &&
             stays_inside(image_columns, out_columns, stride, column_taps)),
      pitch(direct ? image_columns : out_columns + (column_taps.count - 1) / stride),
      columns(out_columns),
      image_rows_(image_rows),
      image_columns_(image_columns),
      stride_(stride),
      row_taps_(row_taps),
      column_taps_(column_taps),
      row_phases_(std::min(stride, row_taps.count)),
      column_phases_(std::min(stride, column_taps.count)) {}

size_t BandLayout::channel_floats(size_t out_rows) const {
  if (direct) return image_rows_ * image_columns_;
  return saturating_product(saturating_product(row_phases_, column_phases_),
                            saturating_product(phase_rows(out_rows), pitch));
}

size_t BandLayout::offset(size_t row_tap, size_t column_tap, size_t out_rows) const {
  const size_t phase = row_tap % stride_ * column_phases_ + column_tap % stride_;
  return (phase * (direct ? 0 : phase_rows(out_rows)) + row_tap / stride_) * pitch +
         column_tap / stride_;
}

size_t BandLayout::direct_offset(size_t first_row) const {
  return (first_row + static_cast<size_t>(row_taps_.first)) * image_columns_ +
         static_cast<size_t>(column_taps_.first);
}

void BandLayout::fill(const float* image, size_t channels, size_t first_row, size_t out_rows,
                      float* band) const {
  const size_t rows = phase_rows(out_rows);
  const ptrdiff_t stride = static_cast<ptrdiff_t>(stride_);
  for (size_t channel = 0; channel < channels; channel++, image += image_rows_ * image_columns_) {
    for (size_t row_phase = 0; row_phase < row_phases_; row_phase++) {
      const ptrdiff_t first = static_cast<ptrdiff_t>(first_row) * stride + row_taps_.first +
                              static_cast<ptrdiff_t>(row_phase);
      for (size_t column_phase = 0; column_phase < column_phases_; column_phase++) {
        for (size_t row = 0; row < rows; row++, band += pitch) {
          const ptrdiff_t source = first + static_cast<ptrdiff_t>(row) * stride;
          if (source < 0 || source >= static_cast<ptrdiff_t>(image_rows_)) {
            std::fill(band, band + pitch, 0.0f);
            continue;
          }
          copy_line(image + static_cast<size_t>(source) * image_columns_, image_columns_,
                    column_taps_.first + static_cast<ptrdiff_t>(column_phase), stride_, pitch,
                    band);
        }
      }
    }
  }
}

}  // namespace batchnorm
