#include "ops/axis_reductions.h"

#include "binding/arguments.h"
#include "binding/exports.h"
#include "binding/signatures.h"

namespace batchnorm {

namespace {

Result sum_axis_call(Arguments& arguments, const SumAxisCall& call) {
  return arguments.finish(sum_axis(arguments.kernels(), call.x, call.y,
                                   {call.outer, call.length, call.inner}, call.divisor));
}

Extremum extremum_of(bool minimum) { return minimum ? Extremum::kMin : Extremum::kMax; }

Result extremum_axis_call(Arguments& arguments, const ExtremumAxisCall& call) {
  return arguments.finish(extremum_axis(arguments.kernels(), call.x, call.y,
                                        {call.outer, call.length, call.inner},
                                        extremum_of(call.minimum)));
}

Result extremum_axis_backward_call(Arguments& arguments, const ExtremumAxisBackwardCall& call) {
  return arguments.finish(extremum_axis_backward(call.x, call.y, call.dy, call.dx,
                                                 {call.outer, call.length, call.inner}));
}

Result extremum_index_axis_call(Arguments& arguments, const ExtremumIndexAxisCall& call) {
  extremum_index_axis(arguments.kernels(), call.x, call.y, {call.outer, call.length, call.inner},
                      extremum_of(call.minimum));
  return nullptr;
}

}  // namespace

void export_axis_reductions(Exports& exports) {
  export_operation<SumAxisCall, sum_axis_call>(exports);
  export_operation<ExtremumAxisCall, extremum_axis_call>(exports);
  export_operation<ExtremumAxisBackwardCall, extremum_axis_backward_call>(exports);
  export_operation<ExtremumIndexAxisCall, extremum_index_axis_call>(exports);
}

}  // namespace batchnorm
