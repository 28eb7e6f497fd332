import { isRecording } from '../gradients.js';
import { isFloats } from '../kernel.js';
import type { Tensor, TensorFlow } from '../tensorflow.js';
import { type Fuse, inputOf, type LayerVariable, run } from './replace.js';

interface Activation {
  getClassName?(): string;
  apply?(x: Tensor): Tensor;
}

interface WeightedLayer {
  readonly kernel?: LayerVariable | null;
  readonly bias?: LayerVariable | null;
  readonly activation?: Activation | null;
  invokeCallHook?(inputs: unknown, options: unknown): void;
}

interface ConvolutionLayer extends WeightedLayer {
  readonly rank?: number;
  readonly strides?: unknown;
  readonly padding?: unknown;
  readonly dataFormat?: unknown;
  readonly dilationRate?: unknown;
}

/** The activation for a fused kernel, and the one that remains to be applied; undefined if neither is known. */
function activationsOf({ activation }: WeightedLayer): { fused: string; rest?: Activation } | undefined {
  if (activation === null || activation === undefined) return { fused: 'linear' };
  const name = activation.getClassName?.();
  if (name === 'relu' || name === 'linear') return { fused: name };
  return typeof activation.apply === 'function' ? { fused: 'linear', rest: activation } : undefined;
}

/** Only training gains: without a gradient TensorFlow.js fuses these itself. */
const isTraining = (tf: TensorFlow) => isRecording(tf) && !isRecording(tf, 1);

function weightsOf({ kernel, bias }: WeightedLayer): { filter: Tensor; bias?: Tensor } | undefined {
  const filter = kernel?.read();
  if (!isFloats(filter)) return undefined;
  if (bias === null || bias === undefined) return { filter };
  const values = bias.read();
  return isFloats(values) && values.shape.length === 1 ? { filter, bias: values } : undefined;
}

/** Trains convolutions and dense layers with the bias and ReLU in their kernel. */
export function fuseDenseLayers(tf: TensorFlow, fuse: Fuse): void {
  const apply = (
    layer: WeightedLayer,
    compute: (activation: string) => Tensor,
  ): { result: Tensor } | undefined => {
    const activations = activationsOf(layer);
    if (activations === undefined) return undefined;
    const { fused, rest } = activations;
    return {
      result: tf.tidy(() => {
        const y = compute(fused);
        return rest?.apply === undefined ? y : rest.apply(y);
      }),
    };
  };

  fuse('Conv2D', 'call', (object, [inputs]) => {
    const layer = object as ConvolutionLayer;
    const x = inputOf(inputs);
    const weights = weightsOf(layer);
    if (!isTraining(tf) || !isFloats(x) || x.shape.length !== 4 || weights === undefined) return undefined;
    const { strides, padding: pad, dataFormat, dilationRate, rank } = layer;
    const { filter, bias } = weights;
    const isPlain = rank === 2 && dataFormat === 'channelsLast' && Array.isArray(strides);
    if (!isPlain || (pad !== 'same' && pad !== 'valid')) return undefined;
    if ([dilationRate].flat().some((rate) => rate !== 1 && rate !== undefined)) return undefined;
    if (filter.shape.length !== 4 || filter.shape[2] !== x.shape[3]) return undefined;
    const tensors = bias === undefined ? { x, filter } : { x, filter, bias };
    const settings = { strides, pad, dataFormat: 'NHWC', dilations: [1, 1] };
    return apply(
      layer,
      (activation) => run(tf, 'BatchnormConvolution', tensors, { ...settings, activation })[0],
    );
  });

  fuse('Dense', 'call', (object, [inputs, options]) => {
    const layer = object as WeightedLayer;
    const a = inputOf(inputs);
    const weights = weightsOf(layer);
    if (!isTraining(tf) || !isFloats(a) || a.shape.length !== 2 || weights === undefined) return undefined;
    const { filter: b, bias } = weights;
    if (b.shape.length !== 2 || b.shape[0] !== a.shape[1]) return undefined;
    const tensors = bias === undefined ? { a, b } : { a, b, bias };
    const settings = { transposeA: false, transposeB: false };
    return apply(layer, (activation) => {
      layer.invokeCallHook?.(inputs, options);
      return run(tf, 'BatchnormDense', tensors, { ...settings, activation })[0];
    });
  });
}
