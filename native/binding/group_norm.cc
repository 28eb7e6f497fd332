#include "ops/group_norm.h"

#include "binding/arguments.h"
#include "binding/exports.h"
#include "binding/signatures.h"

namespace batchnorm {

namespace {

template <class Call>
GroupShape shape_of(const Call& call) {
  return {call.images, call.groups, call.channels, call.plane};
}

Result forward(Arguments& arguments, const GroupNormCall& call) {
  GroupNorm params = {};
  params.x = call.x;
  params.scale = call.scale;
  params.bias = call.bias;
  params.epsilon = call.epsilon;
  params.centered = call.centered;
  params.y = call.y;
  params.mean = call.mean;
  params.mean_low = call.mean_low;
  params.inv_std = call.inv_std;
  return arguments.finish(group_norm(arguments.kernels(), shape_of(call), params));
}

Result backward(Arguments& arguments, const GroupNormBackwardCall& call) {
  GroupNormBackward params = {};
  params.x = call.x;
  params.dy = call.dy;
  params.scale = call.scale;
  params.mean = call.mean;
  params.mean_low = call.mean_low;
  params.inv_std = call.inv_std;
  params.centered = call.centered;
  params.dx = call.dx;
  params.dscale = call.dscale;
  params.dbias = call.dbias;
  return arguments.finish(group_norm_backward(arguments.kernels(), shape_of(call), params));
}

}  // namespace

void export_group_norm(Exports& exports) {
  export_operation<GroupNormCall, forward>(exports);
  export_operation<GroupNormBackwardCall, backward>(exports);
}

}  // namespace batchnorm
