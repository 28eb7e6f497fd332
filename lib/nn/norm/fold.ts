import { detached, wrongShape, wrongType, wrongValue } from '../../validation/errors.js';
import type { Shape } from '../../core/shape.js';
import { storageOf, type Tensor } from '../../core/tensor.js';
import { BatchNorm2D } from './batch-norm-2d.js';
import type { ChannelNorm } from './channel-norm.js';
import { Conv2D } from '../layers/conv-2d.js';
import { FrozenBatchNorm2D } from './frozen-batch-norm-2d.js';
import { GeneralizedResidual } from '../compose/generalized-residual.js';
import type { Layer } from '../shape-rule.js';
import { infersAsDefined } from '../compose/fusion.js';
import { cloned, sharingCopies } from '../compose/part.js';
import { Residual } from '../compose/residual.js';
import { Sequential } from '../compose/sequential.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';

type AnyConv = Conv2D<number, number, number, number, number>;

/** The type of a layer after folding. */
export type FoldedLayer<L> =
  L extends Sequential<infer Layers>
    ? Sequential<Folded<Layers>>
    : L extends Residual<infer F>
      ? Residual<FoldedLayer<F> & Layer>
      : L extends GeneralizedResidual<infer F, infer R>
        ? GeneralizedResidual<FoldedLayer<F> & Layer, FoldedLayer<R> & Layer>
        : L;

/** The layers after replacing each `Conv2D` and the batch norm directly after it by one `Conv2D`. */
export type Folded<Layers extends readonly unknown[]> = Layers extends readonly [
  infer First,
  infer Second,
  ...infer Rest,
]
  ? First extends AnyConv
    ? Second extends ChannelNorm<number, 2, boolean>
      ? readonly [First, ...Folded<Rest>]
      : readonly [First, ...Folded<readonly [Second, ...Rest]>]
    : readonly [FoldedLayer<First> & Layer, ...Folded<readonly [Second, ...Rest]>]
  : Layers extends readonly [infer Only]
    ? readonly [FoldedLayer<Only> & Layer]
    : Layers extends readonly []
      ? readonly []
      : readonly Layer[];

/**
 * Returns a copy of a network for inference in which one `Conv2D` with a bias replaces every `Conv2D` and the
 * `BatchNorm2D` or `FrozenBatchNorm2D` directly after it, at any depth. With factor = scale / sqrt(runningVar
 * + epsilon), its weight is weight * factor, and its bias is (bias of the convolution - runningMean) * factor
 * + bias of the batch norm. Both are computed in double precision and rounded once. Outputs differ by
 * rounding, about 1e-6 of the magnitudes that are summed for a pixel. The network itself does not change.
 *
 * @param net The network whose `forward` is called. Other layers are cloned.
 * @returns The copy. Its tensors are named after their positions in it, so it cannot load the network's
 * files.
 * @throws TypeError if `net` is not a `Sequential` or one of your modules has no clone(); RangeError if there
 * is no such pair, or if the channels of a batch norm differ from those of the convolution before it.
 *
 * @example
 * const net = new Sequential(new Conv2D(3, 16, 3), new BatchNorm2D(16), new ReLU());
 * fold(net).forward(Tensor.zeros([1, 3, 8, 8])); // Sequential<[Conv2D<3, 16, 3>, ReLU]>
 */
export function fold<Layers extends readonly Layer[]>(net: Sequential<Layers>): Sequential<Folded<Layers>> {
  if (arguments.length > 1) requireNoSurplus('fold', 1, arguments);
  if (!((net as unknown) instanceof Sequential)) throw wrongType('net', 'a Sequential', net);
  const done: FoldedParts = { pairs: new Map(), compositions: new Map() };
  const copy = sharingCopies(() => foldSequential('net', net, done));
  if (done.pairs.size === 0) {
    throw wrongValue('net', 'a BatchNorm2D directly after a Conv2D in a Sequential', 'none');
  }
  return copy as Sequential<Folded<Layers>>;
}

/** The results so far, so that a layer that is used several times is folded once. */
interface FoldedParts {
  /** The folded layer for each convolution and the batch norm after it. */
  readonly pairs: Map<AnyConv, Map<ChannelNorm<number, 2, boolean>, AnyConv>>;
  /** The folded copy of each composition. */
  readonly compositions: Map<Layer, Layer>;
}

