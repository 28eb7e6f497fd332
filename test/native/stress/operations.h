// The functions that choose, run and check a case, one or more per operation. cases.cc selects
// among them.
#pragma once

#include "stress/setting.h"

namespace stress {

// batch_norm_cases.cc
Outcome run_training(const Setting& setting);
Outcome run_inference(const Setting& setting);
// batch_norm_relu_cases.cc
Outcome run_training_with_relu(const Setting& setting);
Outcome run_inference_with_relu(const Setting& setting);
// batch_norm_steps_cases.cc
Outcome run_training_in_steps(const Setting& setting);
// group_norm_cases.cc
Outcome run_group_norm(const Setting& setting);
// convolution_cases.cc
Outcome run_convolution(const Setting& setting);
Outcome run_general_convolution(const Setting& setting);
Outcome run_packed_convolution(const Setting& setting);
// axis_reduction_cases.cc
Outcome run_axis_reduction(const Setting& setting);
// pool_cases.cc
Outcome run_max_pool(const Setting& setting);
Outcome run_avg_pool(const Setting& setting);
// strided_copy_cases.cc
Outcome run_strided_copy(const Setting& setting);
// matmul_cases.cc
Outcome run_matmul(const Setting& setting);
// reduction_cases.cc
Outcome run_sum(const Setting& setting);
Outcome run_row_reduction(const Setting& setting);
// softmax_cases.cc
Outcome run_log_softmax(const Setting& setting);
Outcome run_softmax(const Setting& setting);
// activation_cases.cc
Outcome run_activation(const Setting& setting);
Outcome run_activation_gradient(const Setting& setting);
// elementwise_cases.cc
Outcome run_arithmetic(const Setting& setting);
Outcome run_dropout(const Setting& setting);
// loss_cases.cc
Outcome run_loss(const Setting& setting);
Outcome run_weighted_loss(const Setting& setting);
// optimizer_cases.cc
Outcome run_optimizer_step(const Setting& setting);

}  // namespace stress
