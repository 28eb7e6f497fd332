// The input gradient of a convolution, phase by phase (gradient_phase.h). All phases read the same
// band of dy.
#include <algorithm>

#include "ops/convolution.h"
#include "ops/convolution_tasks.h"
#include "ops/correlation.h"
#include "ops/gradient_phase.h"
#include "ops/scratch.h"

namespace batchnorm {

namespace {

struct InputGradientPlan {
  size_t row_phases, column_phases;
  InputWindow window;  // of dy
  size_t band_rows;
  Correlation::Kernel kernel;
  PatchLayout layout;
  GroupBlocks blocks;
};

InputGradientPlan plan(const Kernels& kernels, const ConvolutionShape& shape, size_t threads) {
  InputGradientPlan plan = {};
  plan.row_phases = std::min(shape.rows.stride, shape.height());
  plan.column_phases = std::min(shape.columns.stride, shape.width());
  // The first phase has the most rows and columns.
  plan.window = {shape.out_channels,
                 shape.out_height(),
                 shape.out_width(),
                 ceil_divide(shape.height(), shape.rows.stride),
                 ceil_divide(shape.width(), shape.columns.stride),
                 joint_axis(plan.row_phases, shape.rows),
                 joint_axis(plan.column_phases, shape.columns)};
  plan.band_rows = rows_per_band(plan.window, shape.images * shape.groups, threads);
  const size_t depth = shape.out_channels * shape.taps() / (plan.row_phases * plan.column_phases);
  plan.kernel =
      Correlation::kernel_for(kernels, plan.window, shape.groups, shape.in_channels, depth);
  plan.layout = Correlation::layout_for(kernels, plan.kernel, plan.window, plan.band_rows);
  // Only bands of whole planes hold several groups.
  plan.blocks =
      plan.kernel == Correlation::Kernel::kPlane && plan.band_rows == plan.window.out_rows
          ? blocks_of_planes(shape.groups, shape.images,
                             saturating_product(shape.out_channels, plan.layout.channel_floats),
                             kCachedBlock, threads)
          : GroupBlocks{shape.groups, 1};
  return plan;
}

class ConvolutionInputGradient {
 public:
  ConvolutionInputGradient(const Kernels& kernels, const ConvolutionShape& shape, bool adds,
                           size_t threads)
      : kernels_(kernels), shape_(shape), adds_(adds), plan_(plan(kernels, shape, threads)) {
    for_each_phase([&](const Correlation& correlation, const GradientPhase&, const GradientPhase&) {
      offsets_floats_ = saturating_sum(offsets_floats_, correlation.offsets_floats());
      weights_floats_ = saturating_sum(weights_floats_, correlation.weights_floats());
      sums_floats_ = std::max(sums_floats_, correlation.sums_floats(plan_.band_rows));
      calls_ += correlation.calls(plan_.band_rows, plan_.blocks.block);
    });
  }

  // Bands of all images.
  size_t bands() const { return shape_.images * plan_.blocks.per_image() * bands_of_plane(); }
  // The part of dy that a band reads, roughly.
  size_t band_floats() const {
    return plan_.blocks.block * shape_.out_channels * plan_.band_rows * plan_.window.out_columns;
  }
  // Size of the offsets of all phases, and of the packed weights of one group.
  size_t offsets_floats() const { return offsets_floats_; }
  size_t weights_floats() const { return weights_floats_; }
  // Per thread: the band, sums and, unless they are written to dx at once, the results of one row
  // of phases.
  size_t scratch_floats() const {
    const size_t results =
        is_direct() ? 0 : saturating_product(plan_.column_phases, phase_floats());
    return whole_lines(saturating_sum(saturating_sum(layout_floats(), sums_floats_), results));
  }

  void find_offsets(float* offsets) const {
    for_each_phase([&](const Correlation& correlation, const GradientPhase&, const GradientPhase&) {
      correlation.find_offsets(offsets);
      offsets += correlation.offsets_floats();
    });
  }

  // Packs the weights of one group.
  void pack(const float* weight, float* packed) const {
    for_each_phase([&](const Correlation& correlation, const GradientPhase& rows,
                       const GradientPhase& columns) {
      // The correlation's channels are the output channels of the convolution. Its taps are
      // flipped.
      const size_t line = shape_.columns.kernel;
      const float* first = weight + rows.kernel_tap(0) * line + columns.kernel_tap(0);
      correlation.pack({first, shape_.taps(), shape_.in_channels * shape_.taps(),
                        -static_cast<ptrdiff_t>(rows.tap_step * line),
                        -static_cast<ptrdiff_t>(columns.tap_step)},
                       packed);
      packed += correlation.weights_floats();
    });
  }

