#include "stress/cases.h"

#include "dispatch.h"
#include "stress/operations.h"

namespace stress {

namespace {

using Operation = Outcome (*)(const Setting&);

// Some more often than others, by how much can go wrong in them. Cases that once failed are bytes
// (found_cases_test.cc), so that what stands here keeps its place: a new operation takes that of
// one that has several.
constexpr Operation kOperations[] = {convolve,
                                     convolve,
                                     convolve,
                                     pool_max,  //
                                     infer,
                                     multiply,
                                     add_up,
                                     soften_to_logarithms,  //
                                     convolve,
                                     train,
                                     train,
                                     pool_mean,  //
                                     infer_with_relu,
                                     train_with_relu,
                                     activate,
                                     differentiate_activation,  //
                                     soften,
                                     train,
                                     pool_max,
                                     pool_mean,  //
                                     step,
                                     train_with_relu,
                                     activate,
                                     differentiate_activation,  //
                                     train,
                                     convolve,
                                     pool_max,
                                     train,  //
                                     calculate,
                                     lose,
                                     drop_out,
                                     reduce_rows};
constexpr size_t kCount = sizeof kOperations / sizeof *kOperations;

}  // namespace

Outcome run_case(Choices& choices, size_t most_elements, const batchnorm::Kernels* only) {
  // Read in any case, so that the other bytes mean the same with one ISA as with all.
  const bool scalar = choices.one_in(3);
  const batchnorm::Kernels& chosen =
      scalar ? *batchnorm::find_kernels("scalar") : batchnorm::best_kernels();
  const Setting setting = {choices, only != nullptr ? *only : chosen, most_elements};
  return kOperations[choices.below(kCount)](setting);
}

}  // namespace stress
