#include "mpi/library.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#if !defined(_WIN32)
#include <dlfcn.h>

// As in system/threads_posix.cc: the versions of these symbols that glibc 2.17 has.
#if defined(__GLIBC__) && defined(__x86_64__)
#define BATCHNORM_OLDEST_GLIBC "GLIBC_2.2.5"
#elif defined(__GLIBC__) && defined(__aarch64__)
#define BATCHNORM_OLDEST_GLIBC "GLIBC_2.17"
#endif
#if defined(BATCHNORM_OLDEST_GLIBC)
__asm__(".symver dlopen, dlopen@" BATCHNORM_OLDEST_GLIBC);
__asm__(".symver dlsym, dlsym@" BATCHNORM_OLDEST_GLIBC);
__asm__(".symver dlerror, dlerror@" BATCHNORM_OLDEST_GLIBC);
#endif
#endif

// Other processes and the network take the time.
#include "optimize_for_size.h"

namespace batchnorm {

#if defined(_WIN32)

const MpiLibrary* load_mpi(const char*, char* error, size_t capacity) {
  std::snprintf(error, capacity, "MPI is not supported on Windows");
  return nullptr;
}

#else

namespace {

MpiLibrary g_library;
bool g_loaded = false;

// The library's own functions, whose handles have the type of its ABI.
struct Symbols {
  void* abort;
  void* comm_rank;
  void* comm_size;
  void* comm_dup;
  void* comm_set_errhandler;
  void* iallgather;
  void* ialltoall;
  void* ibcast;
  void* isend;
  void* iprobe;
  void* recv;
  void* test;
};

Symbols g_symbols;

// The tag of all messages between two ranks.
constexpr int kTag = 1;

template <class H>
struct Handles;

// MPICH's ABI.
template <>
struct Handles<int> {
  static int in(MpiHandle handle) { return static_cast<int>(static_cast<uint32_t>(handle)); }
  static MpiHandle out(int handle) { return static_cast<uint32_t>(handle); }
};

// Open MPI's and MPI 5's.
template <>
struct Handles<void*> {
  static void* in(MpiHandle handle) { return reinterpret_cast<void*>(handle); }
  static MpiHandle out(void* handle) { return reinterpret_cast<MpiHandle>(handle); }
};

// The functions of MpiFunctions that take handles, for an ABI whose handles have type H.
template <class H>
struct Adapter {
  static H in(MpiHandle handle) { return Handles<H>::in(handle); }
  static H byte() { return in(g_library.constants.byte); }
  static void* ignore() { return reinterpret_cast<void*>(g_library.constants.status_ignore); }

  template <class F>
  static F as(void* symbol) {
    return reinterpret_cast<F>(symbol);
  }

  static int abort(int exit_code) {
    return as<int (*)(H, int)>(g_symbols.abort)(in(g_library.constants.world), exit_code);
  }

  static int rank(MpiHandle comm, int* result) {
    return as<int (*)(H, int*)>(g_symbols.comm_rank)(in(comm), result);
  }

  static int size(MpiHandle comm, int* result) {
    return as<int (*)(H, int*)>(g_symbols.comm_size)(in(comm), result);
  }

  static int duplicate(MpiHandle comm, MpiHandle* copy) {
    H result{};
    const int error = as<int (*)(H, H*)>(g_symbols.comm_dup)(in(comm), &result);
    *copy = Handles<H>::out(result);
    return error;
  }

  static int return_errors(MpiHandle comm) {
    return as<int (*)(H, H)>(g_symbols.comm_set_errhandler)(in(comm),
                                                            in(g_library.constants.errors_return));
  }

  using Collective = int (*)(const void*, int, H, void*, int, H, H, H*);

  static int collective(void* symbol, const void* send, void* receive, int bytes, MpiHandle comm,
                        MpiHandle* request) {
    H started{};
    const int error =
        as<Collective>(symbol)(send, bytes, byte(), receive, bytes, byte(), in(comm), &started);
    *request = Handles<H>::out(started);
    return error;
  }

  static int all_gather(const void* send, void* receive, int bytes, MpiHandle comm,
                        MpiHandle* request) {
    return collective(g_symbols.iallgather, send, receive, bytes, comm, request);
  }

  static int all_to_all(const void* send, void* receive, int bytes, MpiHandle comm,
                        MpiHandle* request) {
    return collective(g_symbols.ialltoall, send, receive, bytes, comm, request);
  }

  static int broadcast(void* buffer, int bytes, int root, MpiHandle comm, MpiHandle* request) {
    H started{};
    const int error = as<int (*)(void*, int, H, int, H, H*)>(g_symbols.ibcast)(
        buffer, bytes, byte(), root, in(comm), &started);
    *request = Handles<H>::out(started);
    return error;
  }

  static int send(const void* buffer, int bytes, int to, MpiHandle comm, MpiHandle* request) {
    H started{};
    const int error = as<int (*)(const void*, int, H, int, int, H, H*)>(g_symbols.isend)(
        buffer, bytes, byte(), to, kTag, in(comm), &started);
    *request = Handles<H>::out(started);
    return error;
  }

  static int probe(int from, MpiHandle comm, int* arrived) {
    return as<int (*)(int, int, H, int*, void*)>(g_symbols.iprobe)(from, kTag, in(comm), arrived,
                                                                   ignore());
  }

  static int receive(void* buffer, int bytes, int from, MpiHandle comm) {
    return as<int (*)(void*, int, H, int, int, H, void*)>(g_symbols.recv)(
        buffer, bytes, byte(), from, kTag, in(comm), ignore());
  }

  static int test(MpiHandle* request, int* done) {
    H pending = in(*request);
    const int error = as<int (*)(H*, int*, void*)>(g_symbols.test)(&pending, done, ignore());
    *request = Handles<H>::out(pending);
    return error;
  }

