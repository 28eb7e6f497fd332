import { sameShape } from '../../core/shape.js';
import { isRecording } from '../gradients.js';
import { isFloats } from '../kernel.js';
import { backendName } from '../native-backend.js';
import type { Tensor, TensorFlow } from '../tensorflow.js';
import { prototypeOf, run } from './replace.js';

type Loss = (target: Tensor, output: Tensor, ...rest: unknown[]) => Tensor;

interface Model {
  /** As `compile` received it: a name, a name for each output, or an object with names by output. */
  readonly loss?: unknown;
  readonly outputNames?: readonly string[];
  readonly lossFunctions?: Loss[];
}

const name = 'categoricalCrossentropy';

function lossNames({ loss, outputNames = [] }: Model): readonly unknown[] {
  if (typeof loss === 'string') return outputNames.map(() => loss);
  if (Array.isArray(loss)) return loss.length === 1 ? outputNames.map(() => loss[0] as unknown) : loss;
  if (typeof loss !== 'object' || loss === null) return [];
  return outputNames.map((output) => (loss as Record<string, unknown>)[output]);
}

/** Computes the categorical cross entropy of models, which is composed of a dozen kernels, with one, and its gradient, too. */
export function fuseLosses(tf: TensorFlow, fused: string[]): void {
  const prototype = prototypeOf(tf, 'Model');
  const compile = prototype?.compile;
  if (prototype === undefined || typeof compile !== 'function' || fused.includes('Model')) return;

  const replacing =
    (original: Loss): Loss =>
    (target, output, ...rest) => {
      const isOurs = tf.getBackend() === backendName && rest.length === 0 && !isRecording(tf, 1);
      const fits = isFloats(output) && output.shape.length > 0 && sameShape(output.shape, target.shape);
      if (!isOurs || !fits || target.dtype === 'complex64' || target.dtype === 'string') {
        return original(target, output, ...rest);
      }
      const epsilon = tf.backend().epsilon();
      return run(tf, 'BatchnormCrossEntropy', { output, target }, { epsilon })[0];
    };

  prototype.compile = function (...args) {
    const result = compile.apply(this, args);
    const model = this as Model;
    const { lossFunctions } = model;
    if (Array.isArray(lossFunctions)) {
      lossNames(model).forEach((each, i) => {
        if (each === name && typeof lossFunctions[i] === 'function') {
          lossFunctions[i] = replacing(lossFunctions[i]);
        }
      });
    }
    return result;
  };
  fused.push('Model');
}
