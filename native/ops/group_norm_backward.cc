#include <algorithm>

#include "ops/channel_passes.h"
#include "ops/group_norm.h"
#include "ops/group_norm_gradient.h"
#include "ops/group_planes.h"
#include "ops/parallel.h"
#include "ops/scratch.h"
#include "ops/sizes.h"
#include "ops/streaming.h"

// The kernels take the time.
#include "optimize_for_size.h"

namespace batchnorm {

namespace {

// Planes of several elements, with one scale each. Sums are taken per plane, because dscale and
// dbias need them, and a unit is a chunk of a plane.
class PlaneBackward {
 public:
  PlaneBackward(const GroupGradient& gradient, ChannelSums* sums)
      : gradient_(gradient), chunks_(planes_of(gradient.shape)), sums_(sums) {}

  static ImageShape planes_of(const GroupShape& shape) {
    return {1, shape.rows() * shape.channels, shape.plane};
  }

  void run() const {
    const GroupShape& shape = gradient_.shape;
    const size_t threads = threads_for(shape.elements());
    const size_t per_row = shape.channels * chunks_.count();
    // Short rows share kernel calls; x, dy and dx of this many elements fit in any second-level
    // cache.
    constexpr size_t kElementsTogether = 8192;
    const size_t together = std::max<size_t>(1, kElementsTogether / shape.row_length());
    if (threads == 1 || shape.rows() >= 2 * threads) {
      for_each_row_range(shape.rows(), shape.row_length(), [&](size_t first, size_t last) {
        for (size_t row = first; row < last; row += together) {
          const size_t end = std::min(last, row + together);
          sum_units(row * per_row, end * per_row);
          for (size_t each = row; each < end; each++) finish_row(each);
          apply_units(row * per_row, end * per_row);
        }
        publish();
      });
    } else {
      const size_t units = shape.rows() * per_row;
      const size_t length = ceil_divide(shape.plane, chunks_.count());
      for_each_row_range(units, length, [&](size_t first, size_t last) { sum_units(first, last); });
      for (size_t row = 0; row < shape.rows(); row++) finish_row(row);
      for_each_row_range(units, length, [&](size_t first, size_t last) {
        apply_units(first, last);
        publish();
      });
    }
    if (gradient_.call.needs_parameter_gradients()) sum_images();
  }

 private:
  void sum_units(size_t first, size_t last) const {
    const GroupNormBackward& call = gradient_.call;
    for_each_unit_batch(first, last, [&](size_t unit, size_t at, size_t plane, const Block& block) {
      float mean[kMaxChannels];
      PlaneIndex index(gradient_.shape, plane);
      for (size_t i = 0; i < block.channels; i++, index.next()) mean[i] = call.mean[index.row];
      gradient_.kernels.affine_gradient_sums(call.x + at, call.dy + at, mean, block, sums_ + unit);
    });
  }

  // Adds the chunks of each plane, and the planes of the row.
  void finish_row(size_t row) const {
    const GroupNormBackward& call = gradient_.call;
    const double mean_low = static_cast<double>(call.mean_low[row]);
    double sum = 0;
    double products = 0;
    const size_t first = row * gradient_.shape.channels;
    PlaneIndex index(gradient_.shape, first);
    for (size_t i = 0; i < gradient_.shape.channels; i++, index.next()) {
      const size_t plane = first + i;
      ChannelSums* of_plane = sums_ + plane * chunks_.count();
      for (size_t chunk = 1; chunk < chunks_.count(); chunk++) add(*of_plane, of_plane[chunk]);
      of_plane->products -= mean_low * of_plane->sum;
      const double scale =
          call.scale == nullptr ? 1 : static_cast<double>(call.scale[index.parameter]);
      sum += scale * of_plane->sum;
      products += scale * of_plane->products;
    }
    gradient_.constants.set(call, row, sum, products,
                            static_cast<double>(gradient_.shape.row_length()));
  }

