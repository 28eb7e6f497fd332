// What batch normalization must give: computed in double from the same floats, compared within the
// tolerances of the numerics contract. Each check returns what is wrong, or an empty text.
//
// The contract holds for what floats can hold. Where a term of a sum or a factor leaves their
// range, only the channel that it is in may suffer: nothing is asked of it, all is asked of the
// others.
#pragma once

#include <string>

#include "ops/batch_norm_backward.h"
#include "ops/batch_norm_inference.h"
#include "ops/batch_norm_training.h"

namespace stress {

// `x` is what was given, `before_mean` and `before_var` the running statistics before the call.
std::string check_training(const batchnorm::ImageShape& shape,
                           const batchnorm::BatchNormTraining& call, const float* before_mean,
                           const float* before_var);

// `x` is what was given, even where the result replaced it.
std::string check_inference(const batchnorm::ImageShape& shape, const float* x,
                            const batchnorm::BatchNormInference& call);

// The gradients of training with `epsilon` on x; `dy` is what was given, even where dx replaced it.
std::string check_backward(const batchnorm::ImageShape& shape, const float* dy, double epsilon,
                           const batchnorm::BatchNormBackward& call);

}  // namespace stress
