#include <algorithm>

#include "ops/channel_passes.h"
#include "ops/gradient_step.h"
#include "ops/group_norm_gradient.h"
#include "ops/parallel.h"
#include "ops/scratch.h"
#include "ops/sizes.h"

// The kernels take the time.
#include "optimize_for_size.h"

namespace batchnorm {

namespace {

// The gradients of scale and bias with a scale per element. The images are divided into at most
// kMaxParts parts, whose sums in double are added in order.
class ParameterSums {
 public:
  explicit ParameterSums(const GroupGradient& gradient) : gradient_(gradient) {
    constexpr size_t kMaxParts = 64;
    // The sums of a part are written once; a part of 32 rows reads 16 times as many bytes.
    constexpr size_t kMinImages = 32;
    const size_t images = gradient.shape.images;
    const size_t steps = ceil_divide(ceil_divide(images, kMaxParts), kMaxElementRows);
    part_ = std::max(kMinImages, steps * kMaxElementRows);
    parts_ = ceil_divide(images, part_);
  }

  size_t parts() const { return parts_; }
  size_t first_image(size_t part) const { return part * part_; }
  size_t end_image(size_t part) const {
    return std::min(gradient_.shape.images, (part + 1) * part_);
  }
  size_t scratch() const { return saturating_product(2 * parts_, gradient_.shape.parameters()); }
  void use(double* sums) { sums_ = sums; }

  // Clears the sums of columns [first, last) of a part.
  void clear(size_t part, size_t first, size_t last) const {
    std::fill(dscale(part) + first, dscale(part) + last, 0.0);
    std::fill(dbias(part) + first, dbias(part) + last, 0.0);
  }

  // Adds columns [first, last) of at most kMaxElementRows images.
  void add_images(size_t part, size_t begin, size_t end, size_t first, size_t last) const {
    const GroupShape& shape = gradient_.shape;
    const GroupNormBackward& call = gradient_.call;
    for (size_t column = first; column < last;) {
      const size_t group = column / shape.channels;
      const size_t columns = std::min(last, (group + 1) * shape.channels) - column;
      float mean[kMaxElementRows], inv_std[kMaxElementRows], shift[kMaxElementRows];
      for (size_t image = begin; image < end; image++) {
        const size_t row = image * shape.groups + group;
        mean[image - begin] = call.mean[row];
        inv_std[image - begin] = call.inv_std[row];
        shift[image - begin] = -call.mean_low[row] * call.inv_std[row];
      }
      const ElementRows rows = {end - begin, shape.parameters(), mean, inv_std, shift};
      const size_t at = begin * shape.parameters() + column;
      gradient_.kernels.element_parameter_gradients(
          call.x + at, call.dy + at, rows, columns, dscale(part) + column,
          call.dbias == nullptr ? nullptr : dbias(part) + column);
      column += columns;
    }
  }

  void store() const {
    const GroupNormBackward& call = gradient_.call;
    for_each_row_range(gradient_.shape.parameters(), parts_, [&](size_t first, size_t last) {
      for (size_t column = first; column < last; column++) {
        double scales = 0;
        double biases = 0;
        for (size_t part = 0; part < parts_; part++) {
          scales += dscale(part)[column];
          biases += dbias(part)[column];
        }
        if (call.dscale != nullptr) call.dscale[column] = static_cast<float>(scales);
        if (call.dbias != nullptr) call.dbias[column] = static_cast<float>(biases);
      }
    });
  }

 private:
  double* dscale(size_t part) const { return sums_ + 2 * part * gradient_.shape.parameters(); }
  double* dbias(size_t part) const { return dscale(part) + gradient_.shape.parameters(); }

  const GroupGradient& gradient_;
  size_t part_ = 1;
  size_t parts_ = 0;
  double* sums_ = nullptr;
};

// Rows with a scale per element: the passes over the rows, as channels of one image.
class ElementPasses {
 public:
  static constexpr bool kApplies = true;

  explicit ElementPasses(const GroupGradient& gradient) : gradient_(gradient) {}
  // Also adds to the gradients of scale and bias, before dx can overwrite dy. For one group, and
  // blocks of at most kMaxElementRows rows of one part.
  ElementPasses(const GroupGradient& gradient, const ParameterSums& parameters, size_t part)
      : gradient_(gradient), parameters_(&parameters), part_(part) {}

  size_t bytes_per_element() const { return 3 * sizeof(float); }
  void prepare(size_t, size_t) const {}

  void reduce(size_t offset, size_t row, const Block& block, ChannelSums* out) const {
    const GroupNormBackward& call = gradient_.call;
    for_each_scale(offset, row, block, [&](size_t i, size_t at, const float* scale, Block rows) {
      rows.next = block.next;
      gradient_.kernels.element_gradient_sums(call.x + at, call.dy + at, call.mean + row + i, scale,
                                              rows, out + i);
    });
    // After the sums, which read rows one by one and prefetch them.
    if (parameters_ != nullptr) {
      const size_t first = offset - row * gradient_.shape.row_length();
      parameters_->add_images(part_, row, row + block.channels, first, first + block.length);
    }
  }

