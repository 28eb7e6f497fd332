import { elementCount } from '../core/shape.js';
import { isFloats } from './kernel.js';
import { backendName } from './native-backend.js';
import type { Attributes, GradientFunction, Inputs, Tensor, TensorFlow } from './tensorflow.js';

// TensorFlow.js composes most gradients of element-wise kernels. On this backend some are one kernel instead. Gradients are
// registered for all backends, so each override delegates to the original one on other backends, and also while the gradient
// itself is recorded for a second-order gradient, because the original one consists of kernels that have gradients.

/** A gradient in one kernel; undefined for cases that are left to the original. */
type FastGradient = (
  run: (kernel: string, inputs: Inputs, attrs?: Attributes) => Tensor[],
  dy: Tensor,
  saved: readonly Tensor[],
  attrs: Attributes,
) => Record<string, () => Tensor> | undefined;

/** Whether operations are recorded for a gradient, which a kernel without a gradient would break. */
export function isRecording(tf: TensorFlow, depth = 0): boolean {
  const { gradientDepth } = tf.engine().state ?? {};
  // Without this number, as in an engine of the future, nothing can be said.
  return typeof gradientDepth !== 'number' || gradientDepth > depth;
}

function ofElements(kernel: string, input = 'x'): FastGradient {
  return (run, dy, [value]) => {
    if (!isFloats(dy) || !isFloats(value)) return undefined;
    // Now, because tensors that are made later are disposed of before they are used.
    const [dx] = run(kernel, { value, dy });
    return { [input]: () => dx };
  };
}

/** Of a sum, or of a mean, whose gradient is divided by the number of its values. */
function ofSum(isMean: boolean): FastGradient {
  return (run, dy, [x], { axis }) => {
    if (!isFloats(x) || !isFloats(dy)) return undefined;
    const rank = x.shape.length;
    const listed: unknown[] = axis === undefined || axis === null ? [...x.shape.keys()] : [axis].flat();
    const axes = listed.map((each) => (Number(each) < 0 ? Number(each) + rank : Number(each)));
    const shape = x.shape.map((size, each) => (axes.includes(each) ? 1 : size));
    const factor = isMean ? elementCount(shape) / elementCount(x.shape) : 1;
    const [dx] = run('BatchnormSumGradient', { x, dy }, { shape, factor });
    return { x: () => dx };
  };
}

const ofNormalization: FastGradient = (run, dy, [x, mean, variance, scale], attrs) => {
  const channels = x.shape.at(-1);
  const perChannel = scale === undefined ? [mean, variance] : [mean, variance, scale];
  if (![x, dy, ...perChannel].every(isFloats)) return undefined;
  if (!perChannel.every(({ shape }) => shape.length === 1 && shape[0] === channels)) return undefined;
  const { varianceEpsilon: epsilon } = attrs;
  const inputs = scale === undefined ? { x, dy, mean, variance } : { x, dy, mean, variance, scale };
  const gradients = run('BatchnormNormalizationGradient', inputs, { epsilon });
  const names = ['x', 'mean', 'variance', 'scale', 'offset'];
  return Object.fromEntries(names.map((name, i) => [name, () => gradients[i]]));
};

/** By the kernel whose gradient they are. */
const gradients: Readonly<Record<string, FastGradient>> = {
  Relu: ofElements('BatchnormReluGradient'),
  Relu6: ofElements('BatchnormRelu6Gradient'),
  Sigmoid: ofElements('BatchnormSigmoidGradient'),
  Tanh: ofElements('BatchnormTanhGradient'),
  Softmax: ofElements('BatchnormSoftmaxGradient', 'logits'),
  Sum: ofSum(false),
  Mean: ofSum(true),
  FusedBatchNorm: ofNormalization,
};

/** Replaces gradients that are registered; a program that registers its own later replaces these. */
export function registerGradients(tf: TensorFlow): void {
  const run = (kernel: string, inputs: Inputs, attrs?: Attributes) =>
    [tf.engine().runKernel(kernel, inputs, attrs)].flat();
  for (const [kernelName, gradient] of Object.entries(gradients)) {
    const original = tf.getGradient(kernelName);
    if (original === undefined) continue;
    const gradFunc: GradientFunction = (dy, saved, attrs) => {
      const isOurs = tf.getBackend() === backendName && !isRecording(tf) && !Array.isArray(dy);
      const fast = isOurs ? gradient(run, dy, saved, attrs) : undefined;
      return fast ?? original.gradFunc(dy, saved, attrs);
    };
    tf.unregisterGradient(kernelName);
    tf.registerGradient({ ...original, gradFunc });
  }
}
