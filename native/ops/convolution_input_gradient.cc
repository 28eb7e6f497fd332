// The gradient by the input, phase by phase: of the inputs in every stride-th row and column, from
// one of the first ones on, each meets the same taps of the kernel, and their gradient is a
// convolution of dy, with stride 1, by these taps turned around.
#include <algorithm>
#include <cstdint>

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
        shift((phase + shape.padding) / shape.stride) {}

  // Input j of the phase meets dy[j + shift - t] at the kernel's tap first_tap + t * stride; turned
  // around, tap u is t = taps - 1 - u.
  Taps turned() const {
    return {taps, static_cast<ptrdiff_t>(shift) - static_cast<ptrdiff_t>(taps) + 1};
  }
  size_t kernel_tap(size_t turned_tap) const {
    return first_tap + (taps - 1 - turned_tap) * stride;
  }

  size_t count;
  size_t first_tap, taps;
  size_t stride, shift;
};

class InputGradientOfConvolution {
 public:
  InputGradientOfConvolution(const Kernels& kernels, const ConvolutionShape& shape, size_t threads)
      : kernels_(kernels),
        shape_(shape),
        row_phases_(std::min(shape.stride, shape.height)),
        column_phases_(std::min(shape.stride, shape.width)),
        phase_columns_(ceil_divide(shape.width, shape.stride)) {
    const size_t row_floats =
        saturating_product(shape.out_channels, shape.out_width() + shape.kernel / shape.stride);
    phase_rows_ = ceil_divide(shape.height, shape.stride);
    band_rows_ = rows_at_a_time(row_floats, phase_rows_, shape.images, threads);
    for_each_phase([&](const Correlator& correlator, const Phase&, const Phase&) {
      weights_floats_ += correlator.weights_floats();
      correlator_floats_ = std::max(correlator_floats_, correlator.scratch_floats());
    });
  }

  size_t bands() const { return ceil_divide(phase_rows_, band_rows_); }
  size_t weights_floats() const { return weights_floats_; }
  size_t scratch_floats() const {
    const size_t phases =
        saturating_product(saturating_product(column_phases_, phase_floats()), is_dense() ? 0 : 1);
    return phases > SIZE_MAX - correlator_floats_ ? SIZE_MAX : phases + correlator_floats_;
  }

  void pack_weights(const float* weight, float* packed) const {
    const size_t taps = shape_.taps();
    for_each_phase([&](const Correlator& correlator, const Phase& rows, const Phase& columns) {
      const size_t phase_taps = rows.taps * columns.taps;
      correlator.pack_weights(
          [&](size_t channel, size_t k) {
            const size_t out_channel = k / phase_taps;
            const size_t row = rows.kernel_tap(k % phase_taps / columns.taps);
            const size_t column = columns.kernel_tap(k % columns.taps);
            return weight[(out_channel * shape_.in_channels + channel) * taps +
                          row * shape_.kernel + column];
          },
          packed);
      packed += correlator.weights_floats();
    });
  }

  // dx of the rows of one band of every phase of one image.
  void compute(size_t band, const float* dy, const float* packed, float* scratch, float* dx) const {
    float* const phase_results = scratch + correlator_floats_;
    const size_t first = band * band_rows_;
    for (size_t a = 0; a < row_phases_; a++) {
      const Phase rows(a, shape_.height, shape_);
      const size_t count = first < rows.count ? std::min(band_rows_, rows.count - first) : 0;
      for (size_t b = 0; b < column_phases_; b++) {
        const Phase columns(b, shape_.width, shape_);
        if (rows.taps == 0 || columns.taps == 0) continue;
        const Correlator correlator = of_phase(rows, columns);
        if (is_dense()) {
          correlator.compute(dy, packed, nullptr, first, count, scratch, dx + first * shape_.width,
                             shape_.in_plane());
        } else if (count > 0) {
          correlator.compute(dy, packed, nullptr, first, count, scratch,
                             phase_results + b * phase_floats(), count * columns.count);
        }
        packed += correlator.weights_floats();
      }
      if (!is_dense()) interleave(rows, a, first, count, phase_results, dx);
    }
  }

