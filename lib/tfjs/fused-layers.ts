import { isRecording } from './gradients.js';
import { isFloats } from './kernel.js';
import { backendName } from './native-backend.js';
import type { Attributes, Inputs, Tensor, TensorFlow, Variable } from './tensorflow.js';

// With `fuseLayers`, methods of classes of TensorFlow.js are replaced: `call` of its batch norm and `applyGradients` of its
// optimizers. The replacements do what the originals do with fewer kernels, and call the originals on other backends, for
// cases that they do not handle, and where an object lacks a member that they use.

type Method = (this: never, ...args: never[]) => unknown;
type Prototype = Record<string, Method | undefined>;

/** A layer's weight, which wraps a variable. */
interface LayerVariable {
  read(): Tensor;
  write(value: Tensor): unknown;
}

interface BatchNormLayer {
  readonly axis?: number;
  readonly epsilon?: number;
  readonly momentum?: number;
  readonly gamma?: LayerVariable | null;
  readonly beta?: LayerVariable | null;
  readonly movingMean?: LayerVariable | null;
  readonly movingVariance?: LayerVariable | null;
}

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

/** The moment or velocity of a variable, which is made at the first step. */
function slotOf(tf: TensorFlow, slots: Slot[], index: number, name: string, value: Variable): Variable {
  // Nullish for a variable that has not been stepped.
  const existing = slots[index] as Slot | undefined;
  if (existing) return existing.variable;
  const variable = tf.tidy(() => tf.variable(tf.zerosLike(value), false));
  slots[index] = { originalName: name, variable };
  return variable;
}

/** Replaces a method by a function that gets the object and the arguments, and returns whether it did the work. */
function replace(
  tf: TensorFlow,
  prototype: Prototype | undefined,
  name: string,
  replacement: (object: unknown, args: readonly unknown[]) => { result: unknown } | undefined,
): void {
  const original = prototype?.[name];
  if (prototype === undefined || typeof original !== 'function') return;
  prototype[name] = function (this: unknown, ...args: unknown[]): unknown {
    const done = tf.getBackend() === backendName ? replacement(this, args) : undefined;
    return done === undefined ? (original as (...args: unknown[]) => unknown).apply(this, args) : done.result;
  };
}

const isNumber = (value: unknown): value is number => typeof value === 'number';

