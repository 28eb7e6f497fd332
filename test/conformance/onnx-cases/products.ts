import { type Shape, stack, Tensor } from 'batchnorm';
import { convolution, transposedConvolution } from './convolutions.js';
import { type Any, binary, type Operators } from './operator.js';
import type { Call } from './value.js';

/** Leading axes of a matrix product are joined to one, and the products stacked. */
function matmul(a: Any, b: Any): Any {
  const left = a.shape.length === 1 ? a.reshape([1, -1]) : a;
  const right = b.shape.length === 1 ? b.reshape([-1, 1]) : b;
  const [m, k] = left.shape.slice(-2);
  const n = right.shape[right.shape.length - 1];
  const zeros = (shape: Shape) => Tensor.zeros([...shape.slice(0, -2), 1, 1]);
  const outer = zeros(left.shape).add(zeros(right.shape)).shape.slice(0, -2);
  const matrices = (x: Any, rows: number, columns: number) =>
    x.add(Tensor.zeros([...outer, rows, columns])).reshape([-1, rows, columns]);
  const [lefts, rights] = [matrices(left, m, k), matrices(right, k, n)];
  const matrix = (x: Any, i: number, rows: number, columns: number) =>
    x.slice({ axis: 0, start: i, end: i + 1 }).reshape([rows, columns]);
  const products = Array.from({ length: lefts.shape[0] }, (_, i) =>
    matrix(lefts, i, m, k).matmul(matrix(rights, i, k, n)),
  );
  const shape = [...outer, ...(a.shape.length === 1 ? [] : [m]), ...(b.shape.length === 1 ? [] : [n])];
  return stack(products).reshape(shape);
}

function gemm(call: Call): Any {
  const a = call.number('transA', 0) === 0 ? call.floats(0) : call.floats(0).transpose();
  const b = call.number('transB', 0) === 0 ? call.floats(1) : call.floats(1).transpose();
  const product = a.matmul(b).mul(call.number('alpha', 1));
  return call.has(2) ? product.add(call.floats(2).mul(call.number('beta', 1))) : product;
}

/** Products of matrices, and convolutions. */
export const products: Operators = {
  MatMul: binary(matmul),
  Gemm: gemm,
  Conv: convolution,
  ConvTranspose: transposedConvolution,
};
