// The kernels of group and layer normalization of every ISA, against double precision.
#include "support.h"

using batchnorm::Block;
using batchnorm::ChannelSums;
using batchnorm::ElementRows;
using support::Guarded;
using support::Random;

namespace {

constexpr size_t kRows = 3;

// Rows of `length` floats, `gap` floats apart, which begin `misalignment` floats after a cache
// line.
struct Rows {
  Rows(size_t rows, size_t length, size_t gap, size_t misalignment)
      : block{1, rows, length, rows * (length + gap), length + gap},
        values(rows * (length + gap), misalignment) {}

  size_t index(size_t row, size_t i) const { return row * block.channel_stride + i; }
  double at(size_t row, size_t i) const { return static_cast<double>(values[index(row, i)]); }

  Block block;
  Guarded values;
};

struct Case {
  size_t length, gap, misalignment;
  bool streaming;
};
std::vector<Case> cases(size_t lanes) {
  std::vector<Case> all;
  for (size_t length : support::edge_sizes(lanes)) {
    if (length == 0) continue;  // no kernel gets an empty block
    for (size_t gap : {0, 5}) {
      for (size_t misalignment : {0, 3}) {
        for (bool streaming : {false, true}) all.push_back({length, gap, misalignment, streaming});
      }
    }
  }
  return all;
}

// The floats between rows, which no kernel may change.
bool gaps_intact(const Rows& rows, float value) {
  for (size_t row = 0; row < rows.block.channels; row++) {
    for (size_t i = rows.block.length; i < rows.block.channel_stride; i++) {
      if (rows.values[rows.index(row, i)] != value) return false;
    }
  }
  return rows.values.guards_intact();
}

const float mean[kRows] = {100.5f, -3.25f, 0.125f};
const float inv_std[kRows] = {0.5f, 2.0f, 1.25f};
const float shift[kRows] = {1e-3f, -2e-3f, 5e-4f};
const float dy_mean[kRows] = {0.03f, -0.2f, 0.1f};
const float coefficient[kRows] = {0.3f, -0.05f, 0.7f};
const float last[kRows] = {0.01f, 0.02f, -0.03f};

double wide(float value) { return static_cast<double>(value); }

}  // namespace

TEST_CASE("normalize_elements: every length and alignment, with and without bias, in place") {
  FOR_EACH_ISA(kernels) {
    for (const Case& each : cases(kernels.lanes)) {
      const size_t length = each.length, gap = each.gap, misalignment = each.misalignment;
      const bool streaming = each.streaming;
      for (bool biased : {true, false}) {
        for (bool in_place : {true, false}) {
          Random random(length * 7 + gap);
          Rows x(kRows, length, gap, in_place ? misalignment : 1);
          for (size_t row = 0; row < kRows; row++) {
            for (size_t i = 0; i < length + gap; i++) {
              x.values[x.index(row, i)] = i < length ? mean[row] + random.next() / inv_std[row] : 7;
            }
          }
          Guarded scale(length, 2), bias(length, 5);
          scale.fill(random, 2);
          bias.fill(random);
          std::vector<double> expected;
          for (size_t row = 0; row < kRows; row++) {
            for (size_t i = 0; i < length; i++) {
              const double xhat =
                  (x.at(row, i) - wide(mean[row])) * wide(inv_std[row]) + wide(shift[row]);
              expected.push_back(xhat * wide(scale[i]) + (biased ? wide(bias[i]) : 0));
            }
          }
          Rows other(kRows, length, gap, misalignment);
          for (size_t i = 0; i < other.values.size(); i++) other.values[i] = 7;
          Rows& y = in_place ? x : other;
          kernels.normalize_elements(
              x.values.data(), y.values.data(), x.block,
              {mean, inv_std, shift, scale.data(), biased ? bias.data() : nullptr}, streaming);
          kernels.stream_fence();
          CAPTURE(std::string(kernels.isa));
          CAPTURE(length);
          CHECK(gaps_intact(y, 7));
          size_t wrong = 0;
          for (size_t row = 0; row < kRows; row++) {
            for (size_t i = 0; i < length; i++) {
              // x - mean is exact; xhat is below 1.01, scale below 2.
              if (!support::near(y.at(row, i), expected[row * length + i], 1e-6)) wrong++;
            }
          }
          CHECK(wrong == 0);
        }
      }
    }
  }
}