  template <class SumsAgain>
  void finish(size_t row, const ChannelSums& sums, const SumsAgain&) const {
    const double products = deviation_products(sums, gradient_.call.mean_low[row]);
    gradient_.constants.set(gradient_.call, row, sums.sum, products,
                            static_cast<double>(gradient_.shape.row_length()));
  }

  void apply(size_t offset, size_t row, const Block& block) const {
    const GroupNormBackward& call = gradient_.call;
    const RowConstants& constants = gradient_.constants;
    for_each_scale(
        offset, row, block, [&](size_t i, size_t at, const float* scale, const Block& rows) {
          const size_t first = row + i;
          const InputGradient params = {call.mean + first, constants.dy_mean + first,
                                        constants.xhat_coefficient + first, call.inv_std + first,
                                        constants.shift + first};
          gradient_.kernels.element_input_gradient(call.x + at, call.dy + at, scale, call.dx + at,
                                                   rows, params, gradient_.streaming);
        });
  }

  void complete() const {
    if (gradient_.streaming) gradient_.kernels.stream_fence();
  }

 private:
  // Calls function(index of the first row in the block, offset, scale, block) for the rows that
  // have the same scales: all of them, if there is one group.
  template <class Function>
  void for_each_scale(size_t offset, size_t row, const Block& block,
                      const Function& function) const {
    const GroupShape& shape = gradient_.shape;
    const size_t length = shape.row_length();
    const float* scale = gradient_.call.scale + (offset - row * length);
    if (shape.groups == 1) return function(0, offset, scale, block);
    for (size_t i = 0; i < block.channels; i++) {
      const Block one = {1, 1, block.length, block.image_stride, block.channel_stride};
      function(i, offset + i * length, scale + (row + i) % shape.groups * length, one);
    }
  }

  const GroupGradient& gradient_;
  const ParameterSums* parameters_ = nullptr;
  size_t part_ = 0;
};

}  // namespace

// With enough parts for all threads, each reads its rows once and computes everything from the
// cache. Otherwise threads first share the columns of each part, then the rows.
Status element_gradients(const GroupGradient& gradient) {
  const ImageShape rows = {1, gradient.shape.rows(), gradient.shape.row_length()};
  ElementPasses passes(gradient);
  if (!gradient.call.needs_parameter_gradients()) return run_channel_passes(rows, passes);
  ParameterSums parameters(gradient);
  Scratch scratch;
  auto* sums = scratch.get<double>(parameters.scratch());
  if (sums == nullptr) return Status::kOutOfMemory;
  parameters.use(sums);
  const GroupShape& shape = gradient.shape;
  const size_t columns = shape.parameters();
  const size_t threads = threads_for(shape.elements());
  if (threads == 1 || parameters.parts() >= 2 * threads) {
    const ChannelChunks chunks(rows);
    auto task = [&](size_t part, size_t) {
      parameters.clear(part, 0, columns);
      const ElementPasses fused(gradient, parameters, part);
      const size_t last = parameters.end_image(part);
      for (size_t image = parameters.first_image(part); image < last; image += kMaxElementRows) {
        const size_t end = std::min(last, image + kMaxElementRows);
        if (shape.groups == 1) {
          run_channel_group(rows, chunks, image, end - image, fused);
          continue;
        }
        parameters.add_images(part, image, end, 0, columns);
        for (size_t row = image * shape.groups; row < end * shape.groups; row += kMaxChannels) {
          const size_t count = std::min(kMaxChannels, end * shape.groups - row);
          run_channel_group(rows, chunks, row, count, passes);
        }
      }
      passes.complete();
    };
    parallel_for(parameters.parts(), threads, task);
  } else {
    constexpr size_t kColumns = 1024;
    const size_t pieces = ceil_divide(columns, kColumns);
    auto task = [&](size_t index, size_t) {
      const size_t part = index / pieces;
      const size_t first = index % pieces * kColumns;
      const size_t end = std::min(columns, first + kColumns);
      parameters.clear(part, first, end);
      const size_t last = parameters.end_image(part);
      for (size_t image = parameters.first_image(part); image < last; image += kMaxElementRows) {
        parameters.add_images(part, image, std::min(last, image + kMaxElementRows), first, end);
      }
    };
    parallel_for(parameters.parts() * pieces, threads, task);
    const Status status = run_channel_passes(rows, passes);
    if (status != Status::kOk) return status;
  }
  parameters.store();
  return Status::kOk;
}

}  // namespace batchnorm
