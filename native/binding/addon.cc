#include <napi.h>

#include "binding/arguments.h"
#include "binding/exports.h"
#include "dispatch.h"

// Runs once per JavaScript environment that loads the addon: the main thread, each worker.
static Napi::Object init(Napi::Env env, Napi::Object exports) {
  using namespace batchnorm;
  env.SetInstanceData(new AddonData{&best_kernels(), {}, 0, nullptr});
  export_batch_norm(exports);
  export_elementwise(exports);
  export_reductions(exports);
  export_losses(exports);
  export_pool(exports);
  export_matmul(exports);
  export_convolution(exports);
  export_optimizers(exports);
  export_strided_copy(exports);
  export_group_norm(exports);
  export_axis_reductions(exports);
  export_system(exports);
  export_mpi(exports);
  export_plan(exports);
#if defined(BATCHNORM_TEST_HOOKS)
  export_test_hooks(exports);
#endif
  return exports;
}

NODE_API_MODULE(batchnorm, init)
