// bench_matmul ROUNDS THREADS: for each size, multiply-adds per second of our product and of a loop of only
// fused multiply-adds, measured alternately; one line of JSON per size, in billions.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "dispatch.h"
#include "fma_peak.h"
#include "ops/matmul.h"
#include "system/thread_pool.h"

namespace {

struct Size {
  const char* what;
  size_t rows, depth, columns;
  bool transpose_a, transpose_b;
};

// Squares, and the three products of a linear layer of 512 inputs and 256 outputs, batch 128.
constexpr Size kSizes[] = {
    {"64", 64, 64, 64, false, false},
    {"128", 128, 128, 128, false, false},
    {"256", 256, 256, 256, false, false},
    {"512", 512, 512, 512, false, false},
    {"1024", 1024, 1024, 1024, false, false},
    {"1024, both transposed", 1024, 1024, 1024, true, true},
    {"linear, forward", 128, 512, 256, false, true},
    {"linear, input gradient", 128, 256, 512, false, false},
    {"linear, weight gradient", 256, 128, 512, true, false},
    {"ten classes", 128, 512, 10, false, true},
    {"one row", 1, 512, 512, false, true},
};

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Multiply-adds per second of all threads together, measured for about 0.1 ms.
double peak(size_t threads) {
  constexpr size_t kSteps = 50000;
  std::vector<size_t> done(threads);
  auto task = [&](size_t index, size_t) { done[index] = bench::run_fused_multiply_adds(kSteps); };
  const auto begin = std::chrono::steady_clock::now();
  batchnorm::parallel_for(threads, threads, task);
  const double seconds = seconds_since(begin);
  size_t total = 0;
  for (size_t each : done) total += each;
  return static_cast<double>(total) / seconds;
}

double multiply(const batchnorm::Kernels& kernels, const batchnorm::Matmul& call) {
  const double work = static_cast<double>(call.rows * call.depth * call.columns);
  const size_t repeats = std::max<size_t>(1, static_cast<size_t>(2e6 / work));
  const auto begin = std::chrono::steady_clock::now();
  for (size_t i = 0; i < repeats; i++) {
    if (batchnorm::matmul(kernels, call) != batchnorm::Status::kOk) std::abort();
  }
  return work * static_cast<double>(repeats) / seconds_since(begin);
}

}  // namespace

int main(int argc, char** argv) {
  const size_t rounds = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 100;
  const size_t threads = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 1;
  if (rounds == 0 || threads == 0) return 1;
  batchnorm::set_thread_count(threads);
  const batchnorm::Kernels& kernels = batchnorm::best_kernels();
  for (const Size& size : kSizes) {
    std::vector<float> a(size.rows * size.depth, 0.5f);
    std::vector<float> b(size.depth * size.columns, 0.25f);
    std::vector<float> c(size.rows * size.columns);
    const batchnorm::Matmul call = {a.data(),  b.data(),     c.data(),         size.rows,
                                    size.depth, size.columns, size.transpose_a, size.transpose_b};
    multiply(kernels, call);
    std::vector<double> ours, peaks;
    for (size_t round = 0; round < rounds; round++) {
      peaks.push_back(peak(threads));
      ours.push_back(multiply(kernels, call));
    }
    const double ours_median = median(ours);
    const double peak_median = median(peaks);
    std::printf(
        "{\"size\":\"%s\",\"threads\":%zu,\"median\":%.2f,\"peakMedian\":%.2f,\"best\":%.2f,"
        "\"peakBest\":%.2f}\n",
        size.what, threads, ours_median / 1e9, peak_median / 1e9, ours.back() / 1e9,
        peaks.back() / 1e9);
  }
}
