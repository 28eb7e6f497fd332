import { Tensor } from '../../core/tensor.js';
import { type AnyTensor, isIntegers, type Value } from '../values.js';
import { binaryIntegers, type IntegerFunction } from './integer-arithmetic.js';
import { axisOf, type NodeReader } from './node-reader.js';
import { integers, type Operator, operator } from './operator.js';
import { broadcastInputs, sameAsInput } from './sizes.js';

// Functions of elements that are floats or integers.

/** A function of tensors and of integers. */
export function ofNumbers(
  compute: (x: AnyTensor) => AnyTensor,
  ofInteger: (value: number) => number,
): Operator {
  return operator(sameAsInput, () => (call) => {
    const value = call.value(0);
    return isIntegers(value) ? integers(value.numbers.map(ofInteger), value.shape) : compute(value);
  });
}

export const binary = (
  compute: (a: AnyTensor, b: AnyTensor) => AnyTensor,
  ofIntegers?: IntegerFunction,
): Operator =>
  operator(broadcastInputs, (node) => {
    const align = alignment(node);
    return (call) => {
      const [a, b] = [call.value(0), call.value(1)];
      if (isIntegers(a) && isIntegers(b) && ofIntegers !== undefined) return binaryIntegers(a, b, ofIntegers);
      return compute(floatsOf(a), align(floatsOf(b), floatsOf(a)));
    };
  });

/** Integers as floats, which a condition and its comparison may mix. */
export function floatsOf(value: Value): AnyTensor {
  return isIntegers(value) ? Tensor.from(value.numbers, value.shape) : value;
}

/** Before opset 7, `axis` names the axis of the left operand with which the axes of the right one begin. */
function alignment(node: NodeReader): (b: AnyTensor, a: AnyTensor) => AnyTensor {
  if (node.opset >= 7 || !node.hasAttribute('axis')) return (b) => b;
  return (b, a) => {
    const axis = axisOf(node.number('axis', 0), a.shape.length, node);
    const missing = a.shape.length - axis - b.shape.length;
    return missing <= 0 ? b : b.reshape([...b.shape, ...Array<number>(missing).fill(1)]);
  };
}
