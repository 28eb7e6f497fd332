// The gradient by the input, phase by phase: of the inputs in every stride-th row and column, from
// one of the first ones on, each meets the same taps of the kernel, and their gradient is a
// convolution of dy, with stride 1, by these taps turned around. All phases see the same band of
// dy.
#include <algorithm>

#include "ops/convolution.h"
#include "ops/convolution_tasks.h"
#include "ops/correlation.h"
#include "ops/scratch.h"

namespace batchnorm {

namespace {

// Along one axis, the inputs phase, phase + stride, ...
struct Phase {
  Phase(size_t phase, size_t size, const ConvolutionShape& shape)
      : count(ceil_divide(size - phase, shape.stride)),
        first_tap((phase + shape.padding) % shape.stride),
        taps(first_tap < shape.kernel ? ceil_divide(shape.kernel - first_tap, shape.stride) : 0),
        stride(shape.stride),
        // Input j of the phase meets dy[j + shift - t] at the kernel's tap first_tap + t * stride;
        // turned around, tap u is t = taps - 1 - u.
        first(static_cast<ptrdiff_t>((phase + shape.padding) / shape.stride) -
              static_cast<ptrdiff_t>(taps) + 1) {}

  ptrdiff_t end() const { return first + static_cast<ptrdiff_t>(taps); }
  size_t kernel_tap(size_t turned_tap) const {
    return first_tap + (taps - 1 - turned_tap) * stride;
  }

  size_t count;
  size_t first_tap, taps;
  size_t stride;
  ptrdiff_t first;  // what input 0 meets at the first of the turned taps
};

// The taps of all phases of an axis together.
Taps all_taps(size_t phases, size_t size, const ConvolutionShape& shape) {
  bool found = false;
  ptrdiff_t first = 0;
  ptrdiff_t end = 1;
  for (size_t i = 0; i < phases; i++) {
    const Phase phase(i, size, shape);
    if (phase.taps == 0) continue;
    first = found ? std::min(first, phase.first) : phase.first;
    end = found ? std::max(end, phase.end()) : phase.end();
    found = true;
  }
  return {static_cast<size_t>(end - first), first};
}

class InputGradientOfConvolution {
 public:
  InputGradientOfConvolution(const Kernels& kernels, const ConvolutionShape& shape, size_t threads)
      : kernels_(kernels),
        shape_(shape),
        row_phases_(std::min(shape.stride, shape.height)),
        column_phases_(std::min(shape.stride, shape.width)),
        // As many rows and columns as the first phase has, which has most.
        sight_{shape.out_channels,
               shape.out_height(),
               shape.out_width(),
               ceil_divide(shape.height, shape.stride),
               ceil_divide(shape.width, shape.stride),
               1,
               all_taps(row_phases_, shape.height, shape),
               all_taps(column_phases_, shape.width, shape)},
        band_rows_(rows_at_a_time(sight_, shape.images, threads)),
        layout_(sight_, band_rows_, kernels.lanes) {
    for_each_phase([&](const Correlation& correlation, const Phase&, const Phase&) {
      packed_floats_ = saturating_sum(packed_floats_, correlation.packed_floats());
      tiles_ += correlation.tiles(band_rows_);
    });
  }

  size_t bands() const { return ceil_divide(sight_.out_rows, band_rows_); }
  size_t packed_floats() const { return packed_floats_; }
  // Of each thread: the band and, where there are several phases, the results of a row of phases.
  size_t scratch_floats() const {
    const size_t results = is_dense() ? 0 : saturating_product(column_phases_, phase_floats());
    return whole_lines(saturating_sum(layout_.floats(), results));
  }

  void pack(const float* weight, float* packed) const {
    for_each_phase([&](const Correlation& correlation, const Phase& rows, const Phase& columns) {
      correlation.pack(
          [&](size_t channel, size_t out_channel, size_t row, size_t column) {
            return weight[(out_channel * shape_.in_channels + channel) * shape_.taps() +
                          rows.kernel_tap(row) * shape_.kernel + columns.kernel_tap(column)];
          },
          packed);
      packed += correlation.packed_floats();
    });
  }

  // What compute() of a band reads of dy, while another one is computed.
  Ahead ahead(size_t index, const float* dy) const {
    const size_t first = index * band_rows_;
    return layout_.ahead(dy, shape_.out_channels, first, rows_of(index), tiles_);
  }

