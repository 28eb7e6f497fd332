// A contestant of the benchmark: answers each line of input with one line.
//
//   case IMAGES CHANNELS ROWS COLUMNS THREADS   allocates the buffers; the names of the runs
//   run REPEATS NAME                            milliseconds of one call, after an unmeasured one
#pragma once

#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace bench {

struct Case {
  size_t images, channels, rows, columns, threads;
  size_t plane() const { return rows * columns; }
  size_t elements() const { return images * channels * plane(); }
  bool read(const char* line) {
    return std::sscanf(line, "case %zu %zu %zu %zu %zu", &images, &channels, &rows, &columns,
                       &threads) == 5;
  }
};

using Runs = std::vector<std::pair<std::string, std::function<void()>>>;

inline double milliseconds_of(const std::function<void()>& run, size_t repeats) {
  run();  // warm-up: the caches hold data of the previous run
  const auto begin = std::chrono::steady_clock::now();
  for (size_t i = 0; i < repeats; i++) run();
  const std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - begin;
  return spent.count() / static_cast<double>(repeats);
}

// Every type of case defines how it is parsed.
template <class AnyCase>
int serve(Runs (*prepare)(const AnyCase&)) {
  Runs runs;
  char line[256];
  while (std::fgets(line, sizeof line, stdin) != nullptr) {
    AnyCase each = {};
    size_t repeats = 0;
    int name_at = 0;
    if (each.read(line)) {
      runs.clear();
      runs = prepare(each);
      std::printf("[");
      for (size_t i = 0; i < runs.size(); i++) {
        std::printf("%s\"%s\"", i == 0 ? "" : ",", runs[i].first.c_str());
      }
      std::printf("]\n");
    } else if (std::sscanf(line, "run %zu %n", &repeats, &name_at) == 1) {
      line[std::strcspn(line, "\n")] = 0;
      bool found = false;
      for (const auto& [name, run] : runs) {
        if (name != line + name_at) continue;
        std::printf("%.6f\n", milliseconds_of(run, repeats));
        found = true;
      }
      if (!found) return 1;
    } else {
      return 1;
    }
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace bench
