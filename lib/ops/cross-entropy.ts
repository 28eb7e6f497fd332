import { graphsOf, recorded } from '../core/record.js';
import { named } from '../backend/argument.js';
import { backend } from '../backend/index.js';
import { freshArray } from '../backend/allocation.js';
import { describe, requireAttached, typeError, wrongShape, wrongType } from '../validation/errors.js';
import type { HasUnknownRank, Shape, Unless } from '../core/shape.js';
import { formatShape, sameShape, scalarShape } from '../core/shape.js';
import { type ClassArray, classArrayLength, readClass } from '../core/number-arrays.js';
import { Storage } from '../core/storage.js';
import type { Tape } from '../core/tape.js';
import { isTaped, isTensor, type ShapeOf, storageOf, type TapeOf, type Tensor } from '../core/tensor.js';
import { requireTensor } from './operand.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';

/** The class index of each row, or the probability of each class in each row. */
export type Targets = ClassArray | Tensor<readonly [number, number]>;

type LogitsProblem<S extends Shape> =
  HasUnknownRank<S> extends true
    ? never
    : S extends readonly [number, number]
      ? never
      : 'Expected a 2D tensor [N, classes] for logits';

/**
 * Cross entropy of softmax(logits) against the targets, averaged over the rows: -1/N * sum over rows n and
 * classes c of target[n][c] * log(softmax(logits[n]))[c].
 *
 * @param logits [N, C], with a tape for training.
 * @param targets N class indices from 0 to C - 1, or probabilities [N, C] without a tape.
 * @throws RangeError for a wrong shape, an empty batch or an index outside of the classes; TypeError for
 * targets with a tape.
 */
export function crossEntropyWithLogitsLoss<X extends Tensor<Shape, Tape>>(
  logits: X & Unless<X, LogitsProblem<ShapeOf<X>>>,
  targets: Targets,
): Tensor<readonly [], TapeOf<X>> {
  if (arguments.length > 2) requireNoSurplus('crossEntropyWithLogitsLoss', 2, arguments);
  return crossEntropy<X>(logits, (rows, columns) => readTargets(targets, rows, columns), false);
}

/**
 * Kullback-Leibler divergence of softmax(logits) from the targets, averaged over the rows: 1/N * sum over
 * rows n and classes c of t[n][c] * (log(t[n][c]) - log(softmax(logits[n]))[c]). A class of probability 0
 * adds 0, as in PyTorch; in dfdx it makes the loss NaN.
 *
 * @param logits [N, C], with a tape for training.
 * @param targets Probabilities [N, C], without a tape: they receive no gradient.
 * @throws RangeError for a wrong shape or an empty batch, TypeError for targets with a tape.
 */
export function klDivWithLogitsLoss<X extends Tensor<Shape, Tape>>(
  logits: X & Unless<X, LogitsProblem<ShapeOf<X>>>,
  targets: Tensor<readonly [number, number]>,
): Tensor<readonly [], TapeOf<X>> {
  if (arguments.length > 2) requireNoSurplus('klDivWithLogitsLoss', 2, arguments);
  const read = (rows: number, columns: number): Target =>
    probabilities(requireTensor('targets', targets), rows, columns);
  return crossEntropy<X>(logits, read, true);
}

/** Cross entropy; with `relative`, minus the entropy of the targets, which does not affect the gradient. */
function crossEntropy<X>(
  logits: unknown,
  read: (rows: number, columns: number) => Target,
  relative: boolean,
): Tensor<readonly [], TapeOf<X>> {
  const x = requireTensor('logits', logits);
  const [rows, columns] = readLogitsShape(x.shape);
  const target = read(rows, columns);

  const inputs = [x];
  const graphs = graphsOf(inputs);
  const input = storageOf(x);
  const logProbabilities = Storage.take(rows * columns);
  backend.logSoftmax(rows, columns, input.named('x'), logProbabilities.named('y'));
  const loss = Storage.take(1);
  const entropy = relative ? target.entropy() : 0;
  loss.values[0] = (-target.dot(logProbabilities.values) - entropy) / rows;
  const result = recorded<readonly [], TapeOf<X>>(graphs, inputs, scalarShape, loss, () => ({
    saved: [logProbabilities, ...target.saved],
    backward: (dy, accumulate) => {
      // The gradient (softmax - target) * dy / N, computed as that of log(softmax) from -target * dy / N.
      const dx = Storage.take(rows * columns);
      target.scaled(-dy.values[0] / rows, dx.values);
      backend.logSoftmaxBackward(rows, columns, logProbabilities.named('y'), dx.named('dy'), dx.named('dx'));
      accumulate(0, dx);
    },
  }));
  logProbabilities.release();
  return result;
}

/** The targets as a matrix [N, C], which class indices represent without storing it. */
interface Target {
  readonly saved: readonly Storage[];
  /** The sum of the element-wise product with `values`. */
  dot(values: Float32Array): number;
  /** The entropy: -sum of t * log(t). */
  entropy(): number;
  /** Writes factor * target into `out`. */
  scaled(factor: number, out: Float32Array): void;
}

function readTargets(targets: unknown, rows: number, columns: number): Target {
  if (isTensor(targets)) return probabilities(targets, rows, columns);
  const length = classArrayLength(targets);
  if (length === undefined) {
    throw wrongType('targets', 'a Tensor or an array of class indices', targets);
  }
  requireAttached('targets', targets);
  if (length !== rows) {
    throw wrongShape('targets', `${rows} class indices`, describe(targets));
  }
  const classes = freshArray(Int32Array, 'class indices', rows);
  for (let row = 0; row < rows; row++) {
    classes[row] = readClass(`targets[${row}]`, (targets as ClassArray)[row], columns);
  }
  return oneHot(classes, columns);
}

function oneHot(classes: Int32Array, columns: number): Target {
  return {
    saved: [],
    dot(values) {
      let sum = 0;
      for (let row = 0; row < classes.length; row++) sum += values[row * columns + classes[row]];
      return sum;
    },
    entropy: () => 0,
    scaled(factor, out) {
      out.fill(0);
      for (let row = 0; row < classes.length; row++) out[row * columns + classes[row]] = factor;
    },
  };
}

function probabilities(targets: Tensor<Shape, Tape>, rows: number, columns: number): Target {
  if (isTaped(targets)) {
    throw typeError('ERR_BATCHNORM_TAPE', 'Expected a tensor without a tape for targets, but it has one');
  }
  if (!sameShape(targets.shape, [rows, columns])) {
    throw wrongShape(
      'targets',
      `shape ${formatShape([rows, columns])}`,
      `shape ${formatShape(targets.shape)}`,
    );
  }
  const storage = storageOf(targets);
  return {
    saved: [storage],
    dot(values) {
      let sum = 0;
      // A class with probability 0 in both has 0 * -Infinity, which counts as 0.
      storage.values.forEach((weight, i) => {
        if (weight !== 0) sum += weight * values[i];
      });
      return sum;
    },
    entropy() {
      let sum = 0;
      for (const weight of storage.values) if (weight !== 0) sum -= weight * Math.log(weight);
      return sum;
    },
    scaled(factor, out) {
      const right = named('b', new Float32Array([factor]));
      backend.mul(1, out.length, 1, storage.named('a'), right, named('out', out));
    },
  };
}

function readLogitsShape(shape: Shape): readonly [number, number] {
  if (shape.length !== 2 || shape[0] === 0 || shape[1] === 0) {
    throw wrongShape(
      'logits',
      'a 2D tensor [N, classes] with at least one row and one class',
      `shape ${formatShape(shape)}`,
    );
  }
  return [shape[0], shape[1]];
}