  // dx of the rows of one band of every phase of one image.
  void compute(size_t index, const float* dy, const float* packed, float* scratch, float* dx,
               Ahead& ahead) const {
    const size_t first = index * band_rows_;
    const size_t rows = rows_of(index);
    float* const results = scratch + layout_.floats();
    const float* band = layout_.fill(dy, shape_.out_channels, first, rows, scratch);
    for (size_t a = 0; a < row_phases_; a++) {
      const Phase row_phase(a, shape_.height, shape_);
      // The last band has one row less of some phases.
      const size_t count = std::min(rows, row_phase.count - std::min(first, row_phase.count));
      for (size_t b = 0; b < column_phases_; b++) {
        const Phase column_phase(b, shape_.width, shape_);
        if (row_phase.taps == 0 || column_phase.taps == 0) continue;
        const Correlation correlation = of(row_phase, column_phase);
        if (is_dense()) {
          correlation.compute(band, packed, nullptr, rows, dx + first * shape_.width,
                              shape_.in_plane(), ahead);
        } else if (count > 0) {
          correlation.compute(band, packed, nullptr, count, results + b * phase_floats(),
                              count * sight_.out_columns, ahead);
        }
        packed += correlation.packed_floats();
      }
      if (is_dense()) continue;
      for (size_t channel = 0; channel < shape_.in_channels; channel++) {
        for (size_t j = 0; j < count; j++) {
          interleave(
              row_phase, results + (channel * count + j) * sight_.out_columns,
              dx + channel * shape_.in_plane() + ((first + j) * shape_.stride + a) * shape_.width);
        }
      }
    }
  }

 private:
  // One phase, whose results are dx.
  bool is_dense() const { return shape_.stride == 1; }
  size_t rows_of(size_t index) const {
    return std::min(band_rows_, sight_.out_rows - index * band_rows_);
  }
  size_t phase_floats() const {
    return saturating_product(shape_.in_channels * band_rows_, sight_.out_columns);
  }

  Correlation of(const Phase& rows, const Phase& columns) const {
    const Window window = {static_cast<size_t>(rows.first - sight_.row_taps.first), rows.taps,
                           static_cast<size_t>(columns.first - sight_.column_taps.first),
                           columns.taps};
    return Correlation(kernels_, sight_, window, layout_, shape_.in_channels);
  }

  // function(correlation, rows, columns) for the phases that meet a tap.
  template <class Function>
  void for_each_phase(const Function& function) const {
    for (size_t a = 0; a < row_phases_; a++) {
      const Phase rows(a, shape_.height, shape_);
      if (rows.taps == 0) continue;
      for (size_t b = 0; b < column_phases_; b++) {
        const Phase columns(b, shape_.width, shape_);
        if (columns.taps > 0) function(of(rows, columns), rows, columns);
      }
    }
  }

  // A row of dx from the results of its column phases, of which `results` is the first.
  void interleave(const Phase& rows, const float* results, float* dx) const {
    if (shape_.stride == 2 && column_phases_ == 2 && rows.taps > 0 && shape_.kernel > 1) {
      const float* odd = results + phase_floats();
      const size_t pairs = shape_.width / 2;
      for (size_t i = 0; i < pairs; i++) {
        dx[2 * i] = results[i];
        dx[2 * i + 1] = odd[i];
      }
      if (shape_.width % 2 == 1) dx[shape_.width - 1] = results[pairs];
      return;
    }
    for (size_t b = 0; b < column_phases_; b++, results += phase_floats()) {
      const Phase columns(b, shape_.width, shape_);
      const bool met = rows.taps > 0 && columns.taps > 0;
      for (size_t i = 0; i < columns.count; i++)
        dx[b + i * shape_.stride] = met ? results[i] : 0.0f;
    }
  }

  const Kernels& kernels_;
  const ConvolutionShape& shape_;
  size_t row_phases_, column_phases_;
  Sight sight_;
  size_t band_rows_;
  BandLayout layout_;
  size_t packed_floats_ = 0;
  size_t tiles_ = 0;  // of a band, of all phases
};

}  // namespace

Status convolution_input_gradient(const Kernels& kernels, const ConvolutionShape& shape,
                                  const float* dy, const float* weight, float* dx) {
  if (shape.images == 0 || shape.in_channels == 0 || shape.in_plane() == 0) return Status::kOk;
  const size_t in_image = shape.in_channels * shape.in_plane();
  if (shape.out_channels == 0) {
    std::fill(dx, dx + shape.images * in_image, 0.0f);
    return Status::kOk;
  }
  const size_t threads = threads_of(shape);
  const InputGradientOfConvolution gradient(kernels, shape, threads);
  Scratch scratch;
  const size_t weights = gradient.packed_floats();
  const size_t slot_floats = gradient.scratch_floats();
  float* packed =
      scratch.get<float>(saturating_sum(weights, saturating_product(threads, slot_floats)));
  if (packed == nullptr) return Status::kOutOfMemory;
  gradient.pack(weight, packed);
  const size_t bands = gradient.bands();
  const size_t tasks = shape.images * bands;
  auto task = [&](size_t index, size_t slot) {
    const auto dy_of = [&](size_t of) {
      return dy + of / bands * shape.out_channels * shape.out_plane();
    };
    const size_t next = index + 1;
    Ahead ahead = next < tasks ? gradient.ahead(next % bands, dy_of(next)) : Ahead();
    gradient.compute(index % bands, dy_of(index), packed, packed + weights + slot * slot_floats,
                     dx + index / bands * in_image, ahead);
  };
  parallel_for(tasks, threads, task);
  return Status::kOk;
}

}  // namespace batchnorm
