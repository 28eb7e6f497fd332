#include <algorithm>

#include "ops/channel_passes.h"
#include "ops/gradient_step.h"
#include "ops/group_norm.h"
#include "ops/group_planes.h"
#include "ops/parallel.h"
#include "ops/scratch.h"
#include "ops/sizes.h"
#include "ops/streaming.h"

namespace batchnorm {

namespace {

// The constants of a row in dx = ((dy * scale - dy_mean) - (x - mean) * xhat_coefficient) * inv_std
// + shift; the arrays have one value per row.
struct RowConstants {
  float* dy_mean;
  float* xhat_coefficient;
  float* shift;

  // From the sums of dy * scale and of dy * scale * (x - mean - mean_low).
  void set(const GroupNormBackward& call, size_t row, double sum, double products,
           double count) const {
    const double inv_std = static_cast<double>(call.inv_std[row]);
    const double mean = call.centered ? sum / count : 0;
    const double coefficient = inv_std * inv_std * products / count;
    dy_mean[row] = static_cast<float>(mean);
    xhat_coefficient[row] = static_cast<float>(coefficient);
    // Corrects for the rounding of both means to float32.
    const double dy_mean_low = mean - static_cast<double>(dy_mean[row]);
    const double mean_low = static_cast<double>(call.mean_low[row]);
    shift[row] = static_cast<float>((mean_low * coefficient - dy_mean_low) * inv_std);
  }
};

struct Context {
  const Kernels& kernels;
  const GroupShape& shape;
  const GroupNormBackward& call;
  RowConstants constants;
  bool streaming;
};

// Planes of several elements, with one scale each. Sums are taken per plane, because dscale and
// dbias need them, and a unit is a chunk of a plane.
class PlaneBackward {
 public:
  PlaneBackward(const Context& context, ChannelSums* sums)
      : context_(context), chunks_(planes_of(context.shape)), sums_(sums) {}

  static ImageShape planes_of(const GroupShape& shape) {
    return {1, shape.rows() * shape.channels, shape.plane};
  }

  void run() const {
    const GroupShape& shape = context_.shape;
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
    if (context_.call.dscale != nullptr) sum_images();
  }

 private:
  void sum_units(size_t first, size_t last) const {
    const GroupNormBackward& call = context_.call;
    for_each_unit_batch(first, last, [&](size_t unit, size_t at, size_t plane, const Block& block) {
      float mean[kMaxChannels];
      PlaneIndex index(context_.shape, plane);
      for (size_t i = 0; i < block.channels; i++, index.next()) mean[i] = call.mean[index.row];
      context_.kernels.affine_gradient_sums(call.x + at, call.dy + at, mean, block, sums_ + unit);
    });
  }

  // Adds the chunks of each plane, and the planes of the row.
  void finish_row(size_t row) const {
    const GroupNormBackward& call = context_.call;
    const double mean_low = static_cast<double>(call.mean_low[row]);
    double sum = 0;
    double products = 0;
    const size_t first = row * context_.shape.channels;
    PlaneIndex index(context_.shape, first);
    for (size_t i = 0; i < context_.shape.channels; i++, index.next()) {
      const size_t plane = first + i;
      ChannelSums* of_plane = sums_ + plane * chunks_.count();
      for (size_t chunk = 1; chunk < chunks_.count(); chunk++) add(*of_plane, of_plane[chunk]);
      of_plane->products -= mean_low * of_plane->sum;
      const double scale =
          call.scale == nullptr ? 1 : static_cast<double>(call.scale[index.parameter]);
      sum += scale * of_plane->sum;
      products += scale * of_plane->products;
    }
    context_.constants.set(call, row, sum, products,
                           static_cast<double>(context_.shape.row_length()));
  }

  void apply_units(size_t first, size_t last) const {
    const GroupNormBackward& call = context_.call;
    for_each_unit_batch(first, last, [&](size_t, size_t at, size_t plane, const Block& block) {
      float mean[kMaxChannels], dy_mean[kMaxChannels], coefficient[kMaxChannels],
          inv_std[kMaxChannels], shift[kMaxChannels], scale[kMaxChannels];
      PlaneIndex index(context_.shape, plane);
      for (size_t i = 0; i < block.channels; i++, index.next()) {
        const size_t row = index.row;
        mean[i] = call.mean[row];
        dy_mean[i] = context_.constants.dy_mean[row];
        coefficient[i] = context_.constants.xhat_coefficient[row];
        inv_std[i] = call.inv_std[row];
        shift[i] = context_.constants.shift[row];
        scale[i] = call.scale == nullptr ? 1.0f : call.scale[index.parameter];
      }
      context_.kernels.scaled_input_gradient(call.x + at, call.dy + at, scale, call.dx + at, block,
                                             {mean, dy_mean, coefficient, inv_std, shift},
                                             context_.streaming);
    });
  }

