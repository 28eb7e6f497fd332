// Initializes MPI before a program starts and finalizes it at the end, as another package of a process may do. Preload
// it; INITIALIZE_MPI names the library.
#include <dlfcn.h>

#include <cstdlib>

namespace {

struct OwnerOfMpi {
  OwnerOfMpi() {
    const char* path = std::getenv("INITIALIZE_MPI");
    library = path == nullptr ? nullptr : dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    if (library == nullptr) return;
    using Init = int (*)(int*, char***, int, int*);
    int provided = 0;
    const int serialized = 2;
    reinterpret_cast<Init>(dlsym(library, "MPI_Init_thread"))(nullptr, nullptr, serialized,
                                                              &provided);
  }

  ~OwnerOfMpi() {
    if (library != nullptr) reinterpret_cast<int (*)()>(dlsym(library, "MPI_Finalize"))();
  }

  void* library;
};

const OwnerOfMpi owner;

}  // namespace
