// A thread that runs jobs in order: MPI's initialization, and the calls that return promises.
#pragma once

namespace batchnorm {

struct MpiJob {
  MpiJob* next = nullptr;
  // Runs on the thread. The job may be freed by then.
  void (*run)(MpiJob*) = nullptr;
};

// Starts the thread with the first job; false if the system refuses.
bool enqueue(MpiJob* job);

}  // namespace batchnorm
