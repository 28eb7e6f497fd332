import { isFloats } from '../kernel.js';
import type { Tensor, TensorFlow, Variable } from '../tensorflow.js';
import { type Fuse, isNumber, run } from './replace.js';
import { unshare } from './variables.js';

interface Slot {
  readonly originalName: string;
  readonly variable: Variable;
}

interface Optimizer {
  readonly learningRate?: number;
  incrementIterations?(): void;
}

interface AdamOptimizer extends Optimizer {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number | null;
  readonly accBeta1?: Variable;
  readonly accBeta2?: Variable;
  readonly accumulatedFirstMoment?: Slot[];
  readonly accumulatedSecondMoment?: Slot[];
}

interface MomentumOptimizer extends Optimizer {
  readonly momentum?: number;
  readonly useNesterov?: boolean;
  readonly accumulations?: Slot[];
}

type Gradients =
  readonly { readonly name: string; readonly tensor: Tensor | null }[] | Record<string, Tensor | null>;

/** The gradient and the variable of each name; undefined if one is not float32 or has no variable. */
function stepsOf(tf: TensorFlow, gradients: Gradients) {
  const listed = Array.isArray(gradients)
    ? (gradients as readonly { name: string; tensor: Tensor | null }[])
    : Object.entries(gradients as Record<string, Tensor | null>).map(([name, tensor]) => ({ name, tensor }));
  const { registeredVariables } = tf.engine();
  if (registeredVariables === undefined) return undefined;
  const steps = listed.map(({ name, tensor }) => ({
    name,
    gradient: tensor,
    value: registeredVariables[name],
  }));
  const areOurs = steps.every(
    ({ gradient, value }) =>
      isFloats(value) && (gradient === null || gradient === undefined || isFloats(gradient)),
  );
  return areOurs ? steps : undefined;
}

type Steps = NonNullable<ReturnType<typeof stepsOf>>;

/** The moment or velocity of a variable, which is made at the first step. */
function slotOf(tf: TensorFlow, slots: Slot[], index: number, name: string, value: Variable): Variable {
  // Nullish for a variable that has not been stepped.
  const existing = slots[index] as Slot | undefined;
  if (existing) return existing.variable;
  const variable = tf.tidy(() => tf.variable(tf.zerosLike(value), false));
  slots[index] = { originalName: name, variable };
  return variable;
}

/** The variables with a gradient, the gradients, and the slots of these variables by the suffixes of their names. */
function steppedOf(tf: TensorFlow, steps: Steps, slots: Readonly<Record<string, Slot[]>>) {
  const stepped = { parameters: [] as Variable[], gradients: [] as Tensor[] };
  const states: Variable[][] = Object.keys(slots).map(() => []);
  steps.forEach(({ name, gradient, value }, i) => {
    const own = Object.entries(slots).map(([suffix, list]) =>
      slotOf(tf, list, i, `${name}/${suffix}`, value),
    );
    if (!gradient) return;
    stepped.parameters.push(value);
    stepped.gradients.push(gradient);
    own.forEach((variable, slot) => states[slot].push(variable));
  });
  return { ...stepped, states };
}

/** Updates all variables of a step of Adam, SGD or momentum in place, with one kernel. */
export function fuseOptimizers(tf: TensorFlow, fuse: Fuse): void {
  fuse('Adam', 'applyGradients', (object, [gradients]) => {
    const adam = object as AdamOptimizer;
    const { learningRate, beta1, beta2, epsilon, accBeta1, accBeta2 } = adam;
    const { accumulatedFirstMoment: firsts, accumulatedSecondMoment: seconds } = adam;
    if (![learningRate, beta1, beta2, epsilon].every(isNumber)) return undefined;
    if (!accBeta1 || !accBeta2 || !firsts || !seconds) return undefined;
    const steps = stepsOf(tf, gradients as Gradients);
    if (steps === undefined || typeof adam.incrementIterations !== 'function') return undefined;
    const { parameters, gradients: given, states } = steppedOf(tf, steps, { m: firsts, v: seconds });
    const powers = [accBeta1, accBeta2];
    const [moments1, moments2] = states;
    if (!unshare(tf, [...parameters, ...moments1, ...moments2, ...powers])) return undefined;
    const attrs = { learningRate, beta1, beta2, epsilon, parameters, gradients: given };
    run(tf, 'BatchnormAdamStep', {}, { ...attrs, moments1, moments2, powers });
    adam.incrementIterations();
    return { result: undefined };
  });

  fuse('SGD', 'applyGradients', (object, [gradients]) => {
    const sgd = object as Optimizer;
    const { learningRate } = sgd;
    const steps = stepsOf(tf, gradients as Gradients);
    if (!isNumber(learningRate) || steps === undefined || !sgd.incrementIterations) return undefined;
    const { parameters, gradients: given } = steppedOf(tf, steps, {});
    if (!unshare(tf, parameters)) return undefined;
    run(tf, 'BatchnormSgdStep', {}, { learningRate, parameters, gradients: given });
    sgd.incrementIterations();
    return { result: undefined };
  });

  fuse('Momentum', 'applyGradients', (object, [gradients]) => {
    const optimizer = object as MomentumOptimizer;
    const { learningRate, momentum, useNesterov: nesterov = false, accumulations } = optimizer;
    const steps = stepsOf(tf, gradients as Gradients);
    if (!isNumber(learningRate) || !isNumber(momentum) || !accumulations || steps === undefined) {
      return undefined;
    }
    if (!optimizer.incrementIterations) return undefined;
    const { parameters, gradients: given, states } = steppedOf(tf, steps, { momentum: accumulations });
    const [velocities] = states;
    if (!unshare(tf, [...parameters, ...velocities])) return undefined;
    const attrs = { learningRate, momentum, nesterov, parameters, gradients: given, velocities };
    run(tf, 'BatchnormSgdStep', {}, attrs);
    optimizer.incrementIterations();
    return { result: undefined };
  });
}