TEST_CASE("element_gradient_sums: every length, dy times the scale of the position") {
  FOR_EACH_ISA(kernels) {
    for (const Case& each : cases(kernels.lanes)) {
      const size_t length = each.length, gap = each.gap, misalignment = each.misalignment;
      const bool streaming = each.streaming;
      if (streaming) continue;  // writes nothing
      Random random(length * 3 + gap);
      Rows x(kRows, length, gap, misalignment), dy(kRows, length, gap, 6);
      for (size_t row = 0; row < kRows; row++) {
        for (size_t i = 0; i < length + gap; i++) {
          // A value from beyond the end of a row would show in its sums.
          x.values[x.index(row, i)] = i < length ? mean[row] + random.next() : 1e6f;
          dy.values[dy.index(row, i)] = i < length ? random.next() : 1e6f;
        }
      }
      Guarded scale(length, misalignment);
      scale.fill(random, 2);
      ChannelSums got[kRows];
      kernels.element_gradient_sums(x.values.data(), dy.values.data(), mean, scale.data(), x.block,
                                    got);
      for (size_t row = 0; row < kRows; row++) {
        double sum = 0, sizes = 0, products = 0, product_sizes = 0;
        for (size_t i = 0; i < length; i++) {
          const double gradient = dy.at(row, i) * wide(scale[i]);
          const double product = gradient * (x.at(row, i) - wide(mean[row]));
          sum += gradient;
          sizes += std::fabs(gradient);
          products += product;
          product_sizes += std::fabs(product);
        }
        CAPTURE(std::string(kernels.isa));
        CAPTURE(length);
        CHECK(support::near(got[row].sum, sum, 8e-7 * sizes));
        CHECK(support::near(got[row].products, products, 8e-7 * product_sizes));
      }
    }
  }
}

TEST_CASE("element_input_gradient: every length and alignment, also into dy and into x") {
  FOR_EACH_ISA(kernels) {
    for (const Case& each : cases(kernels.lanes)) {
      const size_t length = each.length, gap = each.gap, misalignment = each.misalignment;
      const bool streaming = each.streaming;
      for (int target = 0; target < 3; target++) {
        Random random(length * 5 + gap);
        Rows x(kRows, length, gap, misalignment), dy(kRows, length, gap, misalignment);
        Rows other(kRows, length, gap, misalignment);
        for (size_t row = 0; row < kRows; row++) {
          for (size_t i = 0; i < length + gap; i++) {
            x.values[x.index(row, i)] = i < length ? mean[row] + random.next() : 7;
            dy.values[dy.index(row, i)] = i < length ? random.next() : 7;
            other.values[other.index(row, i)] = 7;
          }
        }
        Guarded scale(length, 1);
        scale.fill(random, 2);
        std::vector<double> expected;
        for (size_t row = 0; row < kRows; row++) {
          for (size_t i = 0; i < length; i++) {
            const double gradient = dy.at(row, i) * wide(scale[i]) - wide(dy_mean[row]);
            const double deviation = x.at(row, i) - wide(mean[row]);
            expected.push_back((gradient - deviation * wide(coefficient[row])) *
                                   wide(inv_std[row]) +
                               wide(last[row]));
          }
        }
        Rows& dx = target == 0 ? other : target == 1 ? dy : x;
        kernels.element_input_gradient(x.values.data(), dy.values.data(), scale.data(),
                                       dx.values.data(), x.block,
                                       {mean, dy_mean, coefficient, inv_std, last}, streaming);
        kernels.stream_fence();
        CAPTURE(std::string(kernels.isa));
        CAPTURE(length);
        CAPTURE(target);
        CHECK(gaps_intact(dx, 7));
        size_t wrong = 0;
        for (size_t row = 0; row < kRows; row++) {
          for (size_t i = 0; i < length; i++) {
            if (!support::near(dx.at(row, i), expected[row * length + i], 2e-6)) wrong++;
          }
        }
        CHECK(wrong == 0);
      }
    }
  }
}