  // The gradients of scale and bias.
  void sum_images() const {
    const GroupNormBackward& call = context_.call;
    const size_t parameters = context_.shape.parameters();
    for_each_row_range(parameters, context_.shape.images, [&](size_t first, size_t last) {
      for (size_t parameter = first; parameter < last; parameter++) {
        double sum = 0;
        double products = 0;
        for (size_t image = 0; image < context_.shape.images; image++) {
          const size_t plane = image * parameters + parameter;
          const ChannelSums& of_plane = sums_[plane * chunks_.count()];
          sum += of_plane.sum;
          products += of_plane.products * static_cast<double>(call.inv_std[row_of(plane)]);
        }
        call.dscale[parameter] = static_cast<float>(products);
        if (call.dbias != nullptr) call.dbias[parameter] = static_cast<float>(sum);
      }
    });
  }

  // Calls function(first unit, offset, first plane, block) for units that one kernel call takes:
  // several whole planes, or one chunk.
  template <class Function>
  void for_each_unit_batch(size_t first, size_t last, const Function& function) const {
    const size_t plane = context_.shape.plane;
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
    if (context_.streaming) context_.kernels.stream_fence();
  }
  size_t row_of(size_t plane) const { return plane / context_.shape.channels; }

  const Context& context_;
  ChannelChunks chunks_;
  ChannelSums* sums_;
};

// The gradients of scale and bias with a scale per element. The images are divided into at most
// kMaxParts parts, whose sums in double are added in order.
class ParameterSums {
 public:
  explicit ParameterSums(const Context& context) : context_(context) {
    constexpr size_t kMaxParts = 64;
    // The sums of a part are written once; a part of 32 rows reads 16 times as many bytes.
    constexpr size_t kMinImages = 32;
    const size_t images = context.shape.images;
    const size_t steps = ceil_divide(ceil_divide(images, kMaxParts), kMaxElementRows);
    part_ = std::max(kMinImages, steps * kMaxElementRows);
    parts_ = ceil_divide(images, part_);
  }

  size_t parts() const { return parts_; }
  size_t first_image(size_t part) const { return part * part_; }
  size_t end_image(size_t part) const {
    return std::min(context_.shape.images, (part + 1) * part_);
  }
  size_t scratch() const { return saturating_product(2 * parts_, context_.shape.parameters()); }
  void use(double* sums) { sums_ = sums; }

  // Clears the sums of columns [first, last) of a part.
  void clear(size_t part, size_t first, size_t last) const {
    std::fill(dscale(part) + first, dscale(part) + last, 0.0);
    std::fill(dbias(part) + first, dbias(part) + last, 0.0);
  }

  // Adds columns [first, last) of at most kMaxElementRows images.
  void add_images(size_t part, size_t begin, size_t end, size_t first, size_t last) const {
    const GroupShape& shape = context_.shape;
    const GroupNormBackward& call = context_.call;
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
      context_.kernels.element_parameter_gradients(
          call.x + at, call.dy + at, rows, columns, dscale(part) + column,
          call.dbias == nullptr ? nullptr : dbias(part) + column);
      column += columns;
    }
  }

