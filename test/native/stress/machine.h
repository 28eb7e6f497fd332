// Imitates machines with other cache sizes and numbers of threads, on which results must have the
// same bits.
#pragma once

#include "stress/choices.h"

namespace stress {

// One thread and the cache sizes of this machine. No operation may run during calls of these
// functions.
void set_plain_machine();

// A random machine; takes three bytes of `choices`.
void set_machine(Choices& choices);

// Limit on the elements of a tensor while fuzzing; takes one byte of `choices`. Mostly small for
// many executions per second, sometimes large enough for more than one chunk.
inline size_t choose_fuzzed_elements(Choices& choices) { return choices.one_in(16) ? 20000 : 1500; }

}  // namespace stress