TEST_CASE("element_parameter_gradients: adds up to kMaxElementRows rows to what is there") {
  FOR_EACH_ISA(kernels) {
    for (const Case& each : cases(kernels.lanes)) {
      const size_t length = each.length, gap = each.gap, misalignment = each.misalignment;
      const bool streaming = each.streaming;
      if (streaming) continue;
      for (size_t count : {size_t{1}, size_t{3}, batchnorm::kMaxElementRows}) {
        Random random(length * 11 + count);
        Rows x(count, length, gap, misalignment), dy(count, length, gap, 2);
        std::vector<float> means, factors, shifts;
        for (size_t row = 0; row < count; row++) {
          means.push_back(mean[row % kRows]);
          factors.push_back(inv_std[row % kRows]);
          shifts.push_back(shift[row % kRows]);
          for (size_t i = 0; i < length + gap; i++) {
            x.values[x.index(row, i)] = i < length ? means[row] + random.next() : 1e6f;
            dy.values[dy.index(row, i)] = i < length ? random.next() : 1e6f;
          }
        }
        const ElementRows rows = {count, length + gap, means.data(), factors.data(), shifts.data()};
        // One more double, which must stay.
        std::vector<double> dscale(length + 1, 0.25), dbias(length + 1, -0.5);
        kernels.element_parameter_gradients(x.values.data(), dy.values.data(), rows, length,
                                            dscale.data(), dbias.data());
        std::vector<double> alone(length + 1, 0.25);
        kernels.element_parameter_gradients(x.values.data(), dy.values.data(), rows, length,
                                            alone.data(), nullptr);
        CAPTURE(std::string(kernels.isa));
        CAPTURE(length);
        CAPTURE(count);
        CHECK(alone == dscale);
        CHECK(dscale[length] == 0.25);
        CHECK(dbias[length] == -0.5);
        size_t wrong = 0;
        for (size_t i = 0; i < length; i++) {
          double scales = 0.25, biases = -0.5, sizes = 0, bias_sizes = 0;
          for (size_t row = 0; row < count; row++) {
            const double xhat =
                (x.at(row, i) - wide(means[row])) * wide(factors[row]) + wide(shifts[row]);
            scales += dy.at(row, i) * xhat;
            sizes += std::fabs(dy.at(row, i) * xhat);
            biases += dy.at(row, i);
            bias_sizes += std::fabs(dy.at(row, i));
          }
          if (!support::near(dscale[i], scales, 1e-6 * sizes + 1e-9)) wrong++;
          if (!support::near(dbias[i], biases, 1e-6 * bias_sizes)) wrong++;
        }
        CHECK(wrong == 0);
      }
    }
  }
}

TEST_CASE("scaled_input_gradient: dy times the scale of the channel, planes of any length") {
  FOR_EACH_ISA(kernels) {
    for (size_t length : support::edge_sizes(kernels.lanes)) {
      if (length == 0) continue;
      for (size_t channels : {size_t{1}, kRows}) {
        for (bool streaming : {false, true}) {
          constexpr size_t kImages = 2;
          Random random(length * 13 + channels);
          const size_t count = kImages * channels * length;
          Guarded x(count, 1), dy(count, 3), dx(count, length % 9);
          for (size_t i = 0; i < count; i++) {
            x[i] = mean[i / length % channels] + random.next();
            dy[i] = random.next();
          }
          const float scale[kRows] = {1.5f, -0.75f, 2};
          const Block block = {kImages, channels, length, channels * length, length};
          kernels.scaled_input_gradient(x.data(), dy.data(), scale, dx.data(), block,
                                        {mean, dy_mean, coefficient, inv_std, last}, streaming);
          kernels.stream_fence();
          CAPTURE(std::string(kernels.isa));
          CAPTURE(length);
          CAPTURE(channels);
          CHECK(dx.guards_intact());
          size_t wrong = 0;
          for (size_t i = 0; i < count; i++) {
            const size_t c = i / length % channels;
            const double gradient = wide(dy[i]) * wide(scale[c]) - wide(dy_mean[c]);
            const double expected =
                (gradient - (wide(x[i]) - wide(mean[c])) * wide(coefficient[c])) *
                    wide(inv_std[c]) +
                wide(last[c]);
            if (!support::near(wide(dx[i]), expected, 2e-6)) wrong++;
          }
          CHECK(wrong == 0);
        }
      }
    }
  }
}