function foldSequential(name: string, net: Sequential<readonly Layer[]>, done: FoldedParts): Layer {
  const layers: unknown[] = [];
  for (let i = 0; i < net.layers.length; i++) {
    const layer = net.layers[i];
    const next = net.layers[i + 1];
    if (isConv(layer) && isNorm(next)) {
      const byNorm = done.pairs.get(layer) ?? new Map<ChannelNorm<number, 2, boolean>, AnyConv>();
      const folded = byNorm.get(next) ?? foldPair(`${name}.layers[${i + 1}]`, layer, next);
      done.pairs.set(layer, byNorm.set(next, folded));
      layers.push(folded);
      i++;
    } else {
      layers.push(foldLayer(`${name}.layers[${i}]`, layer, done));
    }
  }
  return Reflect.construct(Sequential, layers) as Layer;
}

/** Folds a composition. Clones other layers, and compositions whose `forward` was replaced. */
function foldLayer(name: string, layer: Layer, done: FoldedParts): Layer {
  const earlier = done.compositions.get(layer);
  if (earlier !== undefined) return earlier;
  const folded = foldComposition(name, layer, done);
  if (folded === undefined) return cloned(name, layer) as Layer;
  done.compositions.set(layer, folded);
  return folded;
}

function foldComposition(name: string, layer: unknown, done: FoldedParts): Layer | undefined {
  if (layer instanceof Sequential && infersAsDefined(layer)) {
    return foldSequential(name, layer as Sequential<readonly Layer[]>, done);
  }
  if (layer instanceof Residual && infersAsDefined(layer)) {
    return new Residual(foldLayer(`${name}.f`, layer.f as Layer, done));
  }
  if (layer instanceof GeneralizedResidual && infersAsDefined(layer)) {
    const f = foldLayer(`${name}.f`, layer.f as Layer, done);
    return new GeneralizedResidual(f, foldLayer(`${name}.r`, layer.r as Layer, done));
  }
  return undefined;
}

function isConv(layer: unknown): layer is AnyConv {
  return layer instanceof Conv2D && infersAsDefined(layer);
}

function isNorm(layer: unknown): layer is ChannelNorm<number, 2, boolean> {
  return (layer instanceof BatchNorm2D || layer instanceof FrozenBatchNorm2D) && infersAsDefined(layer);
}

function foldPair(name: string, conv: AnyConv, norm: ChannelNorm<number, 2, boolean>): AnyConv {
  const [outChannels, inChannels, kernelSize] = conv.weight.shape;
  const channels = norm.runningMean.shape[0];
  if (channels !== outChannels) {
    throw wrongShape(name, `${outChannels} channels, as many as the Conv2D before it has,`, `${channels}`);
  }
  const { stride, padding } = conv;
  const options = { stride, padding, bias: true, rng: () => 0.5 };
  const folded = new Conv2D(inChannels, outChannels, kernelSize, options);
  const weight = storageOf(folded.weight).values;
  const bias = folded.bias === undefined ? weight : storageOf(folded.bias).values;
  const given = storageOf(conv.weight).values;
  const givenBias = conv.bias === undefined ? undefined : storageOf(conv.bias).values;
  const valuesOf = (field: string, tensor: Tensor<Shape>): Float32Array => {
    const storage = storageOf(tensor);
    if (storage.isDetached) throw detached(`${name}.${field}`);
    return storage.values;
  };
  const scale = norm.scale === undefined ? undefined : valuesOf('scale', norm.scale);
  const shift = norm.bias === undefined ? undefined : valuesOf('bias', norm.bias);
  const mean = valuesOf('runningMean', norm.runningMean);
  const variance = valuesOf('runningVar', norm.runningVar);
  const length = weight.length / outChannels;
  for (let channel = 0; channel < outChannels; channel++) {
    const factor = (scale?.[channel] ?? 1) / Math.sqrt(variance[channel] + norm.epsilon);
    for (let i = channel * length; i < (channel + 1) * length; i++) weight[i] = given[i] * factor;
    const offset = (givenBias?.[channel] ?? 0) - mean[channel];
    bias[channel] = offset * factor + (shift?.[channel] ?? 0);
  }
  return folded;
}
