// Kernels for one output channel, as in depthwise convolutions: lanes are pixels, and no input
// channel is shared with other outputs. Loads limit them, at about one per multiply-add.

// Vectors of pixels that share a load of a weight. A step of 4 multiply-adds with 6 loads takes 3
// cycles on 2 ports; the next vectors overlap with the rest of the latency of 4.
constexpr size_t kPlaneVectors = 4;

struct PlaneSums {
  F32 of[kPlaneVectors];
};

// The sums over one chain of `steps` taps.
BATCHNORM_INLINE PlaneSums plane_chain(const float* weights, const size_t* offsets, size_t steps,
                                       const float* const (&x)[kPlaneVectors]) {
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

BATCHNORM_INLINE PlaneSums plane_sums(const float* weights, const size_t* offsets, size_t depth,
                                      const float* const (&x)[kPlaneVectors]) {
  PlaneSums total;
  for (size_t begin = 0; begin < depth; begin += kConvolutionChain) {
    const size_t rest = depth - begin;
    const size_t steps = rest < kConvolutionChain ? rest : kConvolutionChain;
    const PlaneSums sums = plane_chain(weights + begin, offsets + begin, steps, x);
    if (begin == 0) {
      total = sums;
    } else {
      for (size_t v = 0; v < kPlaneVectors; v++) total.of[v] = total.of[v] + sums.of[v];
    }
  }
  return total;
}

// Which vectors of a plane are computed together: places in rows that follow each other.
struct PlaneGroup {
  size_t rows;     // repeated every `rows` rows
  size_t vectors;  // of these rows together
  // Of each vector, relative to the first row of the group.
  size_t row[kPlaneVectors], column[kPlaneVectors];
};

// One plane, in groups of rows from the first to the last. What a vector writes past the end of its
// row is overwritten by the next one, so only the last rows of a plane with short rows need care.
BATCHNORM_INLINE void correlate_plane(const CorrelatedPlanes& planes, const PlaneGroup& group,
                                      size_t plane) {
  const float* const weights = planes.weights + plane * planes.weights_stride;
  const float* const plane_x = planes.x + plane * planes.x_plane;
  float* const plane_y = planes.y + plane * planes.y_plane;
  const F32 bias = F32::broadcast(planes.bias == nullptr ? 0.0f : planes.bias[plane]);
  const size_t pixels = planes.rows * planes.columns;
  for (size_t row = 0; row < planes.rows; row += group.rows) {
    // The last group may overlap the one before.
    if (row + group.rows > planes.rows) row = planes.rows - group.rows;
    const float* x[kPlaneVectors];
    for (size_t v = 0; v < kPlaneVectors; v++) {
      x[v] = plane_x + (row + group.row[v]) * planes.x_stride + group.column[v];
    }
    const PlaneSums sums = plane_sums(weights, planes.offsets, planes.depth, x);
    for (size_t v = 0; v < kPlaneVectors; v++) {
      const size_t pixel = (row + group.row[v]) * planes.columns + group.column[v];
      const F32 result = sums.of[v] + bias;
      if (pixel + F32::kLanes <= pixels) {
        result.store(plane_y + pixel);
      } else {
        result.store_first(plane_y + pixel, planes.columns);
      }
    }
  }
}

// For planes with rows so short that it takes fewer vectors if these continue in the next row. The
// gaps between the rows of x are computed as well, and the rows are then copied without them.
constexpr size_t kSpanFloats = 1024;

// Vectors from the first pixel of x to the last.
inline size_t span_vectors(const CorrelatedPlanes& planes) {
  const size_t pixels = (planes.rows - 1) * planes.x_stride + planes.columns;
  return (pixels + F32::kLanes - 1) / F32::kLanes;
}

BATCHNORM_INLINE void copy_span(const CorrelatedPlanes& planes, const float* span, float* y) {
  const size_t pixels = planes.rows * planes.columns;
  size_t pixel = 0;
  for (; pixel + F32::kLanes <= pixels; pixel += planes.columns, span += planes.x_stride) {
    F32::load(span).store(y + pixel);
  }
  for (; pixel < pixels; pixel += planes.columns, span += planes.x_stride) {
    F32::load(span).store_first(y + pixel, planes.columns);
  }
}

inline void correlate_spans(const CorrelatedPlanes& planes, size_t vectors) {
  // Copying the last row reads a whole vector.
  alignas(64) float spans[kSpanFloats + F32::kLanes] = {};
  const size_t floats = vectors * F32::kLanes;
  const size_t most = kSpanFloats / floats;
  for (size_t first = 0; first < planes.planes; first += most) {
    const size_t end = first + most < planes.planes ? first + most : planes.planes;
    for (size_t plane = first; plane < end; plane++) {
      const float* const weights = planes.weights + plane * planes.weights_stride;
      const float* const plane_x = planes.x + plane * planes.x_plane;
      const F32 bias = F32::broadcast(planes.bias == nullptr ? 0.0f : planes.bias[plane]);
      for (size_t vector = 0; vector < vectors; vector += kPlaneVectors) {
        size_t place[kPlaneVectors];
        const float* x[kPlaneVectors];
        for (size_t v = 0; v < kPlaneVectors; v++) {
          // Surplus vectors repeat the last one.
          place[v] = (vector + v < vectors ? vector + v : vectors - 1) * F32::kLanes;
          x[v] = plane_x + place[v];
        }
        const PlaneSums sums = plane_sums(weights, planes.offsets, planes.depth, x);
        float* const span = spans + (plane - first) * floats;
        for (size_t v = 0; v < kPlaneVectors; v++) (sums.of[v] + bias).store(span + place[v]);
      }
    }
    for (size_t plane = first; plane < end; plane++) {
      copy_span(planes, spans + (plane - first) * floats, planes.y + plane * planes.y_plane);
    }
  }
}

inline void correlate_planes(const CorrelatedPlanes& planes) {
  // Vectors of four lanes are hardly longer than a row. Copying a row takes as long as two
  // multiply-adds.
  if constexpr (F32::kLanes > 4) {
    const size_t spanned = span_vectors(planes);
    if (planes.columns < F32::kLanes && spanned * F32::kLanes <= kSpanFloats &&
        spanned * planes.depth + 2 * planes.rows < planes.rows * planes.depth) {
      return correlate_spans(planes, spanned);
    }
  }
  // The last vector of a row ends with the row, so it may overlap the one before. Short rows are
  // processed several at a time.
  const size_t last = planes.columns < F32::kLanes ? 0 : planes.columns - F32::kLanes;
  const size_t row_vectors = (last + F32::kLanes - 1) / F32::kLanes + 1;
  PlaneGroup group;
  group.rows = row_vectors < kPlaneVectors ? kPlaneVectors / row_vectors : 1;
  group.rows = group.rows < planes.rows ? group.rows : planes.rows;
  group.vectors = row_vectors * group.rows;
  for (size_t first = 0; first < group.vectors; first += kPlaneVectors) {
    for (size_t v = 0; v < kPlaneVectors; v++) {
      // Surplus vectors repeat the last one.
      const size_t i = first + v < group.vectors ? first + v : group.vectors - 1;
      const size_t place = i % row_vectors * F32::kLanes;
      group.row[v] = i / row_vectors;
      group.column[v] = place < last ? place : last;
    }
    for (size_t plane = 0; plane < planes.planes; plane++) correlate_plane(planes, group, plane);
  }
}

// Sums of the products of dy with the x of each tap. The taps are a parameter pack because in a
// loop over them g++ would keep the sums in memory.
template <size_t kAccumulators, size_t... kTaps>
struct TapSums {
  static constexpr size_t kCount = sizeof...(kTaps);
  F32 sums[kAccumulators * kCount];

  BATCHNORM_INLINE void clear() {
    ((sums[kTaps] = F32::zero()), ...);
    if constexpr (kAccumulators > 1) ((sums[kCount + kTaps] = F32::zero()), ...);
  }

  template <class LoadTap>
  BATCHNORM_INLINE void add(size_t accumulator, const F32& dy, const LoadTap& load_tap) {
    F32* const to = sums + accumulator * kCount;
    ((to[kTaps] = mul_add(load_tap(kTaps), dy, to[kTaps])), ...);
  }

  BATCHNORM_INLINE void total(float* totals) const {
    if constexpr (kAccumulators > 1) {
      const F32 both[kCount] = {(sums[kTaps] + sums[kCount + kTaps])...};
      total_lanes(both, totals);
    } else {
      const F32 all[kCount] = {sums[kTaps]...};
      total_lanes(all, totals);
    }
  }
};

// Taps that share the loads of dy: those of a 3 x 3 kernel where registers suffice, otherwise
// three, with two accumulators each to hide a part of the latency.
constexpr size_t kPlaneAccumulators = F32::kRegisters >= 32 ? 1 : 2;
constexpr size_t kPlaneTaps = F32::kRegisters >= 32 ? 9 : 3;

template <size_t kTaps>
struct PlaneTapSums;
template <>
struct PlaneTapSums<3> : TapSums<kPlaneAccumulators, 0, 1, 2> {};
template <>
struct PlaneTapSums<9> : TapSums<kPlaneAccumulators, 0, 1, 2, 3, 4, 5, 6, 7, 8> {};

inline void weight_gradient_plane(const WeightGradientPlane& plane) {
  PlaneTapSums<kPlaneTaps> sums;
  sums.clear();
  for (size_t image = 0; image < plane.images; image++) {
    for (size_t row = 0; row < plane.rows; row++) {
      const float* const x = plane.x + image * plane.image_stride + row * plane.row_stride;
      const float* const dy = plane.dy + image * plane.dy_image_stride + row * plane.dy_row_stride;
      const auto add_vector = [&](size_t accumulator, size_t i) {
        sums.add(accumulator, F32::load(dy + i),
                 [&](size_t t) { return F32::load(x + plane.offsets[t] + i); });
      };
      size_t i = 0;
      if constexpr (kPlaneAccumulators > 1) {
        for (; i + 2 * F32::kLanes <= plane.columns; i += 2 * F32::kLanes) {
          add_vector(0, i);
          add_vector(1, i + F32::kLanes);
        }
      }
      for (; i + F32::kLanes <= plane.columns; i += F32::kLanes) add_vector(0, i);
      if (i == plane.columns) continue;
      const size_t rest = plane.columns - i;
      sums.add(kPlaneAccumulators - 1, F32::load_first(dy + i, rest),
               [&](size_t t) { return F32::load_first(x + plane.offsets[t] + i, rest); });
    }
  }
  float totals[kPlaneTaps + F32::kLanes];
  sums.total(totals);
  for (size_t t = 0; t < kPlaneTaps; t++) {
    plane.sums[t * plane.sums_stride] += static_cast<double>(totals[t]);
  }
}
