import { wrongShape, wrongType, wrongValue } from '../../validation/errors.js';
import { storageOf } from '../../core/tensor.js';
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

/** A layer with its pairs folded. */
export type FoldedLayer<L> =
  L extends Sequential<infer Layers>
    ? Sequential<Folded<Layers>>
    : L extends Residual<infer F>
      ? Residual<FoldedLayer<F> & Layer>
      : L extends GeneralizedResidual<infer F, infer R>
        ? GeneralizedResidual<FoldedLayer<F> & Layer, FoldedLayer<R> & Layer>
        : L;

/** Layers with each `Conv2D` and the batch norm behind it as one `Conv2D`. */
export type Folded<Layers extends readonly unknown[]> = Layers extends readonly [
  infer First,
  infer Second,
  ...infer Rest,
]
  ? First extends AnyConv
    ? Second extends ChannelNorm<number>
      ? readonly [First, ...Folded<Rest>]
      : readonly [First, ...Folded<readonly [Second, ...Rest]>]
    : readonly [FoldedLayer<First> & Layer, ...Folded<readonly [Second, ...Rest]>]
  : Layers extends readonly [infer Only]
    ? readonly [FoldedLayer<Only> & Layer]
    : Layers extends readonly []
      ? readonly []
      : readonly Layer[];

/**
 * A copy of a network for inference, in which every `Conv2D` and the `BatchNorm2D` (or `FrozenBatchNorm2D`)
 * directly behind it are one `Conv2D` with a bias, also in the compositions inside: with
 * factor = scale / sqrt(runningVar + epsilon), its weight is weight * factor, and its bias
 * (bias - runningMean) * factor + the bias of the batch norm. Both are computed in double precision and rounded
 * once; outputs differ by rounding, some 1e-6 of the magnitudes that a pixel is the sum of. The network itself
 * stays as it is.
 *
 * @param net What `forward` is to be called on. Other layers are cloned.
 * @returns The copy; its tensors are named after its own places, so the network's files do not fit it.
 * @throws TypeError for what is no `Sequential` and where a module of yours has no clone(); RangeError where no
 * pair is found, or a batch norm has not as many channels as the convolution before it makes.
 *
 * @example
 * const net = new Sequential(new Conv2D(3, 16, 3), new BatchNorm2D(16), new ReLU());
 * fold(net).forward(Tensor.zeros([1, 3, 8, 8])); // Sequential<[Conv2D<3, 16, 3>, ReLU]>
 */
export function fold<Layers extends readonly Layer[]>(net: Sequential<Layers>): Sequential<Folded<Layers>> {
  if (arguments.length > 1) requireNoSurplus('fold', 1, arguments);
  if (!((net as unknown) instanceof Sequential)) throw wrongType('net', 'a Sequential', net);
  const found: Found = { pairs: new Map(), compositions: new Map() };
  const copy = sharingCopies(() => foldSequential('net', net, found));
  if (found.pairs.size === 0) {
    throw wrongValue('net', 'a BatchNorm2D directly behind a Conv2D in a Sequential', 'none');
  }
  return copy as Sequential<Folded<Layers>>;
}

/** What was folded so far. */
interface Found {
  /** What each convolution became, by the batch norm behind it: used several times, they are folded once. */
  readonly pairs: Map<AnyConv, Map<ChannelNorm<number>, AnyConv>>;
  /** What each composition became. */
  readonly compositions: Map<Layer, Layer>;
}

function foldSequential(name: string, net: Sequential<readonly Layer[]>, found: Found): Layer {
  const layers: unknown[] = [];
  for (let i = 0; i < net.layers.length; i++) {
    const layer = net.layers[i];
    const next = net.layers[i + 1];
    if (isConv(layer) && isNorm(next)) {
      const byNorm = found.pairs.get(layer) ?? new Map<ChannelNorm<number>, AnyConv>();
      const folded = byNorm.get(next) ?? foldPair(`${name}.layers[${i + 1}]`, layer, next);
      found.pairs.set(layer, byNorm.set(next, folded));
      layers.push(folded);
      i++;
    } else {
      layers.push(foldLayer(`${name}.layers[${i}]`, layer, found));
    }
  }
  return Reflect.construct(Sequential, layers) as Layer;
}

/** A composition folded, anything else cloned; so is one whose way from x to y is not the class's own. */
function foldLayer(name: string, layer: Layer, found: Found): Layer {
  const earlier = found.compositions.get(layer);
  if (earlier !== undefined) return earlier;
  const folded = foldComposition(name, layer, found);
  if (folded === undefined) return cloned(name, layer) as Layer;
  found.compositions.set(layer, folded);
  return folded;
}

function foldComposition(name: string, layer: unknown, found: Found): Layer | undefined {
  if (layer instanceof Sequential && infersAsDefined(layer)) {
    return foldSequential(name, layer as Sequential<readonly Layer[]>, found);
  }
  if (layer instanceof Residual && infersAsDefined(layer)) {
    return new Residual(foldLayer(`${name}.f`, layer.f as Layer, found));
  }
  if (layer instanceof GeneralizedResidual && infersAsDefined(layer)) {
    const f = foldLayer(`${name}.f`, layer.f as Layer, found);
    return new GeneralizedResidual(f, foldLayer(`${name}.r`, layer.r as Layer, found));
  }
  return undefined;
}

function isConv(layer: unknown): layer is AnyConv {
  return layer instanceof Conv2D && infersAsDefined(layer);
}

function isNorm(layer: unknown): layer is ChannelNorm<number> {
  return (layer instanceof BatchNorm2D || layer instanceof FrozenBatchNorm2D) && infersAsDefined(layer);
}

function foldPair(name: string, conv: AnyConv, norm: ChannelNorm<number>): AnyConv {
  const [outChannels, inChannels, kernelSize] = conv.weight.shape;
  const channels = norm.scale.shape[0];
  if (channels !== outChannels) {
    throw wrongShape(name, `${outChannels} channels, as the Conv2D before it makes,`, `${channels}`);
  }
  const { stride, padding } = conv;
  const options = { stride, padding, bias: true, rng: () => 0.5 };
  const folded = new Conv2D(inChannels, outChannels, kernelSize, options);
  const weight = storageOf(folded.weight).values;
  const bias = folded.bias === undefined ? weight : storageOf(folded.bias).values;
  const given = storageOf(conv.weight).values;
  const givenBias = conv.bias === undefined ? undefined : storageOf(conv.bias).values;
  const [scale, shift, mean, variance] = [norm.scale, norm.bias, norm.runningMean, norm.runningVar].map(
    (tensor) => storageOf(tensor).values,
  );
  const length = weight.length / outChannels;
  for (let channel = 0; channel < outChannels; channel++) {
    const factor = scale[channel] / Math.sqrt(variance[channel] + norm.epsilon);
    for (let i = channel * length; i < (channel + 1) * length; i++) weight[i] = given[i] * factor;
    const offset = (givenBias?.[channel] ?? 0) - mean[channel];
    bias[channel] = offset * factor + shift[channel];
  }
  return folded;
}
