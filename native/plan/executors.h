// Threads that run calls of compiled plans, apart from JavaScript's. They start when they are
// needed, sleep when there is nothing to do and live until the process ends. An operation that is
// large enough is divided among the threads of system/thread_pool.h, too.
#pragma once

namespace batchnorm {

// Something to run. Its memory must last until `run` is called, which may free it.
struct Errand {
  void (*run)(Errand*);
  Errand* next;
};

// Runs an errand on one of the threads. False if there is no thread and the system refuses one.
bool send(Errand* errand);

}  // namespace batchnorm