  void apply_units(size_t first, size_t last) const {
    const GroupNormBackward& call = gradient_.call;
    for_each_unit_batch(first, last, [&](size_t, size_t at, size_t plane, const Block& block) {
      float mean[kMaxChannels], dy_mean[kMaxChannels], coefficient[kMaxChannels],
          inv_std[kMaxChannels], shift[kMaxChannels], scale[kMaxChannels];
      PlaneIndex index(gradient_.shape, plane);
      for (size_t i = 0; i < block.channels; i++, index.next()) {
        const size_t row = index.row;
        mean[i] = call.mean[row];
        dy_mean[i] = gradient_.constants.dy_mean[row];
        coefficient[i] = gradient_.constants.xhat_coefficient[row];
        inv_std[i] = call.inv_std[row];
        shift[i] = gradient_.constants.shift[row];
        scale[i] = call.scale == nullptr ? 1.0f : call.scale[index.parameter];
      }
      gradient_.kernels.scaled_input_gradient(call.x + at, call.dy + at, scale, call.dx + at, block,
                                              {mean, dy_mean, coefficient, inv_std, shift},
                                              gradient_.streaming);
    });
  }

  // The gradients of scale and bias.
  void sum_images() const {
    const GroupNormBackward& call = gradient_.call;
    const size_t parameters = gradient_.shape.parameters();
    for_each_row_range(parameters, gradient_.shape.images, [&](size_t first, size_t last) {
      for (size_t parameter = first; parameter < last; parameter++) {
        double sum = 0;
        double products = 0;
        for (size_t image = 0; image < gradient_.shape.images; image++) {
          const size_t plane = image * parameters + parameter;
          const ChannelSums& of_plane = sums_[plane * chunks_.count()];
          sum += of_plane.sum;
          products += of_plane.products * static_cast<double>(call.inv_std[row_of(plane)]);
        }
        if (call.dscale != nullptr) call.dscale[parameter] = static_cast<float>(products);
        if (call.dbias != nullptr) call.dbias[parameter] = static_cast<float>(sum);
      }
    });
  }

  // Calls function(first unit, offset, first plane, block) for units that one kernel call takes:
  // several whole planes, or one chunk.
  template <class Function>
  void for_each_unit_batch(size_t first, size_t last, const Function& function) const {
    const size_t plane = gradient_.shape.plane;
    const size_t count = chunks_.count();
    if (count == 1) {
      for_each_plane_batch(
          plane, first * plane, last * plane,
          [&](size_t at, size_t which, const Block& block) { function(which, at, which, block); });
      return;
    }
    for (size_t unit = first; unit < last; unit++) {
      const size_t which = unit / count;
      function(unit, which * plane + chunks_.offset(unit % count), which,
               chunks_.block(unit % count, 1));
    }
  }

  void publish() const {
    if (gradient_.streaming) gradient_.kernels.stream_fence();
  }
  size_t row_of(size_t plane) const { return plane / gradient_.shape.channels; }

  const GroupGradient& gradient_;
  ChannelChunks chunks_;
  ChannelSums* sums_;
};

}  // namespace

Status group_norm_backward(const Kernels& kernels, const GroupShape& shape,
                           const GroupNormBackward& call) {
  if (shape.elements() == 0) {
    for (float* each : {call.dscale, call.dbias}) {
      if (each != nullptr) std::fill_n(each, shape.parameters(), 0.0f);
    }
    return Status::kOk;
  }
  Scratch row_scratch, sums_scratch;
  const size_t rows = shape.rows();
  auto* constants = row_scratch.get<float>(saturating_product(3, rows));
  if (constants == nullptr) return Status::kOutOfMemory;
  const bool streaming = worth_streaming(kernels, shape.elements() * 3 * sizeof(float));
  const GroupGradient gradient = {
      kernels, shape, call, {constants, constants + rows, constants + 2 * rows}, streaming};
  if (shape.plane == 1 && call.scale != nullptr) {
    return element_gradients(gradient);
  }
  const ImageShape planes = PlaneBackward::planes_of(shape);
  auto* sums = sums_scratch.get<ChannelSums>(
      saturating_product(planes.channels, ChannelChunks(planes).count()));
  if (sums == nullptr) return Status::kOutOfMemory;
  PlaneBackward(gradient, sums).run();
  return Status::kOk;
}

}  // namespace batchnorm
