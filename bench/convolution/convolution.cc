// Our convolution and its gradients, and a loop of only fused multiply-adds; implements the
// protocol of bench/native/server.h, where a case is
//
//   case IMAGES IN_CHANNELS SIZE OUT_CHANNELS KERNEL STRIDE PADDING [DILATION GROUPS] THREADS
#include <cstdlib>
#include <memory>
#include <random>

#include "dispatch.h"
#include "matmul/fma_peak.h"
#include "native/server.h"
#include "ops/convolution.h"
#include "system/thread_pool.h"

namespace {

constexpr size_t kPeakSteps = 50000;  // about 0.1 ms

struct ConvolutionCase {
  size_t images, in_channels, size, out_channels, kernel, stride, padding, threads;
  size_t dilation = 1, groups = 1;
  bool read(const char* line) {
    const int count =
        std::sscanf(line, "case %zu %zu %zu %zu %zu %zu %zu %zu %zu %zu", &images, &in_channels,
                    &size, &out_channels, &kernel, &stride, &padding, &dilation, &groups, &threads);
    if (count == 8) {
      threads = dilation;
      dilation = 1;
    }
    return count == 8 || count == 10;
  }
  batchnorm::ConvolutionShape shape() const {
    const size_t extent = (kernel - 1) * dilation + 1;
    const size_t out = (size + 2 * padding - extent) / stride + 1;
    const batchnorm::ConvolutionAxis axis = {size, out, kernel, stride, dilation, padding};
    return {images, groups, in_channels / groups, out_channels / groups, axis, axis};
  }
};

std::vector<float> random_floats(size_t count) {
  std::minstd_rand generator(1);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> values(count);
  for (float& value : values) value = uniform(generator);
  return values;
}

struct State {
  explicit State(const batchnorm::ConvolutionShape& sizes)
      : shape(sizes),
        x(random_floats(sizes.images * sizes.in_image())),
        weight(random_floats(sizes.groups * sizes.group_weights())),
        dy(random_floats(sizes.images * sizes.out_image())),
        y(dy.size()),
        dx(x.size()),
        dweight(weight.size()) {}

  batchnorm::ConvolutionShape shape;
  std::vector<float> x, weight, dy, y, dx, dweight;
};

void require(batchnorm::Status status) {
  if (status != batchnorm::Status::kOk) std::abort();
}

bench::Runs prepare(const ConvolutionCase& c) {
  batchnorm::set_thread_count(c.threads);
  const batchnorm::Kernels& kernels = batchnorm::best_kernels();
  const auto state = std::make_shared<State>(c.shape());
  bench::Runs runs;
  runs.emplace_back("forward", [state, &kernels] {
    State& s = *state;
    require(batchnorm::convolution(kernels, s.shape,
                                   {s.x.data(), s.weight.data(), nullptr, s.y.data()}));
  });
  runs.emplace_back("by input", [state, &kernels] {
    State& s = *state;
    require(batchnorm::convolution_input_gradient(kernels, s.shape, s.dy.data(), s.weight.data(),
                                                  nullptr, s.dx.data()));
  });
  runs.emplace_back("by weight", [state, &kernels] {
    State& s = *state;
    require(batchnorm::convolution_weight_gradient(kernels, s.shape, s.x.data(), s.dy.data(),
                                                   s.dweight.data(), nullptr));
  });
  // On each thread, since a case is compared with the peak of all its threads.
  const size_t threads = c.threads;
  runs.emplace_back("peak", [threads] {
    auto task = [](size_t, size_t) { bench::run_fused_multiply_adds(kPeakSteps); };
    batchnorm::parallel_for(threads, threads, task);
  });
  return runs;
}

}  // namespace

// bench_convolution peak: prints the multiply-adds of one thread in one run of "peak".
int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "peak") == 0) {
    std::printf("%zu\n", bench::run_fused_multiply_adds(kPeakSteps));
    return 0;
  }
  return bench::serve(prepare);
}
