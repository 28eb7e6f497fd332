// What each file of binding/ adds to the addon's exports. The order of arguments is that of the
// methods of the same names in lib/backend/backend.ts.
#pragma once

#include <napi.h>

namespace batchnorm {

void export_batch_norm(Napi::Env env, Napi::Object exports);
void export_elementwise(Napi::Env env, Napi::Object exports);
void export_reductions(Napi::Env env, Napi::Object exports);
void export_matmul(Napi::Env env, Napi::Object exports);
void export_optimizers(Napi::Env env, Napi::Object exports);
void export_system(Napi::Env env, Napi::Object exports);

}  // namespace batchnorm
