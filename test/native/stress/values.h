// Values for tensors: ordinary activations, and everything else that a float can be.
#pragma once

#include "ops/channel_chunks.h"
#include "stress/buffer.h"
#include "stress/choices.h"

namespace stress {

// Fills an NCHW tensor, each channel with a pattern: values around a mean of up to 1e6 standard
// deviations, constant, one outlier, alternating, drift, bit patterns, subnormal, huge, zeros, a
// few ones.
void fill(Buffer& values, const batchnorm::ImageShape& shape, Choices& choices);

// The same for a tensor of one channel.
void fill(Buffer& values, Choices& choices);

// Fills in values that are typical of scales and biases; sometimes special ones.
void fill_parameters(Buffer& values, Choices& choices);

}  // namespace stress
