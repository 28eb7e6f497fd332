// JavaScript's side of system/test_hooks.h, and machines that this one is not.
#include "binding/arguments.h"
#include "binding/exports.h"

#if defined(BATCHNORM_TEST_HOOKS)

#include "system/cache_size.h"
#include "system/test_hooks.h"
#include "system/thread_pool.h"

namespace batchnorm {

namespace {

// (number, and all after)
napi_value fail_one(Arguments& arguments) {
  const size_t number = arguments.size("number");
  const bool and_all_after = arguments.boolean("andAllAfter");
  if (arguments.ok()) fail_attempt(number, and_all_after);
  return nullptr;
}

napi_value hang_at(Arguments& arguments) {
  const size_t number = arguments.size("number");
  if (arguments.ok()) hang_at_attempt(number);
  return nullptr;
}

napi_value count_attempts(Arguments& arguments) {
  return Napi::Number::New(arguments.env(), static_cast<double>(attempts()));
}

// (l1, l2, last), in bytes
napi_value fake_cache_sizes(Arguments& arguments) {
  CacheSizes sizes = {};
  sizes.l1 = arguments.size("l1");
  sizes.l2 = arguments.size("l2");
  sizes.last = arguments.size("last");
  if (arguments.ok()) set_cache_sizes(sizes);
  return nullptr;
}

napi_value share_from(Arguments& arguments) {
  const size_t elements = arguments.size("elements");
  if (arguments.ok()) set_elements_per_thread(elements);
  return nullptr;
}

}  // namespace

void export_test_hooks(Exports& exports) {
  export_function<fail_one>(exports, "failAttempt");
  export_function<hang_at>(exports, "hangAtAttempt");
  export_function<count_attempts>(exports, "attempts");
  export_function<fake_cache_sizes>(exports, "setCacheSizes");
  export_function<share_from>(exports, "setElementsPerThread");
}

}  // namespace batchnorm

#endif
