#include "stress/cases.h"

#include "dispatch.h"
#include "stress/operations.h"

namespace stress {

namespace {

using Operation = Outcome (*)(const Setting&);

// Complex operations occur more often. The order must not change, because found_cases_test.cc
// stores cases as bytes that index this table: a new operation replaces one of several equal
// entries.
constexpr Operation kOperations[] = {run_axis_reduction,
                                     run_group_norm,
                                     run_convolution,
                                     run_max_pool,
                                     run_inference,
                                     run_matmul,
                                     run_sum,
                                     run_log_softmax,
                                     run_strided_copy,
                                     run_training,
                                     run_training,
                                     run_avg_pool,
                                     run_inference_with_relu,
                                     run_training_with_relu,
                                     run_activation,
                                     run_activation_gradient,
                                     run_softmax,
                                     run_training,
                                     run_max_pool,
                                     run_avg_pool,
                                     run_optimizer_step,
                                     run_training_in_steps,
                                     run_general_convolution,
                                     run_weighted_loss,
                                     run_training,
                                     run_convolution,
                                     run_packed_convolution,
                                     run_training,
                                     run_arithmetic,
                                     run_loss,
                                     run_dropout,
                                     run_row_reduction};
constexpr size_t kCount = sizeof kOperations / sizeof *kOperations;

}  // namespace

Outcome run_case(Choices& choices, size_t max_elements, const batchnorm::Kernels* only) {
  // Read even if `only` is given, so that the other bytes have the same meaning.
  const bool scalar = choices.one_in(3);
  if (scalar && only == nullptr) only = batchnorm::find_kernels("scalar");
  const Setting setting = {choices, only != nullptr ? *only : batchnorm::best_kernels(),
                           max_elements};
  return kOperations[choices.below(kCount)](setting);
}

}  // namespace stress