  // Prefetches the part of dy that compute() reads for a band.
  Prefetch prefetch(size_t index, const float* dy) const {
    const Band band = band_of(index);
    return plan_.layout.prefetch(dy + band.group * shape_.out_group(),
                                 band.groups * shape_.out_channels, band.first, band.rows, calls_);
  }

  // Computes one band of dx in every phase, from the packed weights of all groups.
  void compute(size_t index, const float* dy, const float* offsets, const float* all_packed,
               const float* all_bias, float* scratch, float* all_dx, Prefetch& prefetch) const {
    const InputWindow& window = plan_.window;
    const auto [group, groups, first, rows] = band_of(index);
    const size_t group_of_image = group % shape_.groups;
    const float* packed = all_packed + group_of_image * weights_floats_;
    const float* const bias =
        all_bias == nullptr ? nullptr : all_bias + group_of_image * shape_.in_channels;
    float* const dx = all_dx + group * shape_.in_group();
    CorrelatedBand band = {};
    band.band = plan_.layout.fill(kernels_, dy + group * shape_.out_group(),
                                  groups * shape_.out_channels, first, rows, scratch);
    band.groups = groups;
    band.packed_group = weights_floats_;
    band.sums = scratch + layout_floats();
    float* const results = band.sums + sums_floats_;
    for (size_t a = 0; a < plan_.row_phases; a++) {
      const GradientPhase row_phase(a, shape_.rows);
      // In the last band some phases have one row less.
      const size_t count = std::min(rows, row_phase.count - std::min(first, row_phase.count));
      for (size_t b = 0; b < plan_.column_phases; b++) {
        const GradientPhase column_phase(b, shape_.columns);
        if (row_phase.taps == 0 || column_phase.taps == 0) continue;
        const Correlation correlation = correlation_of(row_phase, column_phase);
        band.offsets = offsets;
        band.packed = packed;
        band.bias = bias;
        band.last = correlation.strips();
        band.rows = count;
        band.y = is_direct() ? dx + first * shape_.width() : results + b * phase_floats();
        band.y_plane = is_direct() ? shape_.in_plane() : count * window.out_columns;
        if (count > 0) correlation.compute(band, prefetch);
        offsets += correlation.offsets_floats();
        packed += correlation.weights_floats();
      }
      if (!is_direct() && count > 0) {
        join_columns(row_phase, a, first, count, groups * shape_.in_channels, bias, results, dx);
      }
    }
  }

 private:
  // With stride 1, dx is the result of the only phase.
  bool has_one_phase() const { return shape_.rows.stride == 1 && shape_.columns.stride == 1; }
  bool is_direct() const { return has_one_phase() && !adds_; }
  size_t bands_of_plane() const { return ceil_divide(plan_.window.out_rows, plan_.band_rows); }

  // Some rows of every phase, for a block of groups of one image.
  struct Band {
    size_t group, groups;  // the first group, counting those of all images
    size_t first, rows;
  };
  Band band_of(size_t index) const {
    const size_t block = index / bands_of_plane();
    const size_t first = index % bands_of_plane() * plan_.band_rows;
    return {plan_.blocks.first(block), plan_.blocks.size(block), first,
            std::min(plan_.band_rows, plan_.window.out_rows - first)};
  }

  size_t layout_floats() const {
    return plan_.layout.floats(plan_.blocks.block * shape_.out_channels);
  }
  size_t phase_floats() const {
    return saturating_product(plan_.blocks.block * shape_.in_channels * plan_.band_rows,
                              plan_.window.out_columns);
  }

  Correlation correlation_of(const GradientPhase& rows, const GradientPhase& columns) const {
    const InputWindow& window = plan_.window;
    const KernelSlice slice = {phase_taps(rows, window.row_axis),
                               phase_taps(columns, window.column_axis)};
    return Correlation(kernels_, window, slice, plan_.layout, plan_.kernel, shape_.in_channels);
  }

  // Calls function(correlation, rows, columns) for the phases that have kernel taps.
  template <class Function>
  void for_each_phase(const Function& function) const {
    for (size_t a = 0; a < plan_.row_phases; a++) {
      const GradientPhase rows(a, shape_.rows);
      if (rows.taps == 0) continue;
      for (size_t b = 0; b < plan_.column_phases; b++) {
        const GradientPhase columns(b, shape_.columns);
        if (columns.taps > 0) function(correlation_of(rows, columns), rows, columns);
      }
    }
  }

