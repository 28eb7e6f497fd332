// How results are compared with what they must be. Each function returns what is wrong, or an empty
// text.
//
// Tolerances hold for what floats can hold. Where a term of a sum or a factor leaves their range,
// only what it is a part of may suffer: nothing is asked of that, all is asked of the rest.
#pragma once

#include <cfloat>
#include <cstddef>
#include <string>

#include "stress/buffer.h"

namespace stress {

constexpr double kRounding = 0x1p-24;  // of a float, relative
constexpr double kTiny = 0x1p-149;     // the smallest float: what underflow costs

// A term of a sum in float lanes may be so large that twelve of them still are a float.
constexpr double kLargestTerm = FLT_MAX / 16;

// Whether `got` is `expected` within a tolerance; NaN for NaN, Inf for what no float holds.
bool matches(double got, double expected, double tolerance);

// matches() as a text: what[place] is not what it should be.
std::string compare(const char* what, size_t place, double got, double expected, double tolerance);

// For what has no tolerance, such as a NaN that has to be there.
std::string mismatch(const char* what, size_t place, double got, double expected,
                     double tolerance = 0);

// That all bits are the same, any NaN being the same.
std::string compare_bits(const char* what, const Buffer& got, const Buffer& expected);

// A sum of products in float and the same in double, with the magnitudes of its terms.
struct Sum {
  double value = 0;
  double size = 0;

  void add(double term) {
    value += term;
    size += term < 0 ? -term : term;
  }
};

// A sum of floats, or of their products, of which no more than `roundings` additions and
// multiplications follow one another: any order is within their number times 2^-24 of the sum of
// magnitudes (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 4.2). `terms`
// may have underflowed.
std::string compare_sum(const char* what, size_t place, double got, const Sum& expected,
                        size_t roundings, size_t terms);

}  // namespace stress
