// Kernels for one output channel, as in depthwise convolutions: lanes are pixels, and no input
// channel is shared with other outputs. Loads limit them, at about one per multiply-add.

// Vectors of pixels that share a load of a weight. A step of 6 multiply-adds with 8 loads takes 4
// cycles on 2 ports, which is the latency of a multiply-add.
constexpr size_t kPlaneVectors = 6;

// Adds the sums over the taps [begin, end) to those of each vector.
inline void add_taps(const CorrelatedPlane& plane, const float* const (&x)[kPlaneVectors],
                     size_t begin, size_t end, F32 (&sums)[kPlaneVectors]) {
  for (size_t k = begin; k < end; k++) {
    const F32 weight = F32::broadcast(plane.weights[k]);
    const size_t offset = plane.offsets[k];
    for (size_t v = 0; v < kPlaneVectors; v++) {
      sums[v] = mul_add(weight, F32::load(x[v] + offset), sums[v]);
    }
  }
}

inline void correlate_plane(const CorrelatedPlane& plane) {
  const bool partial = plane.columns < F32::kLanes;
  // The last vector of a row ends with the row, so it may overlap the one before.
  const size_t last = partial ? 0 : plane.columns - F32::kLanes;
  const float* x_row = plane.x;
  float* y_row = plane.y;
  size_t pixel = 0;
  for (size_t rows = plane.rows; rows > 0;) {
    const float* x[kPlaneVectors];
    float* y[kPlaneVectors];
    for (size_t v = 0; v < kPlaneVectors; v++) {
      x[v] = x_row + pixel;
      y[v] = y_row + pixel;
      if (pixel < last) {
        pixel = pixel + F32::kLanes < last ? pixel + F32::kLanes : last;
      } else if (rows > 1) {
        rows--;
        pixel = 0;
        x_row += plane.x_stride;
        y_row += plane.y_stride;
      } else {
        // Surplus vectors repeat the last one.
        rows = 0;
        for (size_t rest = v + 1; rest < kPlaneVectors; rest++) {
          x[rest] = x[v];
          y[rest] = y[v];
        }
        break;
      }
    }
    F32 totals[kPlaneVectors];
    for (F32& total : totals) total = F32::zero();
    add_taps(plane, x, 0, plane.depth < kConvolutionChain ? plane.depth : kConvolutionChain,
             totals);
    for (size_t begin = kConvolutionChain; begin < plane.depth; begin += kConvolutionChain) {
      const size_t rest = plane.depth - begin;
      F32 sums[kPlaneVectors];
      for (F32& sum : sums) sum = F32::zero();
      add_taps(plane, x, begin, begin + (rest < kConvolutionChain ? rest : kConvolutionChain),
               sums);
      for (size_t v = 0; v < kPlaneVectors; v++) totals[v] = totals[v] + sums[v];
    }
    const F32 bias = F32::broadcast(plane.bias);
    if (partial) {
      (totals[0] + bias).store_first(y[0], plane.columns);
      return;
    }
    for (size_t v = 0; v < kPlaneVectors; v++) (totals[v] + bias).store(y[v]);
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
