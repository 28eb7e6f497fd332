import { backendName } from '../native-backend.js';
import type { Attributes, Inputs, Tensor, TensorFlow } from '../tensorflow.js';

// With `fuseLayers`, methods of classes of TensorFlow.js are replaced. The replacements do what the originals do with fewer
// kernels, and call the originals on other backends, for cases that they do not handle, and where an object lacks a member
// that they use.

/** Does the work of a method, or returns undefined, having done nothing, to leave it to the original. */
export type Replacement = (object: unknown, args: readonly unknown[]) => { result: unknown } | undefined;

/** Replaces a method of the class that TensorFlow.js knows by this name, if there is one. */
export type Fuse = (className: string, method: string, replacement: Replacement) => void;

type Method = (this: unknown, ...args: unknown[]) => unknown;
type Prototype = Record<string, Method | undefined>;

/** The function that replaces methods of classes that are not in `fused`, and adds them to it. */
export function fuseInto(tf: TensorFlow, fused: string[]): Fuse {
  return (className, method, replacement) => {
    const prototype = prototypeOf(tf, className);
    const original = prototype?.[method];
    if (prototype === undefined || typeof original !== 'function' || fused.includes(className)) return;
    prototype[method] = function (...args) {
      const done = tf.getBackend() === backendName ? replacement(this, args) : undefined;
      return done === undefined ? original.apply(this, args) : done.result;
    };
    fused.push(className);
  };
}

/** The prototype of a class that TensorFlow.js can save and load. */
export function prototypeOf(tf: TensorFlow, className: string): Prototype | undefined {
  const classes = tf.serialization?.SerializationMap?.getMap().classNameMap ?? {};
  return classes[className]?.[0].prototype as Prototype | undefined;
}

/** Runs a kernel, which is recorded where gradients are. */
export function run(tf: TensorFlow, kernel: string, inputs: Inputs, attrs: Attributes = {}): Tensor[] {
  return [tf.engine().runKernel(kernel, inputs, attrs)].flat();
}

export const isNumber = (value: unknown): value is number => typeof value === 'number';

/** A layer's weight, which wraps a variable. */
export interface LayerVariable {
  read(): Tensor;
}

/** The only input of a layer's `call`. */
export function inputOf(inputs: unknown): Tensor | undefined {
  if (!Array.isArray(inputs)) return inputs as Tensor;
  return inputs.length === 1 ? (inputs[0] as Tensor) : undefined;
}
