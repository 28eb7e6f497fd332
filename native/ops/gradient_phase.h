// Phases of the input gradient of a strided convolution. A phase consists of the inputs in every
// stride-th row (or column), which are all multiplied with the same kernel taps. Their gradient is
// therefore a stride-1 correlation of dy with these taps flipped. Dilation makes the taps read
// every `step`-th row of dy.
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "ops/convolution.h"
#include "ops/correlation.h"
#include "ops/input_window.h"
#include "ops/sizes.h"

namespace batchnorm {

// Along one axis, the inputs phase, phase + stride, ...
struct GradientPhase {
  GradientPhase(size_t phase, const ConvolutionAxis& axis)
      : count(ceil_divide(axis.size - phase, axis.stride)) {
    // Kernel tap t multiplies input j of the phase with dy[j + (start - t * dilation) / stride], if
    // that is a whole number. This holds for every tap_step-th tap or for none.
    const size_t start = phase + axis.padding;
    size_t divisor = 1;
    if (axis.dilation == 1) {
      first_tap = start % axis.stride;
    } else {
      divisor = std::gcd(axis.stride, axis.dilation);
      first_tap = start % divisor == 0 ? first_dilated_tap(start, axis) : axis.kernel;
    }
    if (first_tap >= axis.kernel) return;
    tap_step = axis.stride / divisor;
    step = axis.dilation / divisor;
    taps = ceil_divide(axis.kernel - first_tap, tap_step);
    // Exact, so the quotient of a negative distance is not rounded. Flipped tap u is tap first_tap
    // + (taps - 1 - u) * tap_step.
    const ptrdiff_t distance =
        static_cast<ptrdiff_t>(start) - static_cast<ptrdiff_t>(first_tap * axis.dilation);
    first =
        distance / static_cast<ptrdiff_t>(axis.stride) - static_cast<ptrdiff_t>((taps - 1) * step);
  }

  ptrdiff_t last() const { return first + static_cast<ptrdiff_t>((taps - 1) * step); }
  size_t kernel_tap(size_t flipped_tap) const {
    return first_tap + (taps - 1 - flipped_tap) * tap_step;
  }

  size_t count;
  size_t first_tap = 0, taps = 0, tap_step = 1;
  ptrdiff_t first = 0;  // the row of dy that flipped tap 0 multiplies for input 0
  size_t step = 1;      // rows of dy from one flipped tap to the next

 private:
  // The first tap that reaches whole rows of dy, if that is below the kernel.
  static size_t first_dilated_tap(size_t start, const ConvolutionAxis& axis) {
    const size_t stride = axis.stride;
    size_t tap = 0;
    while (tap < axis.kernel && start % stride != tap * axis.dilation % stride) tap++;
    return tap;
  }
};

// The rows of dy that the phases of an axis read, as the taps of one kernel.
inline KernelAxis joint_axis(size_t phases, const ConvolutionAxis& axis) {
  bool found = false;
  ptrdiff_t first = 0;
  ptrdiff_t last = 0;
  size_t step = 1;
  for (size_t i = 0; i < phases; i++) {
    const GradientPhase phase(i, axis);
    if (phase.taps == 0) continue;
    const ptrdiff_t earlier = found ? std::min(first, phase.first) : phase.first;
    if (found) {
      step = std::gcd(step, static_cast<size_t>(std::max(first, phase.first) - earlier));
    } else {
      step = phase.step;
    }
    last = found ? std::max(last, phase.last()) : phase.last();
    first = earlier;
    found = true;
  }
  return {static_cast<size_t>(last - first) / step + 1, first, step, 1};
}

// The taps of a joint axis that a phase uses.
inline TapRange phase_taps(const GradientPhase& phase, const KernelAxis& joint) {
  return {static_cast<size_t>(phase.first - joint.first) / joint.step, phase.taps,
          phase.step / joint.step};
}

}  // namespace batchnorm
