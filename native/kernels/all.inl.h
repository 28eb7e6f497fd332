// Every algorithm, in order of use. No include guard: each ISA includes this in a namespace of its
// own, after its simd/ header.

// clang-format off
#include "kernels/row_sums.inl.h"
#include "kernels/map.inl.h"
#include "kernels/columns.inl.h"
#include "kernels/deviation_sums.inl.h"
#include "kernels/write_planes.inl.h"
#include "kernels/normalize.inl.h"
#include "kernels/gradient_sums.inl.h"
#include "kernels/input_gradient.inl.h"
#include "kernels/arithmetic.inl.h"
#include "kernels/unary.inl.h"
#include "kernels/exp_log.inl.h"
#include "kernels/activations.inl.h"
#include "kernels/dropout.inl.h"
#include "kernels/losses.inl.h"
#include "kernels/pool.inl.h"
#include "kernels/sum.inl.h"
#include "kernels/log_softmax.inl.h"
#include "kernels/softmax.inl.h"
#include "kernels/matmul_tile.inl.h"
#include "kernels/sgd_step.inl.h"
#include "kernels/adam_step.inl.h"
#include "kernels/rmsprop_step.inl.h"
#include "kernels/table.inl.h"
// clang-format on
