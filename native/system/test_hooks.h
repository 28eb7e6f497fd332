// Lets tests make an allocation or the start of a thread fail, in builds with BATCHNORM_TEST_HOOKS.
// In other builds fails_here() is a constant and nothing else exists.
#pragma once

#include <cstddef>

namespace batchnorm {

#if defined(BATCHNORM_TEST_HOOKS)

// Called before each request to the system. Counts it, and returns whether it must fail.
bool fails_here();

// Makes attempt `number` fail, counted from 1 from now on, and all later ones if `and_all_after`.
// With 0, none fails.
void fail_attempt(size_t number, bool and_all_after);

// Blocks the thread that makes attempt `number` forever, counted from 1 from now on; 0 blocks none.
void hang_at_attempt(size_t number);

// The number of attempts since the last call of fail_attempt or hang_at_attempt.
size_t attempts();

#else

constexpr bool fails_here() { return false; }

#endif

}  // namespace batchnorm
