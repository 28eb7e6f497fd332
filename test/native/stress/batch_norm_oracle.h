// The oracle for batch normalization: computes the results in double from the same floats and
// compares them within the tolerances of the numerics contract. Each check returns a description of
// the first failure, or an empty string.
//
// The contract only holds within the range of float32. If a term of a sum or a factor overflows or
// underflows, the results of its channel are not checked, but those of all other channels are.
#pragma once

#include <string>

#include "ops/batch_norm_backward.h"
#include "ops/batch_norm_inference.h"
#include "ops/batch_norm_training.h"

namespace stress {

// `before_mean` and `before_var` are the running statistics before the call.
std::string check_training(const batchnorm::ImageShape& shape,
                           const batchnorm::BatchNormTraining& call, const float* before_mean,
                           const float* before_var);

// `x` is a copy of the input, which the result may have replaced.
std::string check_inference(const batchnorm::ImageShape& shape, const float* x,
                            const batchnorm::BatchNormInference& call);

// The gradients of training with `epsilon`. `dy` is a copy of the input, which dx may have
// replaced.
std::string check_backward(const batchnorm::ImageShape& shape, const float* dy, double epsilon,
                           const batchnorm::BatchNormBackward& call);

}  // namespace stress
