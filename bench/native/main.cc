// Times the floors and the three kernels on one shape at a time, interleaved.
//
//   bench_native IMAGES CHANNELS PLANE THREADS ROUNDS
//
// prints one JSON object: for each loop and kernel the milliseconds of every round.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "dispatch.h"
#include "floors.h"
#include "ops/batch_norm_backward.h"
#include "ops/batch_norm_inference.h"
#include "ops/batch_norm_training.h"
#include "system/huge_pages.h"
#include "system/thread_pool.h"

namespace {

// As the addon's tensors have it: huge pages asked for before the first write.
float* allocate(size_t n) {
  void* memory = std::aligned_alloc(2 << 20, (n * sizeof(float) / (2 << 20) + 1) * (2 << 20));
  if (memory == nullptr) std::abort();
  batchnorm::advise_huge_pages(memory, n * sizeof(float));
  float* values = static_cast<float*>(memory);
  for (size_t i = 0; i < n; i++) values[i] = static_cast<float>(i * 2654435761u % 1000) / 500 - 1;
  return values;
}

struct Measurement {
  std::string name;
  std::function<void()> run;
  std::vector<double> milliseconds;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "Usage: %s IMAGES CHANNELS PLANE THREADS ROUNDS\n", argv[0]);
    return 2;
  }
  const size_t images = std::strtoul(argv[1], nullptr, 10);
  const size_t channels = std::strtoul(argv[2], nullptr, 10);
  const size_t plane = std::strtoul(argv[3], nullptr, 10);
  const size_t threads = std::strtoul(argv[4], nullptr, 10);
  const size_t rounds = std::strtoul(argv[5], nullptr, 10);
  batchnorm::set_thread_count(threads);

  const batchnorm::Kernels& kernels = batchnorm::best_kernels();
  const batchnorm::ImageShape shape = {images, channels, plane};
  const size_t n = shape.elements();
  float* x = allocate(n);
  float* dy = allocate(n);
  float* y = allocate(n);
  std::vector<float> scale(channels, 1.5f), bias(channels, 0.5f), mean(channels), low(channels),
      inv_std(channels), running_mean(channels, 0.1f), running_var(channels, 1.0f),
      dscale(channels), dbias(channels);
  const batchnorm::BatchNormTraining training = {
      x, scale.data(), bias.data(), 1e-5, 0.1, running_mean.data(), running_var.data(), y,
      mean.data(), low.data(), inv_std.data()};
  const batchnorm::BatchNormInference inference = {
      x, scale.data(), bias.data(), running_mean.data(), running_var.data(), 1e-5, y};
  const batchnorm::BatchNormBackward backward = {
      x, dy, scale.data(), mean.data(), low.data(), inv_std.data(), y, dscale.data(), dbias.data()};

  std::vector<Measurement> measurements;
  auto add = [&](std::string name, std::function<void()> run) {
    measurements.push_back({std::move(name), std::move(run), {}});
  };
  for (const bench::FloorLoop& loop : bench::kCopyLoops) {
    add(std::string("copy ") + loop.name,
        [&, loop] { bench::run_floor(loop, x, dy, y, n, threads); });
  }
  for (const bench::FloorLoop& loop : bench::kTriadLoops) {
    add(std::string("triad ") + loop.name,
        [&, loop] { bench::run_floor(loop, x, dy, y, n, threads); });
  }
  for (const bench::FloorLoop& loop : bench::kReadLoops) {
    add("read", [&, loop] { bench::run_floor(loop, x, dy, y, n, threads); });
    // Both inputs of backward.
    add("read both", [&, loop] {
      bench::run_floor(loop, x, dy, y, n, threads);
      bench::run_floor(loop, dy, x, y, n, threads);
    });
  }
  add("inference", [&] { batch_norm_inference(kernels, shape, inference); });
  add("training", [&] { batch_norm_training(kernels, shape, training); });
  add("backward", [&] { batch_norm_backward(kernels, shape, backward); });

  // Short ones are repeated within a round: the clock and the first misses weigh less.
  const size_t repeats = n < (1 << 20) ? (1 << 20) / (n + 1) + 1 : 1;
  for (size_t round = 0; round < rounds + 2; round++) {
    for (Measurement& each : measurements) {
      // Once unmeasured: what the measurement before left in the cache is not this one's.
      each.run();
      const auto begin = std::chrono::steady_clock::now();
      for (size_t i = 0; i < repeats; i++) each.run();
      const std::chrono::duration<double, std::milli> spent =
          std::chrono::steady_clock::now() - begin;
      if (round >= 2) each.milliseconds.push_back(spent.count() / static_cast<double>(repeats));
    }
  }
  std::printf("{");
  for (const Measurement& each : measurements) {
    std::printf("%s\"%s\": [", &each == measurements.data() ? "" : ", ", each.name.c_str());
    for (size_t i = 0; i < each.milliseconds.size(); i++) {
      std::printf("%s%.5f", i == 0 ? "" : ", ", each.milliseconds[i]);
    }
    std::printf("]");
  }
  std::printf("}\n");
  return 0;
}
