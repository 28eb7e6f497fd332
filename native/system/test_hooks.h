// What tests reach into the library for, in builds with BATCHNORM_TEST_HOOKS: an allocation, or the
// start of a thread, that fails. Other builds contain nothing of it.
#pragma once

#include <cstddef>

namespace batchnorm {

#if defined(BATCHNORM_TEST_HOOKS)

// Counts one more attempt to get something from the system; true where it is to fail.
bool fails_here();

// Lets the attempt with this number fail, counted from 1 and from now on, and all after it where
// `and_all_after`; 0 lets none fail.
void fail_attempt(size_t number, bool and_all_after);

// Blocks the thread that makes the attempt with this number, counted from 1 and from now on, for
// ever; 0 blocks none.
void hang_at_attempt(size_t number);

// Attempts since the last fail_attempt or hang_at_attempt.
size_t attempts();

#else

constexpr bool fails_here() { return false; }

#endif

}  // namespace batchnorm
