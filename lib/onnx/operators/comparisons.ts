import { where } from '../../ops/where.js';
import { isIntegers } from '../values.js';
import { binary, floatsOf, ofNumbers } from './functions.js';
import { binaryIntegers } from './integer-arithmetic.js';
import { operator } from './operator.js';
import { broadcastInputs } from './sizes.js';

// Conditions. They are 1 or 0, in tensors or, for conditions on sizes, in integers.

export const Equal = binary(
  (a, b) => a.equal(b),
  (a, b) => Number(a === b),
);
export const Less = binary(
  (a, b) => a.less(b),
  (a, b) => Number(a < b),
);
export const LessOrEqual = binary(
  (a, b) => a.lessEqual(b),
  (a, b) => Number(a <= b),
);
export const Greater = binary(
  (a, b) => a.greater(b),
  (a, b) => Number(a > b),
);
export const GreaterOrEqual = binary(
  (a, b) => a.greaterEqual(b),
  (a, b) => Number(a >= b),
);
export const And = binary(
  (a, b) => a.mul(b),
  (a, b) => a * b,
);
export const Or = binary(
  (a, b) => a.maximum(b),
  (a, b) => Math.max(a, b),
);
export const Xor = binary(
  (a, b) => a.notEqual(b),
  (a, b) => Number(a !== b),
);
export const Not = ofNumbers(
  (x) => x.equal(0),
  (each) => Number(each === 0),
);

export const Where = operator(broadcastInputs, () => (call) => {
  const [condition, a, b] = [call.value(0), call.value(1), call.value(2)];
  if (isIntegers(condition) && isIntegers(a) && isIntegers(b)) {
    const chosen = binaryIntegers(condition, a, (test, each) => (test === 0 ? 0 : each));
    const others = binaryIntegers(condition, b, (test, each) => (test === 0 ? each : 0));
    return binaryIntegers(chosen, others, (left, right) => left + right);
  }
  return where(floatsOf(condition), floatsOf(a), floatsOf(b));
});