  void store() const {
    const GroupNormBackward& call = context_.call;
    for_each_row_range(context_.shape.parameters(), parts_, [&](size_t first, size_t last) {
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
  double* dscale(size_t part) const { return sums_ + 2 * part * context_.shape.parameters(); }
  double* dbias(size_t part) const { return dscale(part) + context_.shape.parameters(); }

  const Context& context_;
  size_t part_ = 1;
  size_t parts_ = 0;
  double* sums_ = nullptr;
};

// Rows with a scale per element: the passes over the rows, as channels of one image.
class ElementPasses {
 public:
  static constexpr bool kApplies = true;

  explicit ElementPasses(const Context& context) : context_(context) {}
  // Also adds to the gradients of scale and bias, before dx can overwrite dy. For one group, and
  // blocks of at most kMaxElementRows rows of one part.
  ElementPasses(const Context& context, const ParameterSums& parameters, size_t part)
      : context_(context), parameters_(&parameters), part_(part) {}

  size_t bytes_per_element() const { return 3 * sizeof(float); }
  void prepare(size_t, size_t) const {}

  void reduce(size_t offset, size_t row, const Block& block, ChannelSums* out) const {
    const GroupNormBackward& call = context_.call;
    for_each_scale(offset, row, block, [&](size_t i, size_t at, const float* scale, Block rows) {
      rows.next = block.next;
      context_.kernels.element_gradient_sums(call.x + at, call.dy + at, call.mean + row + i, scale,
                                             rows, out + i);
    });
    // After the sums, which read rows one by one and prefetch them.
    if (parameters_ != nullptr) {
      const size_t first = offset - row * context_.shape.row_length();
      parameters_->add_images(part_, row, row + block.channels, first, first + block.length);
    }
  }

  template <class SumsAgain>
  void finish(size_t row, const ChannelSums& sums, const SumsAgain&) const {
    const double products = deviation_products(sums, context_.call.mean_low[row]);
    context_.constants.set(context_.call, row, sums.sum, products,
                           static_cast<double>(context_.shape.row_length()));
  }

  void apply(size_t offset, size_t row, const Block& block) const {
    const GroupNormBackward& call = context_.call;
    const RowConstants& constants = context_.constants;
    for_each_scale(
        offset, row, block, [&](size_t i, size_t at, const float* scale, const Block& rows) {
          const size_t first = row + i;
          const InputGradient params = {call.mean + first, constants.dy_mean + first,
                                        constants.xhat_coefficient + first, call.inv_std + first,
                                        constants.shift + first};
          context_.kernels.element_input_gradient(call.x + at, call.dy + at, scale, call.dx + at,
                                                  rows, params, context_.streaming);
        });
  }

  void complete() const {
    if (context_.streaming) context_.kernels.stream_fence();
  }

 private:
  // Calls function(index of the first row in the block, offset, scale, block) for the rows that
  // have the same scales: all of them, if there is one group.
  template <class Function>
  void for_each_scale(size_t offset, size_t row, const Block& block,
                      const Function& function) const {
    const GroupShape& shape = context_.shape;
    const size_t length = shape.row_length();
    const float* scale = context_.call.scale + (offset - row * length);
    if (shape.groups == 1) return function(0, offset, scale, block);
    for (size_t i = 0; i < block.channels; i++) {
      const Block one = {1, 1, block.length, block.image_stride, block.channel_stride};
      function(i, offset + i * length, scale + (row + i) % shape.groups * length, one);
    }
  }

  const Context& context_;
  const ParameterSums* parameters_ = nullptr;
  size_t part_ = 0;
};

// With enough parts for all threads, each reads its rows once and computes everything from the
// cache. Otherwise threads first share the columns of each part, then the rows.
Status run_elements(const Context& context, const ParameterSums& parameters) {
  const GroupShape& shape = context.shape;
  const size_t columns = shape.parameters();
  const size_t threads = threads_for(shape.elements());
  const ImageShape rows = {1, shape.rows(), shape.row_length()};
  ElementPasses passes(context);
  if (threads == 1 || parameters.parts() >= 2 * threads) {
    const ChannelChunks chunks(rows);
    auto task = [&](size_t part, size_t) {
      parameters.clear(part, 0, columns);
      const ElementPasses fused(context, parameters, part);
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
  const Context context = {
      kernels, shape, call, {constants, constants + rows, constants + 2 * rows}, streaming};
  if (shape.plane == 1 && call.scale != nullptr) {
    ParameterSums parameters(context);
    auto* sums = sums_scratch.get<double>(parameters.scratch());
    if (sums == nullptr) return Status::kOutOfMemory;
    parameters.use(sums);
    return run_elements(context, parameters);
  }
  const ImageShape planes = PlaneBackward::planes_of(shape);
  auto* sums = sums_scratch.get<ChannelSums>(
      saturating_product(planes.channels, ChannelChunks(planes).count()));
  if (sums == nullptr) return Status::kOutOfMemory;
  PlaneBackward(context, sums).run();
  return Status::kOk;
}

}  // namespace batchnorm