  static void fill(MpiFunctions& functions) {
    functions.abort = abort;
    functions.rank = rank;
    functions.size = size;
    functions.duplicate = duplicate;
    functions.return_errors = return_errors;
    functions.all_gather = all_gather;
    functions.all_to_all = all_to_all;
    functions.broadcast = broadcast;
    functions.send = send;
    functions.probe = probe;
    functions.receive = receive;
    functions.test = test;
  }
};

// Finds all functions; the name of the first one that is missing, or null.
const char* find_symbols(void* library) {
  MpiFunctions& functions = g_library.functions;
  const struct {
    const char* name;
    void* target;  // a pointer to a function or to void
  } wanted[] = {
      {"MPI_Initialized", &functions.initialized},
      {"MPI_Finalized", &functions.finalized},
      {"MPI_Init_thread", &functions.init_thread},
      {"MPI_Query_thread", &functions.query_thread},
      {"MPI_Finalize", &functions.finalize},
      {"MPI_Error_string", &functions.error_string},
      {"MPI_Abort", &g_symbols.abort},
      {"MPI_Comm_rank", &g_symbols.comm_rank},
      {"MPI_Comm_size", &g_symbols.comm_size},
      {"MPI_Comm_dup", &g_symbols.comm_dup},
      {"MPI_Comm_set_errhandler", &g_symbols.comm_set_errhandler},
      {"MPI_Iallgather", &g_symbols.iallgather},
      {"MPI_Ialltoall", &g_symbols.ialltoall},
      {"MPI_Ibcast", &g_symbols.ibcast},
      {"MPI_Isend", &g_symbols.isend},
      {"MPI_Iprobe", &g_symbols.iprobe},
      {"MPI_Recv", &g_symbols.recv},
      {"MPI_Test", &g_symbols.test},
  };
  for (const auto& each : wanted) {
    void* symbol = dlsym(library, each.name);
    if (symbol == nullptr) return each.name;
    std::memcpy(each.target, &symbol, sizeof symbol);
  }
  return nullptr;
}

// Writes the first line of the library's version.
bool read_version(void* library) {
  // The longest text of any implementation has 8192 bytes.
  static char text[16384];
  using GetVersion = int (*)(char*, int*);
  const auto get_version = reinterpret_cast<GetVersion>(dlsym(library, "MPI_Get_library_version"));
  int length = 0;
  if (get_version == nullptr || get_version(text, &length) != 0) return false;
  const size_t line = std::strcspn(text, ",\n");
  std::snprintf(g_library.version, sizeof g_library.version, "%.*s", static_cast<int>(line), text);
  // MPICH writes "MPICH Version:\t4.0.2".
  for (char* c = g_library.version; *c != '\0'; c++) {
    if (*c == '\t') *c = ' ';
  }
  return true;
}

// Whether the library has the standard ABI. MPICH 5 and Open MPI 6 also have this function in their
// own ABIs, where it returns -1 as the version.
bool has_standard_abi(void* library) {
  using GetAbi = int (*)(int*, int*);
  const auto get_abi = reinterpret_cast<GetAbi>(dlsym(library, "MPI_Abi_get_version"));
  int major = -1;
  int minor = -1;
  return get_abi != nullptr && get_abi(&major, &minor) == 0 && major >= 1;
}

MpiHandle address(void* library, const char* name) {
  return reinterpret_cast<MpiHandle>(dlsym(library, name));
}

bool choose_abi(void* library) {
  MpiConstants& constants = g_library.constants;
  if (has_standard_abi(library)) {
    constants = {0x101, 0x247, 0x143, 0, 2048};
    Adapter<void*>::fill(g_library.functions);
    return true;
  }
  if (const MpiHandle world = address(library, "ompi_mpi_comm_world"); world != 0) {
    constants = {world, address(library, "ompi_mpi_byte"),
                 address(library, "ompi_mpi_errors_return"), 0, 2};
    Adapter<void*>::fill(g_library.functions);
    return constants.byte != 0 && constants.errors_return != 0;
  }
  static constexpr const char* kSameAbi[] = {"MPICH", "Intel", "MVAPICH", "CRAY"};
  for (const char* name : kSameAbi) {
    if (std::strstr(g_library.version, name) == nullptr) continue;
    constants = {0x44000000, 0x4c00010d, 0x54000001, 1, 2};
    Adapter<int>::fill(g_library.functions);
    return true;
  }
  return false;
}

}  // namespace

const MpiLibrary* load_mpi(const char* path, char* error, size_t capacity) {
  if (g_loaded) return &g_library;
  // UCX, which both implementations use, otherwise replaces malloc and mmap while Node's threads
  // call them, and crashes one start in thirty.
  setenv("UCX_MEM_EVENTS", "no", 0);
  // UCX otherwise handles SIGSEGV, which V8 needs for WebAssembly's checks of bounds.
  setenv("UCX_HANDLE_ERRORS", "none", 0);
  // Global, because the plugins of Open MPI look its symbols up. Never closed: it may have threads.
  void* library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) {
    const char* reason = dlerror();
    std::snprintf(error, capacity, "%s", reason == nullptr ? "unknown error" : reason);
    return nullptr;
  }
  if (const char* missing = find_symbols(library); missing != nullptr) {
    std::snprintf(error, capacity,
                  "%s has no %s, so it is not an MPI library of version 3 or later", path, missing);
    return nullptr;
  }
  if (!read_version(library) || !choose_abi(library)) {
    std::snprintf(error, capacity,
                  "%s is neither Open MPI nor MPICH, nor has it the ABI of MPI 5: %s", path,
                  g_library.version);
    return nullptr;
  }
  g_loaded = true;
  return &g_library;
}

#endif

}  // namespace batchnorm
