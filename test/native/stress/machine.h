// Machines on which results must have the same bits: other caches, other threads.
#pragma once

#include "stress/choices.h"

namespace stress {

// One thread and the caches of this machine. While no operation runs, as all here.
void set_plain_machine();

// Takes three bytes.
void set_machine(Choices& choices);

// Takes one byte. Small tensors mostly, since executions count; more than one chunk in some.
inline size_t choose_fuzzed_elements(Choices& choices) { return choices.one_in(16) ? 20000 : 1500; }

}  // namespace stress
