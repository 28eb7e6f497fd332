// Weight gradients of 3 taps (a row of a 3 x 3 kernel) × several output channels, with one pixel
// per lane. x and dy are both read in place without a transposition. With 32 registers, 11 loads
// serve 24 multiply-adds; with 16 registers, 7 loads serve 12.
constexpr size_t kPlanesTaps = 3;
constexpr size_t kPlanesChannels = F32::kRegisters >= 32 ? 8 : 4;

// totals[i] = the sum of the lanes of vectors[i]. Each step adds pairs of lanes and halves the
// number of vectors. A template, so that everything stays in registers.
template <size_t kCount, size_t kLanesEach = F32::kLanes>
inline void total_lanes(const F32 (&vectors)[kCount], float* totals) {
  if constexpr (kLanesEach == 1) {
    for (size_t i = 0; i < kCount; i++) vectors[i].store(totals + i * F32::kLanes);
  } else {
    constexpr size_t kHalf = (kCount + 1) / 2;
    F32 sums[kHalf];
    for (size_t i = 0; i < kHalf; i++) {
      const F32 first = vectors[2 * i];
      const F32 second = vectors[2 * i + 1 < kCount ? 2 * i + 1 : 2 * i];
      sums[i] = even_lanes(first, second) + odd_lanes(first, second);
    }
    total_lanes<kHalf, kLanesEach / 2>(sums, totals);
  }
}

inline void weight_gradient_planes(const WeightGradientPlanes& planes) {
  constexpr size_t kGroups = kPlanesChannels / 4;
  // Nested, so that each loop is short enough for g++ to unroll. If one is not, all sums are
  // stored in every step, which takes twice as long as the multiplications.
  F32 sums[kGroups][4][kPlanesTaps];
  for (size_t group = 0; group < kGroups; group++) {
    for (size_t channel = 0; channel < 4; channel++) {
      for (size_t tap = 0; tap < kPlanesTaps; tap++) sums[group][channel][tap] = F32::zero();
    }
  }
  const size_t x_gap = planes.row_stride - planes.columns;
  const size_t dy_gap = planes.dy_row_stride - planes.columns;
  const size_t stride = planes.dy_channel_stride;
  const size_t stride3 = in_register(3 * stride);
  // A later tap may lie before an earlier one.
  const auto from_first = [&](size_t tap) {
    return static_cast<ptrdiff_t>(planes.offsets[tap]) - static_cast<ptrdiff_t>(planes.offsets[0]);
  };
  const ptrdiff_t second = from_first(1), third = from_first(2);
  // do-while: each loop runs at least once, and g++ keeps the sums in registers.
  size_t image = 0;
  do {
    const float* x = planes.x + image * planes.image_stride + planes.offsets[0];
    const float* dy[kGroups];
    for (size_t group = 0; group < kGroups; group++) {
      dy[group] = in_register(planes.dy + image * planes.dy_image_stride + 4 * group * stride);
    }
    size_t lines = planes.rows;
    do {
      const float* const end = x + planes.columns;
      do {
        const F32 pixels[kPlanesTaps] = {F32::load(x), F32::load(x + second), F32::load(x + third)};
        for (size_t group = 0; group < kGroups; group++) {
          const float* const from[4] = {dy[group], dy[group] + stride, dy[group] + 2 * stride,
                                        dy[group] + stride3};
          dy[group] += F32::kLanes;
          for (size_t channel = 0; channel < 4; channel++) {
            const F32 gradient = in_register(F32::load(from[channel]));
            for (size_t tap = 0; tap < kPlanesTaps; tap++) {
              F32& sum = sums[group][channel][tap];
              sum = mul_add(pixels[tap], gradient, sum);
            }
          }
        }
        x += F32::kLanes;
      } while (x != end);
      x += x_gap;
      for (const float*& each : dy) each += dy_gap;
    } while (--lines > 0);
  } while (++image < planes.images);
  constexpr size_t kSums = kPlanesTaps * kPlanesChannels;
  F32 vectors[kSums];
  for (size_t group = 0; group < kGroups; group++) {
    for (size_t channel = 0; channel < 4; channel++) {
      for (size_t tap = 0; tap < kPlanesTaps; tap++) {
        vectors[tap * kPlanesChannels + 4 * group + channel] = sums[group][channel][tap];
      }
    }
  }
  float totals[kSums + F32::kLanes];
  total_lanes(vectors, totals);
  for (size_t tap = 0; tap < kPlanesTaps; tap++) {
    for (size_t channel = 0; channel < kPlanesChannels; channel++) {
      planes.sums[tap * planes.sums_stride + channel] +=
          static_cast<double>(totals[tap * kPlanesChannels + channel]);
    }
  }
}
