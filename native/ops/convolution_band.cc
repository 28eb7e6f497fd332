#include "ops/convolution_band.h"

#include <algorithm>
#include <cstring>

#include "ops/pack.h"

namespace batchnorm {

namespace {

// Floats that lines are copied by: what is copied too much is overwritten by the next line.
constexpr size_t kStep = 4;
constexpr size_t kSlack = 64;

bool stays_inside(size_t image, size_t out, size_t stride, Taps taps) {
  return stride == 1 && taps.first >= 0 &&
         out - 1 + static_cast<size_t>(taps.first) + taps.count <= image;
}

// Zeros up to `end`, in whole steps.
void clear(float* to, const float* end) {
  for (; to < end; to += kStep) std::memset(to, 0, kStep * sizeof(float));
}

// As a call of memcpy would, without the call: lines are short.
void copy(const float* from, size_t count, float* to) {
  size_t i = 0;
  for (; i + 4 * kStep <= count; i += 4 * kStep) {
    std::memcpy(to + i, from + i, kStep * sizeof(float));
    std::memcpy(to + i + kStep, from + i + kStep, kStep * sizeof(float));
    std::memcpy(to + i + 2 * kStep, from + i + 2 * kStep, kStep * sizeof(float));
    std::memcpy(to + i + 3 * kStep, from + i + 3 * kStep, kStep * sizeof(float));
  }
  for (; i + kStep <= count; i += kStep) std::memcpy(to + i, from + i, kStep * sizeof(float));
  if (i == count) return;
  if (count >= kStep) {
    // The last ones, some of them for the second time.
    std::memcpy(to + count - kStep, from + count - kStep, kStep * sizeof(float));
    return;
  }
  for (; i < count; i++) to[i] = from[i];
}

// Of a line with zeros around, the `count` elements from[first + j * stride].
struct Line {
  Line(size_t size, ptrdiff_t first, size_t stride, size_t elements) : count(elements) {
    const ptrdiff_t step = static_cast<ptrdiff_t>(stride);
    const ptrdiff_t limit = static_cast<ptrdiff_t>(size);
    const auto reaches = [&](ptrdiff_t place) {
      const ptrdiff_t steps = place <= first ? 0 : (place - first + step - 1) / step;
      return std::min(count, static_cast<size_t>(steps));
    };
    begin = reaches(0);
    end = reaches(limit);
    source = first + static_cast<ptrdiff_t>(begin) * step;
  }
  size_t count;
  size_t begin, end;  // those that are within the line, the first of which is from[source]
  ptrdiff_t source;
};

// even[j] = from[2 * j], odd[j] = from[2 * j + 1] for four j.
void copy_4_pairs(const float* from, float* even, float* odd) {
#if BATCHNORM_HAS_SHUFFLES
  typedef float Four __attribute__((vector_size(16)));
  Four low, high;
  std::memcpy(&low, from, sizeof low);
  std::memcpy(&high, from + 4, sizeof high);
  const Four evens = __builtin_shufflevector(low, high, 0, 2, 4, 6);
  const Four odds = __builtin_shufflevector(low, high, 1, 3, 5, 7);
  std::memcpy(even, &evens, sizeof evens);
  std::memcpy(odd, &odds, sizeof odds);
#else
  for (size_t j = 0; j < 4; j++) {
    even[j] = from[2 * j];
    odd[j] = from[2 * j + 1];
  }
#endif
}

// to[j] = from[2 * j]; of the last pair only its first is read.
void copy_every_second(const float* from, size_t count, float* to) {
  size_t j = 0;
  float unwanted[4];
  for (; j + 4 < count; j += 4) copy_4_pairs(from + 2 * j, to + j, unwanted);
  for (; j < count; j++) to[j] = from[2 * j];
}

void copy_line(const float* from, const Line& line, size_t stride, float* to) {
  clear(to, to + line.begin);
  if (line.begin < line.end) {
    const float* source = from + line.source;
    const size_t inside = line.end - line.begin;
    if (stride == 1) {
      copy(source, inside, to + line.begin);
    } else if (stride == 2) {
      copy_every_second(source, inside, to + line.begin);
    } else {
      for (size_t j = 0; j < inside; j++) to[line.begin + j] = source[j * stride];
    }
  }
  clear(to + line.end, to + line.count);
}

// Both phases of stride 2: the line of the second begins one element after that of the first.
void copy_two_lines(const float* from, const Line& even, const Line& odd, float* even_to,
                    float* odd_to) {
  // Outputs for which both are within the image: all but one at each end.
  const size_t begin = std::max(even.begin, odd.begin);
  const size_t end = std::min(even.end, odd.end);
  if (begin + 4 > end) {
    copy_line(from, even, 2, even_to);
    copy_line(from, odd, 2, odd_to);
    return;
  }
  clear(even_to, even_to + begin);
  clear(odd_to, odd_to + begin);
  if (even.begin < begin) even_to[even.begin] = from[even.source];
  if (odd.begin < begin) odd_to[odd.begin] = from[odd.source];
  const float* pairs = from + even.source + 2 * static_cast<ptrdiff_t>(begin - even.begin);
  size_t j = begin;
  for (; j + 4 <= end; j += 4) copy_4_pairs(pairs + 2 * (j - begin), even_to + j, odd_to + j);
  if (j < end) {
    // The last four, some of them for the second time.
    j = end - 4;
    copy_4_pairs(pairs + 2 * (j - begin), even_to + j, odd_to + j);
  }
  clear(even_to + end, even_to + even.count);
  clear(odd_to + end, odd_to + odd.count);
  if (even.end > end) even_to[end] = pairs[2 * (end - begin)];
  if (odd.end > end) odd_to[end] = pairs[2 * (end - begin) + 1];
}

}  // namespace

BandLayout::BandLayout(const Sight& sight, size_t band_rows, size_t lanes)
    : sight_(sight),
      direct_(stays_inside(sight.rows, sight.out_rows, sight.stride, sight.row_taps) &&
              stays_inside(sight.columns, sight.out_columns, sight.stride, sight.column_taps)),
      splits_columns_(false),
      row_phases_(std::min(sight.stride, sight.row_taps.count)),
      column_phases_(std::min(sight.stride, sight.column_taps.count)),
      phase_rows_(band_rows + (sight.row_taps.count - 1) / sight.stride),
      pitch_(sight.out_columns + (sight.column_taps.count - 1) / sight.stride) {
  // A vector may go on into the next row only where there is one.
  const size_t last_rows = (sight.out_rows - 1) % band_rows + 1;
  const bool flat = sight.columns == sight.out_columns && last_rows * sight.columns >= lanes;
  if (direct_ && (flat || sight.out_columns >= lanes)) {
    pitch_ = sight.columns;
    channel_floats_ = sight.rows * sight.columns;
    return;
  }
  direct_ = false;
  if (sight.out_columns < lanes) {
    splits_columns_ = true;
    column_phases_ = sight.column_taps.count;
    pitch_ = sight.out_columns;
  }
  phase_floats_ = saturating_sum(saturating_product(phase_rows_, pitch_), kStep);
  channel_floats_ = saturating_product(row_phases_ * column_phases_, phase_floats_);
}

size_t BandLayout::floats() const {
  if (direct_) return 0;
  return whole_lines(saturating_sum(saturating_product(sight_.channels, channel_floats_), kSlack));
}

size_t BandLayout::offset(size_t channel, size_t row_tap, size_t column_tap) const {
  const size_t stride = sight_.stride;
  const size_t column_phase = splits_columns_ ? column_tap : column_tap % stride;
  const size_t column = splits_columns_ ? 0 : column_tap / stride;
  // There is one phase where the image is the band.
  const size_t phase = row_tap % stride * column_phases_ + column_phase;
  return channel * channel_floats_ + (direct_ ? 0 : phase * phase_floats_) +
         row_tap / stride * pitch_ + column;
}

const float* BandLayout::fill(const float* image, size_t channels, size_t first_row,
                              size_t out_rows, float* memory) const {
  if (direct_) {
    return image + (first_row + static_cast<size_t>(sight_.row_taps.first)) * sight_.columns +
           static_cast<size_t>(sight_.column_taps.first);
  }
  const ptrdiff_t stride = static_cast<ptrdiff_t>(sight_.stride);
  const ptrdiff_t image_rows = static_cast<ptrdiff_t>(sight_.rows);
  const size_t rows = out_rows + (sight_.row_taps.count - 1) / sight_.stride;
  const bool in_pairs = sight_.stride == 2 && column_phases_ == 2 && !splits_columns_;
  const auto line_of = [&](size_t phase) {
    return Line(sight_.columns, sight_.column_taps.first + static_cast<ptrdiff_t>(phase),
                sight_.stride, pitch_);
  };
  const Line line = line_of(0);
  const Line other = line_of(in_pairs ? 1 : 0);
  for (size_t channel = 0; channel < channels; channel++, image += sight_.rows * sight_.columns) {
    float* phases = memory + channel * channel_floats_;
    for (size_t row_phase = 0; row_phase < row_phases_; row_phase++) {
      const ptrdiff_t first = static_cast<ptrdiff_t>(first_row) * stride + sight_.row_taps.first +
                              static_cast<ptrdiff_t>(row_phase);
      const auto fill_phase = [&](const auto& copy_row, size_t count) {
        for (size_t row = 0; row < rows; row++) {
          const ptrdiff_t source = first + static_cast<ptrdiff_t>(row) * stride;
          float* to = phases + row * pitch_;
          if (source < 0 || source >= image_rows) {
            for (size_t i = 0; i < count; i++)
              clear(to + i * phase_floats_, to + i * phase_floats_ + pitch_);
          } else {
            copy_row(image + static_cast<size_t>(source) * sight_.columns, to);
          }
        }
        phases += count * phase_floats_;
      };
      if (in_pairs) {
        fill_phase([&](const float* from,
                       float* to) { copy_two_lines(from, line, other, to, to + phase_floats_); },
                   2);
        continue;
      }
      for (size_t column_phase = 0; column_phase < column_phases_; column_phase++) {
        const Line own = line_of(column_phase);
        fill_phase([&](const float* from, float* to) { copy_line(from, own, sight_.stride, to); },
                   1);
      }
    }
  }
  return memory;
}

Ahead BandLayout::ahead(const float* image, size_t channels, size_t first_row, size_t out_rows,
                        size_t calls) const {
  const ptrdiff_t begin = static_cast<ptrdiff_t>(first_row * sight_.stride) + sight_.row_taps.first;
  const ptrdiff_t end =
      begin + static_cast<ptrdiff_t>((out_rows - 1) * sight_.stride + sight_.row_taps.count);
  const ptrdiff_t limit = static_cast<ptrdiff_t>(sight_.rows);
  const size_t first = static_cast<size_t>(std::clamp<ptrdiff_t>(begin, 0, limit));
  const size_t last = static_cast<size_t>(std::clamp<ptrdiff_t>(end, 0, limit));
  return Ahead(image + first * sight_.columns, channels, (last - first) * sight_.columns,
               sight_.rows * sight_.columns, calls);
}

}  // namespace batchnorm
