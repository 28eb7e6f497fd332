// The entry point of libFuzzer. A failure aborts the process, and libFuzzer saves the input.
#include <cstdio>
#include <cstdlib>

#include "fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string failure = fuzz::run_input(data, size);
  if (failure.empty()) return 0;
  std::fprintf(stderr, "%s\n", failure.c_str());
  std::abort();
}
