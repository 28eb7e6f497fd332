// Functions of the files of binding/ that add their exports to the addon.
#pragma once

#include "binding/arguments.h"

#if defined(__wasm__)
#include "wasm/exports.h"
#else
#include <napi.h>

namespace batchnorm {

using Exports = Napi::Object;

// Adds a function that reads its arguments and returns its result, null for undefined. Through the
// C interface, because a Napi::CallbackInfo allocates memory for more than six arguments.
template <Result (*kFunction)(Arguments&), size_t kCount = Arguments::kMax>
void export_function(Exports& exports, const char* name) {
  const napi_env env = exports.Env();
  const napi_callback call = [](napi_env caller, napi_callback_info info) {
    Arguments arguments(caller, info, kCount);
    return kFunction(arguments);
  };
  napi_value function = nullptr;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, call,
                           exports.Env().GetInstanceData<AddonData>(), &function) == napi_ok) {
    exports.Set(name, function);
  }
}

template <class Call, auto kOperation>
Result read_and_run(Arguments& arguments) {
  Call call;
  return call.read(arguments) ? kOperation(arguments, call) : nullptr;
}

// Adds an operation, under the name and with the arguments of its struct in binding/signatures.h.
// It runs once all arguments are read and every length is checked.
template <class Call, auto kOperation>
void export_operation(Exports& exports) {
  export_function<read_and_run<Call, kOperation>, Call::kCount>(exports, Call::kName);
  if constexpr (Call::kPlanned) {
    AddonData& data = *exports.Env().GetInstanceData<AddonData>();
    if (data.operation_count < AddonData::kMaxOperations) {
      data.operations[data.operation_count++] = {Call::kName, read_and_run<Call, kOperation>};
    }
  }
}

}  // namespace batchnorm
#endif

namespace batchnorm {

void export_batch_norm(Exports& exports);
void export_elementwise(Exports& exports);
void export_reductions(Exports& exports);
void export_losses(Exports& exports);
void export_pool(Exports& exports);
void export_matmul(Exports& exports);
void export_convolution(Exports& exports);
void export_optimizers(Exports& exports);
void export_strided_copy(Exports& exports);
void export_group_norm(Exports& exports);
void export_axis_reductions(Exports& exports);
void export_system(Exports& exports);
void export_mpi(Exports& exports);
void export_plan(Exports& exports);
#if defined(BATCHNORM_TEST_HOOKS)
void export_test_hooks(Exports& exports);
#endif

}  // namespace batchnorm