 private:
  // One phase, whose results are dx.
  bool is_dense() const { return shape_.stride == 1; }
  size_t phase_floats() const {
    return saturating_product(shape_.in_channels * band_rows_, phase_columns_);
  }

  Correlator of_phase(const Phase& rows, const Phase& columns) const {
    const Correlation correlation = {shape_.out_channels,
                                     shape_.out_height(),
                                     shape_.out_width(),
                                     shape_.in_channels,
                                     rows.count,
                                     columns.count,
                                     1,
                                     rows.turned(),
                                     columns.turned()};
    return Correlator(kernels_, correlation, band_rows_);
  }

  // function(correlator, rows, columns) for the phases that meet a tap.
  template <class Function>
  void for_each_phase(const Function& function) const {
    for (size_t a = 0; a < row_phases_; a++) {
      const Phase rows(a, shape_.height, shape_);
      if (rows.taps == 0) continue;
      for (size_t b = 0; b < column_phases_; b++) {
        const Phase columns(b, shape_.width, shape_);
        if (columns.taps > 0) function(of_phase(rows, columns), rows, columns);
      }
    }
  }

  // Rows of dx from the results of their column phases.
  void interleave(const Phase& rows, size_t row_phase, size_t first, size_t count,
                  const float* results, float* dx) const {
    const size_t stride = shape_.stride;
    for (size_t channel = 0; channel < shape_.in_channels; channel++) {
      for (size_t j = 0; j < count; j++) {
        float* to =
            dx + channel * shape_.in_plane() + ((first + j) * stride + row_phase) * shape_.width;
        const Phase even(0, shape_.width, shape_);
        if (stride == 2 && column_phases_ == 2 && rows.taps > 0 && even.taps > 0) {
          const Phase odd(1, shape_.width, shape_);
          const float* from = results + (channel * count + j) * even.count;
          const float* other = results + phase_floats() + (channel * count + j) * odd.count;
          if (odd.taps > 0) {
            for (size_t i = 0; i < odd.count; i++) {
              to[2 * i] = from[i];
              to[2 * i + 1] = other[i];
            }
          } else {
            for (size_t i = 0; i < odd.count; i++) {
              to[2 * i] = from[i];
              to[2 * i + 1] = 0.0f;
            }
          }
          if (even.count > odd.count) to[2 * odd.count] = from[odd.count];
          continue;
        }
        for (size_t b = 0; b < column_phases_; b++) {
          const Phase columns(b, shape_.width, shape_);
          const float* from = results + b * phase_floats() + (channel * count + j) * columns.count;
          const bool met = rows.taps > 0 && columns.taps > 0;
          for (size_t i = 0; i < columns.count; i++) to[b + i * stride] = met ? from[i] : 0.0f;
        }
      }
    }
  }

  const Kernels& kernels_;
  const ConvolutionShape& shape_;
  size_t row_phases_, column_phases_;
  size_t phase_rows_, phase_columns_;  // of the first phase, which has most
  size_t band_rows_;
  size_t weights_floats_ = 0;
  size_t correlator_floats_ = 0;
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
  const size_t slot_floats = gradient.scratch_floats();
  const size_t slots = saturating_product(threads, slot_floats);
  const size_t weights = gradient.weights_floats();
  float* packed = slots > SIZE_MAX - weights ? nullptr : scratch.get<float>(weights + slots);
  if (packed == nullptr) return Status::kOutOfMemory;
  gradient.pack_weights(weight, packed);
  const size_t bands = gradient.bands();
  auto task = [&](size_t index, size_t slot) {
    const size_t image = index / bands;
    gradient.compute(index % bands, dy + image * shape.out_channels * shape.out_plane(), packed,
                     packed + weights + slot * slot_floats, dx + image * in_image);
  };
  parallel_for(shape.images * bands, threads, task);
  return Status::kOk;
}

}  // namespace batchnorm
