// The operations that cases are made of.
#pragma once

#include "stress/setting.h"

namespace stress {

// batch_norm_cases.cc
Outcome train(const Setting& setting);
Outcome infer(const Setting& setting);
// batch_norm_relu_cases.cc
Outcome train_with_relu(const Setting& setting);
Outcome infer_with_relu(const Setting& setting);
// convolution_cases.cc
Outcome convolve(const Setting& setting);
// pool_cases.cc
Outcome pool_max(const Setting& setting);
Outcome pool_mean(const Setting& setting);
// matmul_cases.cc
Outcome multiply(const Setting& setting);
// reduction_cases.cc
Outcome add_up(const Setting& setting);
Outcome reduce_rows(const Setting& setting);
// softmax_cases.cc
Outcome soften_to_logarithms(const Setting& setting);
Outcome soften(const Setting& setting);
// activation_cases.cc
Outcome activate(const Setting& setting);
Outcome differentiate_activation(const Setting& setting);
// elementwise_cases.cc
Outcome calculate(const Setting& setting);
Outcome drop_out(const Setting& setting);
// loss_cases.cc
Outcome lose(const Setting& setting);
// optimizer_cases.cc
Outcome step(const Setting& setting);

}  // namespace stress
