// The floors and our kernels, without Node.
#include <cstdlib>
#include <memory>

#include "dispatch.h"
#include "floors.h"
#include "ops/batch_norm_backward.h"
#include "ops/batch_norm_inference.h"
#include "ops/batch_norm_training.h"
#include "phases.h"
#include "server.h"
#include "system/cache_size.h"
#include "system/huge_pages.h"
#include "system/thread_pool.h"

namespace {

// Like the addon's tensors: huge pages are requested before the first write.
struct Buffer {
  explicit Buffer(size_t n) {
    constexpr size_t kHugePage = 2 << 20;
    values = static_cast<float*>(
        std::aligned_alloc(kHugePage, (n * sizeof(float) / kHugePage + 1) * kHugePage));
    if (values == nullptr) std::abort();
    batchnorm::advise_huge_pages(values, n * sizeof(float));
    for (size_t i = 0; i < n; i++) values[i] = static_cast<float>(i * 2654435761u % 1000) / 500 - 1;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { std::free(values); }
  float* values;
};

struct State {
  explicit State(const bench::Case& c)
      : shape{c.images, c.channels, c.plane()},
        x(c.elements()),
        dy(c.elements()),
        y(c.elements()),
        residual(c.elements()),
        dresidual(c.elements()),
        scale(c.channels, 1.5f),
        bias(c.channels, 0.5f),
        mean(c.channels),
        mean_low(c.channels),
        inv_std(c.channels),
        factor(c.channels),
        shift(c.channels),
        running_mean(c.channels, 0.1f),
        running_var(c.channels, 1.0f),
        dscale(c.channels),
        dbias(c.channels) {}
  batchnorm::ImageShape shape;
  Buffer x, dy, y, residual, dresidual;
  std::vector<float> scale, bias, mean, mean_low, inv_std, factor, shift, running_mean, running_var,
      dscale, dbias;

  batchnorm::BatchNormTraining training() {
    return {x.values,    scale.data(),        bias.data(),        1e-5,
            0.1,         running_mean.data(), running_var.data(), y.values,
            mean.data(), mean_low.data(),     inv_std.data()};
  }
  batchnorm::BatchNormInference inference() {
    return {x.values,           scale.data(), bias.data(), running_mean.data(),
            running_var.data(), 1e-5,         y.values};
  }
  batchnorm::BatchNormBackward backward(Buffer& dx) {
    return {x.values,       dy.values, scale.data(),  mean.data(), mean_low.data(),
            inv_std.data(), dx.values, dscale.data(), dbias.data()};
  }
};

// Batch norm fused with ReLU, also with a sum in between. The backward pass of the latter reads y, so that dx
// needs another buffer.
void add_fused(bench::Runs& runs, const std::shared_ptr<State>& state,
               const batchnorm::Kernels& kernels) {
  for (const bool add : {false, true}) {
    const std::string with = add ? " add relu" : " relu";
    runs.emplace_back("training" + with, [state, add, &kernels] {
      batchnorm::BatchNormTraining call = state->training();
      call.relu = true;
      call.residual = add ? state->residual.values : nullptr;
      call.factor = state->factor.data();
      call.shift = state->shift.data();
      batchnorm::batch_norm_training(kernels, state->shape, call);
    });
    runs.emplace_back("inference" + with, [state, add, &kernels] {
      batchnorm::BatchNormInference call = state->inference();
      call.relu = true;
      call.residual = add ? state->residual.values : nullptr;
      batchnorm::batch_norm_inference(kernels, state->shape, call);
    });
    runs.emplace_back("backward" + with, [state, add, &kernels] {
      batchnorm::BatchNormBackward call = state->backward(state->residual);
      if (add) {
        call.y = state->y.values;
        call.dresidual = state->dresidual.values;
      } else {
        call.factor = state->factor.data();
        call.shift = state->shift.data();
      }
      batchnorm::batch_norm_backward(kernels, state->shape, call);
    });
  }
}

bench::Runs prepare(const bench::Case& c) {
  batchnorm::set_thread_count(c.threads);
  const char* isa = std::getenv("BATCHNORM_ISA");
  const batchnorm::Kernels* forced = isa == nullptr ? nullptr : batchnorm::find_kernels(isa);
  const batchnorm::Kernels& kernels = forced == nullptr ? batchnorm::best_kernels() : *forced;
  auto state = std::make_shared<State>(c);
  const size_t n = c.elements();
  const size_t threads = c.threads;
  bench::Runs runs;
  auto add_floor = [&](const std::string& name, const bench::FloorLoop& loop) {
    runs.emplace_back(name, [state, loop, n, threads] {
      bench::run_floor(loop, state->x.values, state->dy.values, state->y.values, n, threads);
    });
  };
  for (const bench::FloorLoop& loop : bench::copy_loops()) {
    add_floor(std::string("copy, ") + loop.name, loop);
  }
  for (const bench::FloorLoop& loop : bench::triad_loops()) {
    add_floor(std::string("triad, ") + loop.name, loop);
  }
  for (const bench::FloorLoop& loop : bench::read_loops()) {
    add_floor(std::string("read, ") + loop.name, loop);
    runs.emplace_back(std::string("read both, ") + loop.name, [state, loop, n, threads] {
      bench::run_floor(loop, state->x.values, nullptr, nullptr, n, threads);
      bench::run_floor(loop, state->dy.values, nullptr, nullptr, n, threads);
    });
  }
  runs.emplace_back("two phases of training", [state, threads] {
    State& s = *state;
    bench::two_phases(s.shape, threads, s.x.values, nullptr, s.y.values);
  });
  runs.emplace_back("two phases of backward", [state, threads] {
    State& s = *state;
    bench::two_phases(s.shape, threads, s.x.values, s.dy.values, s.y.values);
  });
  runs.emplace_back("training", [state, &kernels] {
    batchnorm::batch_norm_training(kernels, state->shape, state->training());
  });
  runs.emplace_back("inference", [state, &kernels] {
    batchnorm::batch_norm_inference(kernels, state->shape, state->inference());
  });
  runs.emplace_back("backward", [state, &kernels] {
    batchnorm::batch_norm_backward(kernels, state->shape, state->backward(state->y));
  });
  add_fused(runs, state, kernels);
  return runs;
}

}  // namespace

// bench_kernels [L1 L2 LAST]: simulates a machine with these cache sizes in bytes; bench_kernels caches: prints
// those of this machine.
int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "caches") == 0) {
    const batchnorm::CacheSizes& sizes = batchnorm::cache_sizes();
    std::printf("%zu %zu %zu\n", sizes.l1, sizes.l2, sizes.last);
    return 0;
  }
  if (argc == 4) {
    batchnorm::set_cache_sizes({std::strtoul(argv[1], nullptr, 10),
                                std::strtoul(argv[2], nullptr, 10),
                                std::strtoul(argv[3], nullptr, 10)});
  }
  return bench::serve(prepare);
}
