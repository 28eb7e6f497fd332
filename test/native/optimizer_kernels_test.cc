// One optimizer step on every ISA against the formulas in double precision.
#include "support.h"

using batchnorm::AdamStep;
using batchnorm::RmspropStep;
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

TEST_CASE("adam_step: first and later steps, AMSGrad, both weight decays, at every length") {
  const AdamStep steps[] = {
      {0.1f, 0.9f, 0.999f, 0.1f, 0.001f, 10, 1000, 1e-8f, 0, 0},
      {0.01f, 0.5f, 0.75f, 0.5f, 0.25f, 1.5f, 2, 1e-3f, 0.1f, 0},
      {0.01f, 0.5f, 0.75f, 0.5f, 0.25f, 1.5f, 2, 1e-3f, 0, 0.3f},
  };
  FOR_EACH_ISA(kernels) {
    for (const AdamStep& step : steps) {
      for (const bool amsgrad : {false, true}) {
        for (size_t n : support::edge_sizes(kernels.lanes)) {
          Random random(n + 9);
          Guarded p(n, 1), g(n, 2), m(n, 3), v(n, 1), max(n, 2);
          for (Guarded* array : {&p, &g, &m, &v, &max}) array->fill(random);
          for (size_t i = 0; i < n; i++) v.data()[i] = std::fabs(v.data()[i]);
          std::vector<float> p0(p.data(), p.data() + n), m0(m.data(), m.data() + n),
              v0(v.data(), v.data() + n), max0(max.data(), max.data() + n);
          kernels.adam_step(p.data(), g.data(), m.data(), v.data(), amsgrad ? max.data() : nullptr,
                            n, step);
          for (Guarded* array : {&p, &g, &m, &v, &max}) CHECK(array->guards_intact());
          for (size_t i = 0; i < n; i++) {
            const double gradient = g.data()[i] + static_cast<double>(step.l2) * p0[i];
            const double m1 = static_cast<double>(step.beta1) * m0[i] + step.weight1 * gradient;
            const double v1 =
                static_cast<double>(step.beta2) * v0[i] + step.weight2 * gradient * gradient;
            const double divisor = amsgrad ? std::fmax(max0[i], v1) : v1;
            const double direction =
                m1 * step.correction1 / (std::sqrt(divisor * step.correction2) + step.epsilon);
            const double expected =
                p0[i] - static_cast<double>(step.learning_rate) *
                            (direction + static_cast<double>(step.decoupled) * p0[i]);
            CHECK(support::near(m.data()[i], m1, 5e-7));
            CHECK(support::near(v.data()[i], v1, 5e-7));
            CHECK(support::near(max.data()[i], amsgrad ? divisor : max0[i], 5e-7));
            CHECK(support::near(p.data()[i], expected, 1e-6));
          }
        }
      }
    }
  }
}

TEST_CASE("rmsprop_step: plain, momentum, centered, both weight decays, at every length") {
  const RmspropStep steps[] = {{0.1f, 0.1f, 1e-8f, 0, 0, 0},
                               {0.01f, 0.5f, 1e-3f, 0.9f, 0.1f, 0},
                               {0.01f, 0.5f, 1e-3f, 0.9f, 0, 0.3f}};
  FOR_EACH_ISA(kernels) {
    for (const RmspropStep& step : steps) {
      for (const bool centered : {false, true}) {
        for (size_t n : support::edge_sizes(kernels.lanes)) {
          Random random(n + 10);
          Guarded p(n, 1), g(n, 2), s(n, 3), v(n, 1), a(n, 2);
          for (Guarded* array : {&p, &g, &s, &v, &a}) array->fill(random);
          // The mean of squares is at least the square of the mean.
          for (size_t i = 0; i < n; i++) {
            const float mean = a.data()[i];
            s.data()[i] = mean * mean + 0.5f;
          }
          std::vector<float> p0(p.data(), p.data() + n), s0(s.data(), s.data() + n),
              v0(v.data(), v.data() + n), a0(a.data(), a.data() + n);
          const bool momentum = step.momentum > 0;
          kernels.rmsprop_step(p.data(), g.data(), s.data(), momentum ? v.data() : nullptr,
                               centered ? a.data() : nullptr, n, step);
          for (Guarded* array : {&p, &g, &s, &v, &a}) CHECK(array->guards_intact());
          for (size_t i = 0; i < n; i++) {
            const double gradient = g.data()[i] + static_cast<double>(step.l2) * p0[i];
            const double weight = step.weight;
            const double s1 = s0[i] + weight * (gradient * gradient - s0[i]);
            const double a1 = centered ? a0[i] + weight * (gradient - a0[i]) : a0[i];
            const double variance = centered ? s1 - a1 * a1 : s1;
            double direction = gradient / std::sqrt(variance + step.epsilon);
            if (momentum) direction += static_cast<double>(step.momentum) * v0[i];
            const double expected =
                p0[i] - static_cast<double>(step.learning_rate) *
                            (direction + static_cast<double>(step.decoupled) * p0[i]);
            CHECK(support::near(s.data()[i], s1, 5e-7));
            CHECK(support::near(a.data()[i], a1, 5e-7));
            CHECK(support::near(v.data()[i], momentum ? direction : v0[i], 2e-6));
            CHECK(support::near(p.data()[i], expected, 1e-6));
          }
        }
      }
    }
  }
}
