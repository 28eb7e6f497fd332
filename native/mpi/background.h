// Sums that the queue's thread computes while JavaScript's thread keeps running, such as those of
// gradients during the backward pass. Both functions are called on JavaScript's thread.
#pragma once

#include "mpi/exchange.h"

namespace batchnorm {

// Starts a call whose result replaces its values, on a copy of them; false without memory or a
// thread. `result` and `report` are not used.
bool post_call(const MpiCall& call);

// Waits for the posted call with this number, at most until its timeout. Writes `bytes` of the
// result unless the call failed, and the report.
MpiStatus collect_call(double number, uint8_t* result, size_t bytes, double* report);

}  // namespace batchnorm
