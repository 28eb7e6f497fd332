import { freshFloats } from '../backend/allocation.js';
import { named } from '../backend/argument.js';
import { backend } from '../backend/index.js';
import { graphsOf, recorded } from '../core/record.js';
import type { Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { MergedTape, Tape } from '../core/tape.js';
import { type ShapeOf, storageOf, type TapeOf, type Tensor } from '../core/tensor.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';
import { readRight } from './arithmetic.js';
import { broadcastShape, withoutTape, withShape } from './broadcast.js';
import type { BroadcastShape, OperandShape, RightOperand } from './broadcast-types.js';
import { type AnyTensor, requireTensor } from './operand.js';

/**
 * The values of `a` where the condition is not 0, and those of `b` elsewhere. The shapes broadcast.
 *
 * @param condition Such as the result of a comparison, `x.greater(0)`; NaN counts as true. It receives no gradient.
 * @returns A tensor with a tape if `a` or `b` has one. Each gradient is 0 where the other's values were taken.
 * @throws TypeError for anything but numbers and tensors, RangeError for shapes that do not broadcast.
 */
export function where<C extends AnyTensor, A extends number | AnyTensor, B extends number | AnyTensor>(
  condition: C,
  a: A & RightOperand<ShapeOf<C>, A>,
  b: B & RightOperand<ShapeOf<C>, B>,
): Tensor<
  BroadcastShape<BroadcastShape<ShapeOf<C>, OperandShape<A>>, OperandShape<B>>,
  MergedTape<TapeOf<A>, TapeOf<B>>
> {
  if (arguments.length > 3) requireNoSurplus('where', 3, arguments);
  const tested = requireTensor('condition', condition);
  const yes = readRight('a', a);
  const no = readRight('b', b);
  const shape = broadcastShape(broadcastShape(tested.shape, yes.shape, 'a'), no.shape, 'b');
  return withoutTape(tested, (mask) =>
    withShape(shape, [mask, yes, no], (operands) => select(...operands)),
  ) as never;
}

function select<T extends Tape>(mask: AnyTensor, a: Tensor<Shape, T>, b: Tensor<Shape, T>): Tensor<Shape, T> {
  const inputs = [a, b];
  const graphs = graphsOf(inputs);
  const condition = storageOf(mask);
  const n = condition.values.length;
  const pick = (left: Float32Array, right: Float32Array) => {
    const result = Storage.take(n);
    backend.where(n, condition.named('condition'), named('a', left), named('b', right), result.named('out'));
    return result;
  };
  const result = pick(storageOf(a).values, storageOf(b).values);
  return recorded(graphs, inputs, mask.shape, result, () => ({
    saved: [condition],
    backward: (dy, accumulate, needsGradient) => {
      const zeros = freshFloats('working space', n);
      if (needsGradient(0)) accumulate(0, pick(dy.values, zeros));
      if (needsGradient(1)) accumulate(1, pick(zeros, dy.values));
    },
  }));
}
