// Kernels for one output channel, as in depthwise convolutions: lanes are pixels, and no input
// channel is shared with other outputs. Loads limit them, at about one per multiply-add.

// Vectors of pixels that share a load of a weight. A step of 4 multiply-adds with 6 loads takes 3
// cycles on 2 ports; the next vectors overlap with the rest of the latency of 4.
constexpr size_t kPlaneVectors = 4;

struct PlaneSums {
  F32 of[kPlaneVectors];
};

// The sums over one chain of taps from `begin` on.
BATCHNORM_INLINE PlaneSums plane_chain(const CorrelatedPlane& plane,
                                       const float* const (&x)[kPlaneVectors], size_t begin) {
  const size_t rest = plane.depth - begin;
  const size_t steps = rest < kConvolutionChain ? rest : kConvolutionChain;
  const float* weights = plane.weights + begin;
  const size_t* offsets = plane.offsets + begin;
  PlaneSums sums;
  for (size_t v = 0; v < kPlaneVectors; v++) sums.of[v] = F32::zero();
  for (size_t k = 0; k < steps; k++) {
    const F32 weight = F32::broadcast(weights[k]);
    for (size_t v = 0; v < kPlaneVectors; v++) {
      sums.of[v] = mul_add(weight, F32::load(x[v] + offsets[k]), sums.of[v]);
    }
  }
  return sums;
}

BATCHNORM_INLINE PlaneSums plane_sums(const CorrelatedPlane& plane,
                                      const float* const (&x)[kPlaneVectors]) {
  PlaneSums total = plane_chain(plane, x, 0);
  for (size_t begin = kConvolutionChain; begin < plane.depth; begin += kConvolutionChain) {
    const PlaneSums sums = plane_chain(plane, x, begin);
    for (size_t v = 0; v < kPlaneVectors; v++) total.of[v] = total.of[v] + sums.of[v];
  }
  return total;
}

inline void correlate_plane(const CorrelatedPlane& plane) {
  const F32 bias = F32::broadcast(plane.bias);
  if (plane.columns < F32::kLanes) {
    const PlaneSums sums = plane_sums(plane, {plane.x, plane.x, plane.x, plane.x});
    (sums.of[0] + bias).store_first(plane.y, plane.columns);
    return;
  }
  // The last vector of a row ends with the row, so it may overlap the one before. Short rows are
  // processed several at a time; the last of these groups may overlap, too.
  const size_t last = plane.columns - F32::kLanes;
  const size_t row_vectors = (last + F32::kLanes - 1) / F32::kLanes + 1;
  size_t group = row_vectors < kPlaneVectors ? kPlaneVectors / row_vectors : 1;
  group = group < plane.rows ? group : plane.rows;
  const size_t vectors = row_vectors * group;
  for (size_t first = 0; first < vectors; first += kPlaneVectors) {
    size_t x_offsets[kPlaneVectors], y_offsets[kPlaneVectors];
    for (size_t v = 0; v < kPlaneVectors; v++) {
      // Surplus vectors repeat the last one.
      const size_t i = first + v < vectors ? first + v : vectors - 1;
      const size_t row = i / row_vectors, place = i % row_vectors * F32::kLanes;
      const size_t pixel = place < last ? place : last;
      x_offsets[v] = row * plane.x_stride + pixel;
      y_offsets[v] = row * plane.y_stride + pixel;
    }
    for (size_t row = 0; row < plane.rows; row += group) {
      if (row + group > plane.rows) row = plane.rows - group;
      const float* const x_row = plane.x + row * plane.x_stride;
      const float* x[kPlaneVectors];
      for (size_t v = 0; v < kPlaneVectors; v++) x[v] = x_row + x_offsets[v];
      const PlaneSums sums = plane_sums(plane, x);
      float* const y_row = plane.y + row * plane.y_stride;
      for (size_t v = 0; v < kPlaneVectors; v++) (sums.of[v] + bias).store(y_row + y_offsets[v]);
    }
  }
}

// Weight gradients of 3 taps, with two accumulators each to hide a part of the latency.
constexpr size_t kPlaneTaps = 3;

inline void weight_gradient_plane(const WeightGradientPlane& plane) {
  F32 sums[2 * kPlaneTaps];
  for (F32& sum : sums) sum = F32::zero();
  for (size_t image = 0; image < plane.images; image++) {
    for (size_t row = 0; row < plane.rows; row++) {
      const float* const x = plane.x + image * plane.image_stride + row * plane.row_stride;
      const float* const dy = plane.dy + image * plane.dy_image_stride + row * plane.dy_row_stride;
      const float* taps[kPlaneTaps];
      for (size_t t = 0; t < kPlaneTaps; t++) taps[t] = x + plane.offsets[t];
      size_t i = 0;
      for (; i + 2 * F32::kLanes <= plane.columns; i += 2 * F32::kLanes) {
        const F32 first = F32::load(dy + i), second = F32::load(dy + i + F32::kLanes);
        for (size_t t = 0; t < kPlaneTaps; t++) {
          sums[t] = mul_add(F32::load(taps[t] + i), first, sums[t]);
          F32& other = sums[kPlaneTaps + t];
          other = mul_add(F32::load(taps[t] + i + F32::kLanes), second, other);
        }
      }
      if (i + F32::kLanes <= plane.columns) {
        const F32 gradient = F32::load(dy + i);
        for (size_t t = 0; t < kPlaneTaps; t++) {
          sums[t] = mul_add(F32::load(taps[t] + i), gradient, sums[t]);
        }
        i += F32::kLanes;
      }
      if (i == plane.columns) continue;
      const size_t rest = plane.columns - i;
      const F32 gradient = F32::load_first(dy + i, rest);
      for (size_t t = 0; t < kPlaneTaps; t++) {
        F32& other = sums[kPlaneTaps + t];
        other = mul_add(F32::load_first(taps[t] + i, rest), gradient, other);
      }
    }
  }
  F32 both[kPlaneTaps];
  for (size_t t = 0; t < kPlaneTaps; t++) both[t] = sums[t] + sums[kPlaneTaps + t];
  float totals[kPlaneTaps + F32::kLanes];
  total_lanes(both, totals);
  for (size_t t = 0; t < kPlaneTaps; t++) {
    plane.sums[t * plane.sums_stride] += static_cast<double>(totals[t]);
  }
}