  // Builds `count` rows of dx in row phase `a`, from row `first` of the phase on, from the results
  // of the column phases, which are phase_floats() apart. Inputs that no output reads get the bias.
  void join_columns(const GradientPhase& row_phase, size_t a, size_t first, size_t count,
                    size_t channels, const float* bias, const float* results, float* dx) const {
    const size_t stride = shape_.rows.stride;
    float* to = dx + (first * stride + a) * shape_.width();
    const size_t results_plane = count * plan_.window.out_columns;
    for (size_t channel = 0; channel < channels; channel++) {
      const float unused = bias == nullptr ? 0.0f : bias[channel];
      if (row_phase.taps > 0) {
        join_rows(results, count, unused, to);
      } else if (!adds_) {
        for (size_t j = 0; j < count; j++) {
          std::fill_n(to + j * stride * shape_.width(), shape_.width(), unused);
        }
      }
      results += results_plane;
      to += shape_.in_plane();
    }
  }

  void join_rows(const float* results, size_t count, float unused, float* dx) const {
    if (has_one_phase()) {
      kernels_.add.tensor(dx, results, dx, count * shape_.width());
      return;
    }
    const size_t step = shape_.rows.stride * shape_.width();
    if (shape_.columns.stride == 2 && plan_.column_phases == 2) {
      const auto phase = [&](size_t b) {
        return GradientPhase(b, shape_.columns).taps > 0 ? results + b * phase_floats() : nullptr;
      };
      kernels_.interleave_rows({phase(0), phase(1), unused, count, shape_.width(),
                                plan_.window.out_columns, dx, step, adds_});
      return;
    }
    for (size_t b = 0; b < plan_.column_phases; b++, results += phase_floats()) {
      const GradientPhase columns(b, shape_.columns);
      if (columns.taps == 0 && adds_) continue;
      for (size_t row = 0; row < count; row++) {
        const float* const from = results + row * plan_.window.out_columns;
        float* const to = dx + row * step + b;
        for (size_t i = 0; i < columns.count; i++) {
          const float value = columns.taps > 0 ? from[i] : unused;
          float& each = to[i * shape_.columns.stride];
          each = adds_ ? each + value : value;
        }
      }
    }
  }

  const Kernels& kernels_;
  const ConvolutionShape& shape_;
  const bool adds_;
  const InputGradientPlan plan_;
  size_t offsets_floats_ = 0, weights_floats_ = 0;
  size_t sums_floats_ = 0;
  size_t calls_ = 0;  // of Correlation::compute per band, over all phases
};

}  // namespace

Status convolution_input_gradient(const Kernels& kernels, const ConvolutionShape& shape,
                                  const float* dy, const float* weight, const float* bias,
                                  float* dx, bool adds) {
  if (shape.images * shape.in_image() == 0) return Status::kOk;
  if (shape.out_channels == 0 || shape.out_plane() == 0) {
    if (adds) return Status::kOk;
    const size_t plane = shape.in_plane();
    const size_t channels = shape.groups * shape.in_channels;
    for (size_t i = 0; i < shape.images * channels; i++) {
      std::fill(dx + i * plane, dx + (i + 1) * plane, bias == nullptr ? 0.0f : bias[i % channels]);
    }
    return Status::kOk;
  }
  const size_t threads = threads_of(shape);
  const ConvolutionInputGradient gradient(kernels, shape, adds, threads);
  Scratch scratch;
  const size_t offsets_floats = gradient.offsets_floats();
  const size_t group_floats = gradient.weights_floats();
  const size_t shared =
      saturating_sum(offsets_floats, saturating_product(shape.groups, group_floats));
  const size_t slot_floats = gradient.scratch_floats();
  float* const offsets =
      scratch.get<float>(saturating_sum(shared, saturating_product(threads, slot_floats)));
  if (offsets == nullptr) return Status::kOutOfMemory;
  gradient.find_offsets(offsets);
  float* const packed = offsets + offsets_floats;
  for (size_t group = 0; group < shape.groups; group++) {
    gradient.pack(weight + group * shape.group_weights(), packed + group * group_floats);
  }
  const size_t bands = gradient.bands();
  const bool far = is_far(shape.images * shape.out_image());
  const size_t per_task =
      shape.groups == 1 ? 1 : bands_per_task(bands, gradient.band_floats(), threads);
  auto task = [&](size_t index, size_t slot) {
    const size_t end = std::min(bands, (index + 1) * per_task);
    for (size_t band = index * per_task; band < end; band++) {
      Prefetch prefetch = far && band + 1 < bands ? gradient.prefetch(band + 1, dy) : Prefetch();
      gradient.compute(band, dy, offsets, packed, bias, offsets + shared + slot * slot_floats, dx,
                       prefetch);
    }
  };
  parallel_for(ceil_divide(bands, per_task), threads, task);
  return Status::kOk;
}

}  // namespace batchnorm
