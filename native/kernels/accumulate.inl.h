// Walks the rows of one channel for the sums of moments and gradient_sums.
//
// Float lanes lose one bit for every doubling of the terms they take in; equal terms lose it always
// in the same direction. After kAdditions terms a lane is therefore emptied into doubles, which
// bounds the relative error of a sum of equal terms by about 32 / 3 * 2^-24 = 6e-7 at any length.
constexpr size_t kAdditions = 32;

// Four independent accumulators hide the latency of the addition.
constexpr size_t kAccumulators = 4;

// Sums provides: add<k>(offset), a whole vector at `offset` into accumulator k;
// add_first(offset, n), n < kLanes floats into the last one; and flush(), lanes into doubles.
template <class Sums>
void accumulate(const Block& block, Sums& sums) {
  constexpr size_t kStep = kAccumulators * F32::kLanes;
  size_t additions = 0;
  for (size_t image = 0; image < block.images; image++) {
    size_t offset = image * block.image_stride;
    size_t left = block.length;
    while (left >= kStep) {
      const size_t steps = std::min(left / kStep, kAdditions - additions);
      for (size_t step = 0; step < steps; step++, offset += kStep) {
        sums.template add<0>(offset);
        sums.template add<1>(offset + F32::kLanes);
        sums.template add<2>(offset + 2 * F32::kLanes);
        sums.template add<3>(offset + 3 * F32::kLanes);
      }
      left -= steps * kStep;
      additions += steps;
      if (additions == kAdditions) {
        sums.flush();
        additions = 0;
      }
    }
    if (left == 0) continue;
    if (left >= F32::kLanes) {
      sums.template add<0>(offset);
      offset += F32::kLanes;
      left -= F32::kLanes;
    }
    if (left >= F32::kLanes) {
      sums.template add<1>(offset);
      offset += F32::kLanes;
      left -= F32::kLanes;
    }
    if (left >= F32::kLanes) {
      sums.template add<2>(offset);
      offset += F32::kLanes;
      left -= F32::kLanes;
    }
    if (left > 0) sums.add_first(offset, left);
    if (++additions == kAdditions) {
      sums.flush();
      additions = 0;
    }
  }
  sums.flush();
}

// Four accumulators of one quantity.
struct Accumulators {
  F32 lanes[kAccumulators];
  F64Sum sum;

  void clear() {
    for (F32& each : lanes) each = F32::zero();
  }
  void flush() {
    sum.add((lanes[0] + lanes[1]) + (lanes[2] + lanes[3]));
    clear();
  }
  static Accumulators zero() {
    Accumulators result;
    result.clear();
    result.sum = F64Sum::zero();
    return result;
  }
};
