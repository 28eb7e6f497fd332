// Machines on which results must have the same bits: other caches, other threads.
#pragma once

#include "stress/choices.h"

namespace stress {

// One thread and the caches of this machine. While no operation runs, as all here.
void set_plain_machine();

// Takes three bytes.
void set_machine(Choices& choices);

}  // namespace stress
