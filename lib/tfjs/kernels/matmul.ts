import { named } from '../../backend/argument.js';
import { backend as native } from '../../backend/index.js';
import { elementCount } from '../../core/shape.js';
import { storagePool } from '../../core/storage-pool.js';
import { type Call, isFloats, type Kernel, type Kernels } from '../kernel.js';
import { broadcastShape } from './binary.js';
import { activationOf } from './unary.js';

interface Product {
  readonly shape: readonly number[];
  readonly columns: number;
  readonly values: Float32Array;
}

/** The product of matrices, or of batches of matrices of which one may be a single matrix. */
function productOf({ backend, inputs, attrs }: Call): Product | undefined {
  const { a, b } = inputs;
  if (!isFloats(a) || !isFloats(b) || a.shape.length < 2 || b.shape.length < 2) return undefined;
  const transposeA = attrs.transposeA === true;
  const transposeB = attrs.transposeB === true;
  const [aRows, aColumns] = a.shape.slice(-2);
  const [bRows, bColumns] = b.shape.slice(-2);
  const [rows, depth] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
  const [bDepth, columns] = transposeB ? [bColumns, bRows] : [bRows, bColumns];
  const batchShape = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  if (batchShape === undefined || depth !== bDepth) return undefined;
  const aBatches = elementCount(a.shape.slice(0, -2));
  const bBatches = elementCount(b.shape.slice(0, -2));
  const batches = elementCount(batchShape);
  const isRepeated = (count: number) => count !== batches && count !== 1;
  if (isRepeated(aBatches) || isRepeated(bBatches)) return undefined;

  const left = backend.dataOf(a).floats();
  const right = backend.dataOf(b).floats();
  const values = storagePool.take(batches * rows * columns);
  // Batches of rows that are multiplied by the same matrix are one product.
  const whole = bBatches === 1 && !transposeA;
  const calls = whole ? 1 : batches;
  const height = whole ? batches * rows : rows;
  for (let i = 0; i < calls; i++) {
    native.matmul(
      ...([height, depth, columns, transposeA, transposeB] as const),
      named('a', left.subarray(aBatches === 1 ? 0 : i * rows * depth)),
      named('b', right.subarray(bBatches === 1 ? 0 : i * depth * columns)),
      named('c', values.subarray(i * rows * columns)),
    );
  }
  return { shape: [...batchShape, rows, columns], columns, values };
}

const batchMatMul: Kernel = (call) => {
  const product = productOf(call);
  return product === undefined ? undefined : call.backend.output(product.shape, product.values);
};

const fusedMatMul: Kernel = (call) => {
  const { bias, b, preluActivationWeights: slopes } = call.inputs;
  const activation = activationOf(call);
  if (activation === undefined || slopes !== undefined || b === undefined) return undefined;
  const hasBias = bias !== undefined && bias !== null;
  const columns = b.shape.at(call.attrs.transposeB === true ? -2 : -1);
  if (hasBias && !(isFloats(bias) && elementCount(bias.shape) === columns && bias.shape.at(-1) === columns)) {
    return undefined;
  }
  const product = productOf(call);
  if (product === undefined) return undefined;
  const { shape, values } = product;
  if (hasBias) {
    const row = call.backend.dataOf(bias).floats();
    const rows = values.length / row.length;
    native.add(rows, row.length, row.length, named('a', values), named('b', row), named('out', values));
  }
  activation(values.length, values, values, {});
  return call.backend.output(shape, values);
};

export const matmulKernels: Kernels = { BatchMatMul: batchMatMul, _FusedMatMul: fusedMatMul };
