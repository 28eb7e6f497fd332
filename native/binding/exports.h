// What each file of binding/ adds to the addon's exports.
#pragma once

#include <napi.h>

#include "binding/arguments.h"

namespace batchnorm {

// Adds a function that reads its arguments and returns its result, null for undefined. Through the
// C interface, because a Napi::CallbackInfo allocates memory for more than six arguments.
template <napi_value (*kFunction)(Arguments&), size_t kCount = Arguments::kMax>
void export_function(Napi::Object exports, const char* name) {
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
napi_value read_and_run(Arguments& arguments) {
  Call call;
  return call.read(arguments) ? kOperation(arguments, call) : nullptr;
}

// Adds an operation, under the name and with the arguments of its struct in binding/signatures.h.
// It runs once all arguments are read and every length is checked.
template <class Call, auto kOperation>
void export_operation(Napi::Object exports) {
  export_function<read_and_run<Call, kOperation>, Call::kCount>(exports, Call::kName);
}

void export_batch_norm(Napi::Object exports);
void export_elementwise(Napi::Object exports);
void export_reductions(Napi::Object exports);
void export_losses(Napi::Object exports);
void export_pool(Napi::Object exports);
void export_matmul(Napi::Object exports);
void export_convolution(Napi::Object exports);
void export_optimizers(Napi::Object exports);
void export_strided_copy(Napi::Object exports);
void export_group_norm(Napi::Object exports);
void export_axis_reductions(Napi::Object exports);
void export_system(Napi::Object exports);
void export_mpi(Napi::Object exports);
#if defined(BATCHNORM_TEST_HOOKS)
void export_test_hooks(Napi::Object exports);
#endif

}  // namespace batchnorm