/** Fuses what exists in this version of TensorFlow.js. @returns the classes whose methods were replaced */
export function fuseLayers(tf: TensorFlow): readonly string[] {
  const classes = tf.serialization?.SerializationMap?.getMap().classNameMap ?? {};
  const run = (kernel: string, inputs: Inputs, attrs: Attributes) =>
    [tf.engine().runKernel(kernel, inputs, attrs)].flat();
  const fused: string[] = [];
  const fuse = (className: string, method: string, replacement: Parameters<typeof replace>[3]) => {
    const prototype = classes[className]?.[0].prototype as Prototype | undefined;
    if (typeof prototype?.[method] !== 'function') return;
    replace(tf, prototype, method, replacement);
    fused.push(className);
  };

  fuse('BatchNormalization', 'call', (object, [inputs, options]) => {
    const layer = object as BatchNormLayer;
    const { gamma, beta, movingMean, movingVariance, axis, epsilon, momentum } = layer;
    const x = Array.isArray(inputs) ? (inputs as Tensor[])[0] : (inputs as Tensor);
    const training = (options as { training?: boolean } | undefined)?.training;
    if (!training || !gamma || !beta || !movingMean || !movingVariance) return undefined;
    if (!isFloats(x) || !isNumber(axis) || !isNumber(epsilon) || !isNumber(momentum)) return undefined;
    const rank = x.shape.length;
    const channels = x.shape[rank - 1];
    const isLast = axis === -1 || axis === rank - 1;
    const count = x.shape.reduce((product, size) => product * size, 1) / channels;
    // Second-order gradients need the operations of which the original is composed.
    if (!isLast || count < 2 || isRecording(tf, 1)) return undefined;
    const result = tf.tidy(() => {
      // Of the batch; kept, because the scope of the custom gradient disposes of everything except its value.
      const batch: Tensor[] = [];
      const normalize = tf.customGrad((...args) => {
        const [input, scale, bias, save] = args as unknown as [
          Tensor,
          Tensor,
          Tensor,
          (tensors: Tensor[]) => void,
        ];
        const inputs = { x: input, scale, bias };
        const [y, mean, variance, ...statistics] = run('BatchnormTraining', inputs, { epsilon });
        batch.push(tf.keep(mean), tf.keep(variance));
        save([input, scale, ...statistics]);
        const gradFunc = (dy: Tensor, [x, scale, mean, meanLow, invStd]: readonly Tensor[]) =>
          run('BatchnormBackward', { x, dy, scale, mean, meanLow, invStd }, {});
        return { value: y, gradFunc };
      });
      const y = normalize(x, gamma.read(), beta.read());
      [movingMean, movingVariance].forEach((moving, i) => {
        const previous = moving.read();
        moving.write(tf.sub(previous, tf.mul(tf.sub(previous, batch[i]), 1 - momentum)));
        batch[i].dispose();
      });
      return y;
    });
    return { result };
  });

  fuse('Adam', 'applyGradients', (object, [gradients]) => {
    const adam = object as AdamOptimizer;
    const { learningRate, beta1, beta2, epsilon, accBeta1, accBeta2 } = adam;
    const { accumulatedFirstMoment: firsts, accumulatedSecondMoment: seconds } = adam;
    const numbers = [learningRate, beta1, beta2, epsilon];
    if (!numbers.every(isNumber) || !accBeta1 || !accBeta2 || !firsts || !seconds) return undefined;
    const steps = stepsOf(tf, gradients as Gradients);
    if (steps === undefined || typeof adam.incrementIterations !== 'function') return undefined;
    const attrs = {
      ...{ learningRate, beta1, beta2, epsilon },
      correction1: 1 / (1 - accBeta1.dataSync()[0]),
      correction2: 1 / (1 - accBeta2.dataSync()[0]),
    };
    steps.forEach(({ name, gradient, value }, i) => {
      const moment1 = slotOf(tf, firsts, i, `${name}/m`, value);
      const moment2 = slotOf(tf, seconds, i, `${name}/v`, value);
      if (!gradient) return;
      const inputs = { parameter: value, gradient, moment1, moment2 };
      tf.tidy(() => assign([value, moment1, moment2], run('BatchnormAdamStep', inputs, attrs)));
    });
    tf.tidy(() => {
      accBeta1.assign(tf.mul(accBeta1, beta1 ?? 0));
      accBeta2.assign(tf.mul(accBeta2, beta2 ?? 0));
    });
    adam.incrementIterations();
    return { result: undefined };
  });

  fuse('SGD', 'applyGradients', (object, [gradients]) => {
    const sgd = object as Optimizer;
    const { learningRate } = sgd;
    const steps = stepsOf(tf, gradients as Gradients);
    if (!isNumber(learningRate) || steps === undefined || !sgd.incrementIterations) return undefined;
    for (const { gradient, value } of steps) {
      if (!gradient) continue;
      tf.tidy(() =>
        assign([value], run('BatchnormSgdStep', { parameter: value, gradient }, { learningRate })),
      );
    }
    sgd.incrementIterations();
    return { result: undefined };
  });

  fuse('Momentum', 'applyGradients', (object, [gradients]) => {
    const optimizer = object as MomentumOptimizer;
    const { learningRate, momentum, useNesterov: nesterov = false, accumulations } = optimizer;
    const steps = stepsOf(tf, gradients as Gradients);
    if (!isNumber(learningRate) || !isNumber(momentum) || !accumulations || steps === undefined)
      return undefined;
    if (!optimizer.incrementIterations) return undefined;
    steps.forEach(({ name, gradient, value }, i) => {
      const velocity = slotOf(tf, accumulations, i, `${name}/momentum`, value);
      if (!gradient) return;
      const inputs = { parameter: value, gradient, velocity };
      const attrs = { learningRate, momentum, nesterov };
      tf.tidy(() => assign([value, velocity], run('BatchnormSgdStep', inputs, attrs)));
    });
    optimizer.incrementIterations();
    return { result: undefined };
  });

  return fused;
}

function assign(variables: readonly Variable[], values: readonly Tensor[]): void {
  variables.forEach((variable, i) => variable.assign(values[i]));
}
