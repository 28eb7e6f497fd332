// Kernels for one output channel, as in depthwise convolutions: lanes are pixels, and no input
// channel is shared with other outputs. Loads limit them, at about one per multiply-add.

// Vectors of pixels that share a load of a weight. A step of 6 multiply-adds with 8 loads takes 4
// cycles on 2 ports, which is the latency of a multiply-add.
constexpr size_t kPlaneVectors = 6;

struct PlaneVectors {
  const float* x[kPlaneVectors];
  float* y[kPlaneVectors];
};

struct PlaneSums {
  F32 of[kPlaneVectors];
};

// Walks through the vectors of a plane, row by row. The last vector of a row ends with the row, so
// it may overlap the one before.
class PlaneWalk {
 public:
  explicit PlaneWalk(const CorrelatedPlane& plane)
      : x_(plane.x),
        y_(plane.y),
        last_(plane.columns < F32::kLanes ? 0 : plane.columns - F32::kLanes),
        rows_(plane.rows),
        x_stride_(plane.x_stride),
        y_stride_(plane.y_stride) {}

  bool ended() const { return rows_ == 0; }
  // After the last vector, it is repeated.
  void next(PlaneVectors& vectors) {
    const float* x = x_;
    float* y = y_;
    size_t pixel = pixel_, rows = rows_;
    for (size_t v = 0; v < kPlaneVectors; v++) {
      vectors.x[v] = x + pixel;
      vectors.y[v] = y + pixel;
      if (pixel < last_) {
        pixel += F32::kLanes;
        pixel = pixel < last_ ? pixel : last_;
      } else if (rows > 1) {
        rows--;
        pixel = 0;
        x += x_stride_;
        y += y_stride_;
      } else {
        rows = 0;
      }
    }
    x_ = x;
    y_ = y;
    pixel_ = pixel;
    rows_ = rows;
  }

 private:
  const float* x_;  // of the row
  float* y_;
  size_t last_;  // the first pixel of the last vector
  size_t pixel_ = 0, rows_;
  size_t x_stride_, y_stride_;
};

// The sums over one chain of taps from `begin` on.
BATCHNORM_INLINE PlaneSums plane_chain(const CorrelatedPlane& plane, const PlaneVectors& vectors,
                                       size_t begin) {
  const size_t rest = plane.depth - begin;
  const size_t steps = rest < kConvolutionChain ? rest : kConvolutionChain;
  const float* weights = plane.weights + begin;
  const size_t* offsets = plane.offsets + begin;
  const float* x[kPlaneVectors];
  for (size_t v = 0; v < kPlaneVectors; v++) x[v] = vectors.x[v];
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

inline void correlate_plane(const CorrelatedPlane& plane) {
  PlaneWalk walk(plane);
  PlaneVectors vectors;
  const F32 bias = F32::broadcast(plane.bias);
  while (!walk.ended()) {
    walk.next(vectors);
    PlaneSums total = plane_chain(plane, vectors, 0);
    for (size_t begin = kConvolutionChain; begin < plane.depth; begin += kConvolutionChain) {
      const PlaneSums sums = plane_chain(plane, vectors, begin);
      for (size_t v = 0; v < kPlaneVectors; v++) total.of[v] = total.of[v] + sums.of[v];
    }
    if (plane.columns < F32::kLanes) {
      (total.of[0] + bias).store_first(vectors.y[0], plane.columns);
      return;
    }
    for (size_t v = 0; v < kPlaneVectors; v++) (total.of[v] + bias).store(vectors.y[v]);
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
