// This process as a member of an MPI job: its rank, its communicators, and waiting for other ranks.
#pragma once

#include <cstddef>
#include <cstdint>

#include "mpi/library.h"

namespace batchnorm {

// Blocking calls and calls that return promises have communicators of their own, so that they need
// no common order.
constexpr size_t kChannels = 2;

enum class MpiStatus { kDone, kMismatch, kTimeout, kFailed, kOutOfMemory };

struct MpiSession {
  const MpiLibrary* loaded = nullptr;
  size_t rank = 0;
  size_t size = 0;
  MpiHandle channels[kChannels] = {};
  // Whether this process has initialized MPI, not another addon.
  bool owns_mpi = false;
};

// Initializes MPI. Waits for every other process of the job without a timeout, so it has to run on
// a thread that nobody waits for. Writes why to `error` on failure.
bool start_mpi(const MpiLibrary& library, char* error, size_t capacity);

const MpiSession& mpi_session();

// An operation to wait for, and what to tell the other ranks meanwhile.
struct MpiWait {
  size_t channel;
  double call;         // number of the call that is waiting
  long long deadline;  // in nanoseconds of the monotonic clock
  bool patient;        // sleeps between tests, unless hurry_mpi(true)
};

// Waits for an operation. Polls, because MPI's own waiting functions occupy a core and cannot be
// given up.
MpiStatus wait_for(MpiHandle* request, const MpiWait& wait);

// Whether JavaScript's thread waits for a patient call.
void hurry_mpi(bool hurry);

// Starts an operation: `start` gets the functions of the library while no other thread is inside
// MPI.
template <class Start>
MpiStatus start_operation(const Start& start);

// Whether `rank` has told us that it waits in this call, too.
bool is_waiting(size_t rank, const MpiWait& wait);

// Receives what other ranks have told us. Has to be called now and then, so that messages do not
// accumulate.
void receive_notices();

// The text of MPI's last error.
const char* mpi_error();

void finalize_mpi();

// Ends all processes of the job.
void abort_mpi(int exit_code);

// For start_operation.
void lock_mpi();
void unlock_mpi();
MpiStatus mpi_result(int error);

template <class Start>
MpiStatus start_operation(const Start& start) {
  lock_mpi();
  const MpiStatus status = mpi_result(start(mpi_session().loaded->functions));
  unlock_mpi();
  return status;
}

}  // namespace batchnorm
