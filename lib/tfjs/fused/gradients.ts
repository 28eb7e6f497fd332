import type { Attributes, GradientFunction, Tensor, TensorFlow } from '../tensorflow.js';
import { run } from './replace.js';

// The gradients of the kernels that fused layers run. Those of inputs are computed on demand, except where one kernel computes
// several.

type Gradient = (tf: TensorFlow, dy: Tensor, saved: readonly Tensor[], attrs: Attributes) => Lazy;
type Lazy = Record<string, () => Tensor>;

/** The gradient of an activation's input, from its result. */
function beforeActivation(tf: TensorFlow, y: Tensor, dy: Tensor, { activation }: Attributes): Tensor {
  return activation === 'relu' ? run(tf, 'BatchnormReluGradient', { value: y, dy })[0] : dy;
}

/** The gradient of a bias, whose axis is the last one of dy. */
function ofBias(tf: TensorFlow, dy: Tensor): Tensor {
  return run(tf, 'Sum', { x: dy }, { axis: [...dy.shape.keys()].slice(0, -1), keepDims: false })[0];
}

const ofConvolution: Gradient = (tf, outputGradient, [x, filter, y], attrs) => {
  const { strides, pad, dataFormat, dimRoundingMode } = attrs;
  const dy = beforeActivation(tf, y, outputGradient, attrs);
  const same = { strides, pad, dataFormat, dimRoundingMode };
  const inputShape = x.shape;
  const filterShape = filter.shape;
  return {
    x: () => run(tf, 'Conv2DBackpropInput', { dy, filter }, { ...same, inputShape })[0],
    filter: () => run(tf, 'Conv2DBackpropFilter', { x, dy }, { ...same, filterShape })[0],
    bias: () => ofBias(tf, dy),
  };
};

const ofProduct: Gradient = (tf, outputGradient, [a, b, y], attrs) => {
  const dy = beforeActivation(tf, y, outputGradient, attrs);
  const transposed = (transposeA: boolean, transposeB: boolean) => ({ transposeA, transposeB });
  return {
    a: () => run(tf, 'BatchMatMul', { a: dy, b }, transposed(false, true))[0],
    b: () => run(tf, 'BatchMatMul', { a, b: dy }, transposed(true, false))[0],
    bias: () => ofBias(tf, dy),
  };
};

const ofBatchNorm: Gradient = (tf, dy, [x, scale, statistics]) => {
  const [dx, dscale, dbias] = run(tf, 'BatchnormBackward', { x, dy, scale, statistics });
  return { x: () => dx, scale: () => dscale, bias: () => dbias };
};

const ofCrossEntropy: Gradient = (tf, dy, [output, target], attrs) => {
  const gradient = (of: string) =>
    run(tf, 'BatchnormCrossEntropyGradient', { output, target, dy }, { ...attrs, of })[0];
  return { output: () => gradient('output'), target: () => gradient('target') };
};

const gradients = {
  BatchnormConvolution: { inputs: ['x', 'filter'], outputs: [true], gradient: ofConvolution },
  BatchnormDense: { inputs: ['a', 'b'], outputs: [true], gradient: ofProduct },
  BatchnormTraining: { inputs: ['x', 'scale'], outputs: [false, true], gradient: ofBatchNorm },
  BatchnormCrossEntropy: { inputs: ['output', 'target'], outputs: [false], gradient: ofCrossEntropy },
};

export function registerFusedGradients(tf: TensorFlow): void {
  for (const [kernelName, { inputs, outputs, gradient }] of Object.entries(gradients)) {
    const gradFunc: GradientFunction = (dy, saved, attrs) => gradient(tf, [dy].flat()[0], saved, attrs);
    tf.registerGradient({ kernelName, inputsToSave: inputs, outputsToSave: outputs, gradFunc });
  }
}
