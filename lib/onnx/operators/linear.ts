import { Linear } from '../../nn/layers/linear.js';
import { broadcastShape } from '../../ops/broadcast.js';
import { stack } from '../../ops/concat.js';
import { matmul as matrixProduct } from '../../ops/matmul.js';
import { Tensor } from '../../core/tensor.js';
import type { Shape } from '../../core/shape.js';
import type { AnyTensor, Sizes } from '../values.js';
import { adoptParameters } from './adopt-parameters.js';
import type { NodeReader } from './node-reader.js';
import { chain, consume, type Operator, operator } from './operator.js';
import { broadcastSizes } from './sizes.js';

/** A `Linear` whose weight is a constant [inputs, outputs] or, transposed, [outputs, inputs]. */
function linear(
  weight: AnyTensor,
  isTransposed: boolean,
  bias: AnyTensor | undefined,
): Linear<number, number, boolean> {
  const layer = new Linear(1, 1, { bias: bias !== undefined, rng: () => 0.5 });
  const own = isTransposed ? weight : weight.transpose();
  return adoptParameters(layer, { weight: own, bias });
}

const hasValues = (x: AnyTensor | undefined) => x?.shape.length === 2 && x.shape.every((size) => size > 0);

/** alpha * A * B + beta * C, where A and B may be transposed. */
export const Gemm: Operator = operator(
  (node) => {
    const [a, b] = [node.sizes(0), node.sizes(1)];
    if (a === undefined || b === undefined) return undefined;
    const [transA, transB] = [node.number('transA', 0), node.number('transB', 0)];
    return [a[transA === 0 ? 0 : 1], b[transB === 0 ? 1 : 0]];
  },
  (node) => {
    const [transA, transB] = [node.number('transA', 0) !== 0, node.number('transB', 0) !== 0];
    const [alpha, beta] = [node.number('alpha', 1), node.number('beta', 1)];
    const [weight, given] = [node.tensor(1), node.tensor(2)];
    const bias = given?.shape.length === 2 && given.shape[0] === 1 ? given.reshape([given.shape[1]]) : given;
    const fits = bias?.shape.length === 1 && bias.shape[0] === weight?.shape[transB ? 0 : 1];
    if (!transA && alpha === 1 && weight !== undefined && hasValues(weight)) {
      if (!node.has(2) || (beta === 1 && fits)) {
        const layer = linear(weight, transB, bias);
        return { layer, held: [1, 2], compute: (call) => call.layer(call.tensor(0)) };
      }
    }
    return (call) => {
      const [a, b] = [call.tensor(0), call.tensor(1)];
      const left = transA ? a.transpose() : a;
      const product: AnyTensor = matrixProduct(left, b, transB);
      const scaled = alpha === 1 ? product : consume(product, (each) => each.mul(alpha));
      if (!call.has(2)) return scaled;
      const c = beta === 1 ? call.tensor(2) : call.tensor(2).mul(beta);
      return consume(scaled, (each) => each.add(c));
    };
  },
);

export const MatMul: Operator = operator(matmulSizes, (node) => {
  const weight = node.tensor(1);
  if (weight !== undefined && hasValues(weight)) {
    const [inputs, outputs] = weight.shape;
    return {
      layer: linear(weight, false, undefined),
      held: [1],
      compute: (call) => {
        const x = call.tensor(0);
        if (x.shape.length === 2) return call.layer(x);
        return chain(
          x,
          (each) => each.reshape([-1, inputs]),
          (each) => call.layer(each),
          (each) => each.reshape([...x.shape.slice(0, -1), outputs]),
        );
      },
    };
  }
  return (call) => matmul(call.tensor(0), call.tensor(1));
});

function matmulSizes(node: NodeReader): Sizes | undefined {
  const [a, b] = [node.sizes(0), node.sizes(1)];
  if (a === undefined || b === undefined || a.length === 0 || b.length === 0) return undefined;
  const outer = broadcastSizes([a.slice(0, -2), b.slice(0, -2)]) ?? [];
  return [...outer, ...(a.length === 1 ? [] : a.slice(-2, -1)), ...(b.length === 1 ? [] : b.slice(-1))];
}

/** Leading axes are joined to one, and the products of their matrices stacked. */
function matmul(a: AnyTensor, b: AnyTensor): AnyTensor {
  const left = a.shape.length === 1 ? a.reshape([1, -1]) : a;
  const right = b.shape.length === 1 ? b.reshape([-1, 1]) : b;
  if (left.shape.length === 2 && right.shape.length === 2 && a === left && b === right) {
    return matrixProduct(a, b);
  }
  const [m, k] = left.shape.slice(-2);
  const [depth, n] = right.shape.slice(-2);
  const outer = broadcastShape(left.shape.slice(0, -2), right.shape.slice(0, -2));
  const lefts = matrices(left, outer, m, k);
  const rights = matrices(right, outer, depth, n);
  const products = lefts.map((each, i) => matrixProduct(each, rights[i]));
  const shape = [...outer, ...(a.shape.length === 1 ? [] : [m]), ...(b.shape.length === 1 ? [] : [n])];
  if (products.length === 0) return Tensor.zeros(shape);
  return consume(stack(products), (each) => each.reshape(shape));
}

function matrices(x: AnyTensor, outer: Shape, rows: number, columns: number): readonly AnyTensor[] {
  const all = x.add(Tensor.zeros([...outer, rows, columns])).reshape([-1, rows, columns]);
  return Array.from({ length: all.shape[0] }, (_, i) =>
    all.slice({ axis: 0, start: i, end: i + 1 }).reshape([rows, columns]),
  );
}
