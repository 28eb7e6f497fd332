// Walks the rows of one channel for the sums of moments and gradient_sums.
//
// Every addition in a float lane may be off by 2^-24 of what the lane holds, and unlucky terms are
// off in the same direction each time: a large one followed by many of just over half its last bit.
// So a lane is emptied into doubles after kAdditions terms. With the rounding of a deviation, of
// its square and of adding the four lanes up, a sum of squares is then within (12 + 4) * 2^-24
// = 9.6e-7 of the truth whatever the data are; 32 terms were measured to miss by 1.5e-6.
constexpr size_t kAdditions = 12;

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
