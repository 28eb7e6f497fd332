#include "ops/weight_gradient_plan.h"

namespace batchnorm {

namespace {

// Maximum number of pixels summed in float32 before the sum is added to a double.
constexpr size_t kChunkPixels = 256;
// The same if lanes are pixels: few enough that dy of a tile's channels stays in the first-level
// cache and x of all channels in the second. Each lane sums fewer pixels than kChunkPixels.
constexpr size_t kMinPlanesPixels = 256;
constexpr size_t kMaxPlanesPixels = 1024;
constexpr size_t kPlanesFloats = 64 * 1024;
// Size of the planes that are filled together: a quarter of a small second-level cache.
constexpr size_t kBlockFloats = 16 * 1024;
constexpr size_t kMaxSections = 16;
// Maximum number of sums over all sections, if there are several.
constexpr size_t kSectionDoubles = 512 * 1024;
// With fewer pixels, moving sums to doubles costs more than computing them.
constexpr size_t kMinSectionPixels = 8 * kChunkPixels;
constexpr size_t kTasksPerThread = 2;

// The number of pixels for which x without its padding has kPlanesFloats floats.
size_t planes_pixels(const Kernels& kernels, const ConvolutionShape& shape) {
  const size_t inputs = saturating_product(
      shape.in_channels, saturating_product(shape.rows.stride, shape.columns.stride));
  const size_t fitting = kPlanesFloats / inputs / kernels.lanes * kernels.lanes;
  return std::clamp(fitting, kMinPlanesPixels, kMaxPlanesPixels);
}

WeightGradientPlan::Kernel kernel_for(const Kernels& kernels, const ConvolutionShape& shape,
                                      size_t taps) {
  using Kernel = WeightGradientPlan::Kernel;
  if (kernels.lanes == 1) return Kernel::kTile;
  if (shape.out_width() % kernels.lanes == 0 && shape.out_channels % kernels.planes_channels == 0 &&
      (shape.out_channels <= 16 || taps <= 32)) {
    return Kernel::kPlanes;
  }
  return shape.groups > 1 && 2 * shape.out_channels <= kernels.lanes ? Kernel::kPlane
                                                                     : Kernel::kTile;
}

}  // namespace

WeightGradientPlan WeightGradientPlan::plan(const Kernels& kernels, const ConvolutionShape& shape,
                                            size_t threads) {
  WeightGradientPlan plan = {};
  plan.window = input_window(shape);
  plan.taps = shape.in_channels * shape.taps();
  plan.kernel = kernel_for(kernels, shape, plan.taps);
  plan.tile_taps = plan.kernel == Kernel::kPlanes  ? kernels.planes_taps
                   : plan.kernel == Kernel::kPlane ? kernels.plane_taps
                                                   : kernels.weight_gradient_rows;
  plan.tiles = ceil_divide(plan.taps, plan.tile_taps);
  plan.columns = plan.kernel == Kernel::kPlane
                     ? shape.out_channels
                     : ceil_divide(shape.out_channels, kernels.lanes) * kernels.lanes;

  plan.chunk_pixels = plan.kernel == Kernel::kTile ? kChunkPixels : planes_pixels(kernels, shape);
  plan.chunk_rows =
      std::clamp<size_t>(plan.chunk_pixels / shape.out_width(), 1, shape.out_height());
  plan.chunk_images = std::clamp<size_t>(plan.chunk_pixels / shape.out_plane(), 1, shape.images);
  plan.layout =
      PatchLayout::plan(plan.window, plan.chunk_rows, 1, PatchLayout::ShortRows::kSeparate);

  const size_t wanted_sections =
      std::clamp<size_t>(std::min(kSectionDoubles / (plan.sums_doubles() * shape.groups),
                                  shape.images * shape.out_plane() / kMinSectionPixels),
                         1, std::min(kMaxSections, shape.images));
  plan.section_images = ceil_divide(shape.images, wanted_sections);
  // Rounding up may leave fewer sections than wanted; no section is empty.
  plan.sections = ceil_divide(shape.images, plan.section_images);
  const size_t ranges =
      threads == 1 ? 1
                   : std::min(ceil_divide(threads * kTasksPerThread, shape.groups * plan.sections),
                              plan.tiles);
  plan.range_tiles = ceil_divide(plan.tiles, ranges);
  plan.blocks = {shape.groups, 1};
  if (plan.kernel == Kernel::kPlane && plan.chunk_rows == shape.out_height()) {
    const size_t group_floats =
        saturating_product(plan.chunk_images * shape.in_channels, plan.layout.channel_floats);
    plan.blocks =
        blocks_of_planes(shape.groups, plan.sections, group_floats, kBlockFloats, threads);
  }
  return plan;
}

void WeightGradientPlan::find_offsets(const ConvolutionShape& shape, size_t* offsets) const {
  for (size_t i = 0; i < tiles * tile_taps; i++) {
    // Surplus taps of the last tile repeat the last tap.
    const size_t k = std::min(i, taps - 1);
    const size_t tap = k % shape.taps();
    const size_t columns_of_kernel = shape.columns.kernel;
    offsets[i] = layout.offset(k / shape.taps(), tap / columns_of_kernel, tap % columns_of_kernel);
  }
}

size_t WeightGradientPlan::scratch_floats(const ConvolutionShape& shape) const {
  const size_t transposed =
      kernel == Kernel::kTile ? chunk_images * chunk_rows * shape.out_width() : 0;
  return whole_lines(saturating_sum(saturating_product(chunk_images, image_floats(shape)),
                                    saturating_product(transposed, columns)));
}

}  // namespace batchnorm
