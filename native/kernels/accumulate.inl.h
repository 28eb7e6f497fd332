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

constexpr size_t kStep = kAccumulators * F32::kLanes;

// Into the second-level cache: the first one is full of what is being summed.
inline void prefetch(const float* p) {
#if defined(__GNUC__)
  __builtin_prefetch(p, 0, 2);
#else
  (void)p;
#endif
}

// One step of four vectors, `count` times; moves the offset.
template <class Sums>
inline void add_steps(Sums& sums, size_t& offset, size_t count) {
  for (size_t step = 0; step < count; step++, offset += kStep) {
    if constexpr (kStep >= 16) sums.prefetch_step(offset);
    sums.template add<0>(offset);
    sums.template add<1>(offset + F32::kLanes);
    sums.template add<2>(offset + 2 * F32::kLanes);
    sums.template add<3>(offset + 3 * F32::kLanes);
  }
}

// What is left of a row behind its steps: kRest whole vectors, and a partial one where kTail. Known
// to the compiler, since deciding it in every row takes as long as a row of 7x7 planes. Sums come
// and go by value, so that the accumulators stay in registers.
template <size_t kRest, bool kTail, class Sums>
typename Sums::Totals accumulate_rows(const Block& block, Sums sums) {
  constexpr bool kLeft = kRest > 0 || kTail;
  const size_t steps = block.length / kStep;
  const size_t tail = block.length % F32::kLanes;
  size_t additions = 0;
  for (size_t image = 0; image < block.images; image++) {
    size_t offset = image * block.image_stride;
    if (steps < kAdditions) {
      if (additions + steps + kLeft > kAdditions) {
        sums.flush();
        additions = 0;
      }
      add_steps(sums, offset, steps);
      additions += steps;
    } else {
      for (size_t left = steps; left > 0;) {
        if (additions == kAdditions) {
          sums.flush();
          additions = 0;
        }
        const size_t count = std::min(left, kAdditions - additions);
        add_steps(sums, offset, count);
        left -= count;
        additions += count;
      }
      if (kLeft && additions == kAdditions) {
        sums.flush();
        additions = 0;
      }
    }
    if constexpr (kLeft) {
      sums.prefetch_step(offset);
    }
    if constexpr (kRest > 0) sums.template add<0>(offset);
    if constexpr (kRest > 1) sums.template add<1>(offset + F32::kLanes);
    if constexpr (kRest > 2) sums.template add<2>(offset + 2 * F32::kLanes);
    if constexpr (kTail) sums.add_first(offset + kRest * F32::kLanes, tail);
    additions += kLeft;
  }
  sums.flush();
  return sums.totals();
}

// Sums provides: add<k>(offset), a whole vector at `offset` into accumulator k;
// add_first(offset, n), n < kLanes floats into the last one; flush(), lanes into doubles;
// totals(), what came of it; and prefetch_step(offset) for a step of four vectors, see Block::next.
template <class Sums>
typename Sums::Totals accumulate(const Block& block, const Sums& sums) {
  const bool tail = block.length % F32::kLanes > 0;
  switch (block.length % kStep / F32::kLanes) {
    case 0:
      return tail ? accumulate_rows<0, true>(block, sums) : accumulate_rows<0, false>(block, sums);
    case 1:
      return tail ? accumulate_rows<1, true>(block, sums) : accumulate_rows<1, false>(block, sums);
    case 2:
      return tail ? accumulate_rows<2, true>(block, sums) : accumulate_rows<2, false>(block, sums);
    default:
      return tail ? accumulate_rows<3, true>(block, sums) : accumulate_rows<3, false>(block, sums);
  }
}

// Four accumulators of one quantity. Members, not an array: g++ clears an array with an instruction
// that takes longer than a row, and then keeps it in memory.
struct Accumulators {
  F32 lanes0, lanes1, lanes2, lanes3;
  F64Sum sum;

  template <size_t k>
  F32& lanes() {
    static_assert(k < kAccumulators, "one of four");
    if constexpr (k == 0) return lanes0;
    if constexpr (k == 1) return lanes1;
    if constexpr (k == 2) return lanes2;
    if constexpr (k == 3) return lanes3;
  }
  void flush() {
    sum.add((lanes0 + lanes1) + (lanes2 + lanes3));
    lanes0 = lanes1 = lanes2 = lanes3 = F32::zero();
  }
  static Accumulators zero() {
    return {F32::zero(), F32::zero(), F32::zero(), F32::zero(), F64Sum::zero()};
  }
};
