// What servers are fed: ordinary activations, and everything else a float can hold.
#pragma once

#include "ops/channel_chunks.h"
#include "stress/buffer.h"
#include "stress/choices.h"

namespace stress {

// Fills an NCHW tensor, each channel by a pattern: spread around a mean up to 1e6 deviations away,
// constant, one outlier, alternating signs, drift, bit patterns, subnormal, huge, zeros, a few
// ones.
void fill(Buffer& values, const batchnorm::ImageShape& shape, Choices& choices);

// The same for a tensor without channels.
void fill(Buffer& values, Choices& choices);

// Values such as scales and biases have; now and then anything.
void fill_parameters(Buffer& values, Choices& choices);

}  // namespace stress
