// One optimizer step of every ISA against the formulas in double precision.
#include "support.h"

using batchnorm::SgdStep;
using support::Guarded;
using support::Random;

TEST_CASE("sgd_step: plain, momentum, Nesterov, both weight decays, at every length") {
  const SgdStep steps[] = {
      {0.1f, 0, 0, 0, false}, {0.1f, 0.01f, 0, 0.9f, false}, {0.1f, 0, 0.05f, 0.9f, true}};
  FOR_EACH_ISA(kernels) {
    for (const SgdStep& step : steps) {
      for (size_t n : support::edge_sizes(kernels.lanes)) {
        Random random(n + 8);
        Guarded p(n, 1), g(n, 2), v(n, 3);
        p.fill(random);
        g.fill(random);
        v.fill(random);
        std::vector<float> p0(p.data(), p.data() + n), v0(v.data(), v.data() + n);
        const bool momentum = step.momentum > 0;
        kernels.sgd_step(p.data(), g.data(), momentum ? v.data() : nullptr, n, step);
        CHECK(p.guards_intact());
        CHECK(v.guards_intact());
        for (size_t i = 0; i < n; i++) {
          double direction = g[i] + static_cast<double>(step.l2) * p0[i];
          double velocity = v0[i];
          if (momentum) {
            velocity = static_cast<double>(step.momentum) * v0[i] + direction;
            direction = step.nesterov ? direction + step.momentum * velocity : velocity;
          }
          const double expected = p0[i] - step.learning_rate * direction -
                                  static_cast<double>(step.learning_rate) * step.decoupled * p0[i];
          CHECK(support::near(p[i], expected, 5e-7));
          CHECK(support::near(v[i], velocity, 5e-7));
        }
      }
    }
  }
}
