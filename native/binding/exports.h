// What each file of binding/ adds to the addon's exports. The order of arguments is that of the
// methods of the same names in lib/backend/backend.ts.
#pragma once

#include <napi.h>

#include "binding/arguments.h"

namespace batchnorm {

// Adds a function that reads its arguments and returns its result, null for undefined. Straight
// through the C interface: a Napi::CallbackInfo allocates memory where there are more than six
// arguments.
template <napi_value (*kFunction)(Arguments&)>
void export_function(Napi::Object exports, const char* name) {
  const napi_env env = exports.Env();
  const napi_callback call = [](napi_env caller, napi_callback_info info) {
    Arguments arguments(caller, info);
    return kFunction(arguments);
  };
  napi_value function = nullptr;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, call,
                           exports.Env().GetInstanceData<AddonData>(), &function) == napi_ok) {
    exports.Set(name, function);
  }
}

void export_batch_norm(Napi::Object exports);
void export_elementwise(Napi::Object exports);
void export_reductions(Napi::Object exports);
void export_losses(Napi::Object exports);
void export_pool(Napi::Object exports);
void export_matmul(Napi::Object exports);
void export_convolution(Napi::Object exports);
void export_optimizers(Napi::Object exports);
void export_system(Napi::Object exports);
#if defined(BATCHNORM_TEST_HOOKS)
void export_test_hooks(Napi::Object exports);
#endif

}  // namespace batchnorm
