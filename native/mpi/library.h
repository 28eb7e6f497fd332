// The MPI library of the machine, loaded at run time, behind one set of functions for every ABI:
// Open MPI, MPICH (also Intel MPI and MVAPICH, which share its ABI) and the standard ABI of MPI 5.
#pragma once

#include <cstddef>
#include <cstdint>

namespace batchnorm {

// Wide enough for the handles of every ABI: ints in MPICH, pointers in the others.
using MpiHandle = uintptr_t;

// Functions return MPI's error code, which is 0 for success. Arrays are sent as bytes.
struct MpiFunctions {
  int (*initialized)(int* flag);
  int (*finalized)(int* flag);
  int (*init_thread)(int* argc, char*** argv, int required, int* provided);
  int (*query_thread)(int* provided);
  int (*finalize)();
  int (*error_string)(int code, char* text, int* length);
  int (*abort)(int exit_code);
  int (*rank)(MpiHandle comm, int* rank);
  int (*size)(MpiHandle comm, int* size);
  int (*duplicate)(MpiHandle comm, MpiHandle* copy);
  int (*return_errors)(MpiHandle comm);
  int (*all_gather)(const void* send, void* receive, int bytes, MpiHandle comm, MpiHandle* request);
  int (*all_to_all)(const void* send, void* receive, int bytes, MpiHandle comm, MpiHandle* request);
  int (*broadcast)(void* buffer, int bytes, int root, MpiHandle comm, MpiHandle* request);
  int (*send)(const void* buffer, int bytes, int to, MpiHandle comm, MpiHandle* request);
  int (*probe)(int from, MpiHandle comm, int* arrived);
  int (*receive)(void* buffer, int bytes, int from, MpiHandle comm);
  int (*test)(MpiHandle* request, int* done);
};

struct MpiConstants {
  MpiHandle world;
  MpiHandle byte;
  MpiHandle errors_return;
  uintptr_t status_ignore;
  // The level of thread support at which several threads may call MPI, one at a time.
  int thread_serialized;
};

struct MpiLibrary {
  MpiFunctions functions;
  MpiConstants constants;
  char version[128];
};

// Loads the library `path`, a file or a name to search for. Returns null and writes why to `error`
// where that fails or the library is no known MPI. The first library that loads stays for the rest
// of the process.
const MpiLibrary* load_mpi(const char* path, char* error, size_t capacity);

}  // namespace batchnorm
