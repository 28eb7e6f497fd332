import { detached, wrongShape, wrongType, wrongValue } from '../../validation/errors.js';
import type { Shape } from '../../core/shape.js';
import { storageOf, type Tensor } from '../../core/tensor.js';
import type { SpatialAxes } from './axes.js';
import { BatchNorm1D } from './batch-norm-1d.js';
import { BatchNorm2D } from './batch-norm-2d.js';
import type { ChannelNorm } from './channel-norm.js';
import { type AnyConv1D, Conv1D } from '../layers/conv-1d.js';
import { type AnyConv2D, Conv2D } from '../layers/conv-2d.js';
import { Linear } from '../layers/linear.js';
import { FrozenBatchNorm1D } from './frozen-batch-norm-1d.js';
import { FrozenBatchNorm2D } from './frozen-batch-norm-2d.js';
import { writeFolded } from './folded-values.js';
import { GeneralizedResidual } from '../compose/generalized-residual.js';
import type { Layer } from '../shape-rule.js';
import { infersAsDefined } from '../compose/fusion.js';
import { cloned, sharingCopies } from '../compose/part.js';
import { Residual } from '../compose/residual.js';
import { Sequential } from '../compose/sequential.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';

type AnyLinear = Linear<number, number, boolean>;
type AnyNorm<D extends SpatialAxes> = ChannelNorm<number, D, boolean>;

/** The layer that replaces a pair of layers; never if they are not folded. */
type FoldedPair<First, Second> = First extends AnyConv2D
  ? Second extends AnyNorm<2>
    ? First
    : never
  : First extends AnyConv1D
    ? Second extends AnyNorm<1>
      ? First
      : never
    : First extends Linear<infer I, infer O, boolean>
      ? Second extends AnyNorm<1>
        ? Linear<I, O>
        : never
      : never;

/** The type of a layer after folding. */
export type FoldedLayer<L> =
  L extends Sequential<infer Layers>
    ? Sequential<Folded<Layers>>
    : L extends Residual<infer F>
      ? Residual<FoldedLayer<F> & Layer>
      : L extends GeneralizedResidual<infer F, infer R>
        ? GeneralizedResidual<FoldedLayer<F> & Layer, FoldedLayer<R> & Layer>
        : L;

/** The layers after replacing each `Conv1D`, `Conv2D` or `Linear` and the batch norm directly after it by one layer. */
export type Folded<Layers extends readonly unknown[]> = Layers extends readonly [
  infer First,
  infer Second,
  ...infer Rest,
]
  ? [FoldedPair<First, Second>] extends [never]
    ? readonly [FoldedLayer<First> & Layer, ...Folded<readonly [Second, ...Rest]>]
    : readonly [FoldedPair<First, Second>, ...Folded<Rest>]
  : Layers extends readonly [infer Only]
    ? readonly [FoldedLayer<Only> & Layer]
    : Layers extends readonly []
      ? readonly []
      : readonly Layer[];

/**
 * Returns a copy of a network for inference in which one `Conv2D` with a bias replaces every `Conv2D` and the
 * `BatchNorm2D` or `FrozenBatchNorm2D` directly after it, at any depth, and one `Linear` every `Linear` and the
 * `BatchNorm1D` or `FrozenBatchNorm1D` after it. With factor = scale / sqrt(runningVar + epsilon), its weight
 * is weight * factor, and its bias is (bias of the first layer - runningMean) * factor + bias of the batch
 * norm. Both are computed in double precision and rounded once. Outputs differ by rounding, about 1e-6 of the
 * magnitudes that are summed for a value. The network itself does not change.
 *
 * @param net The network whose `forward` is called. Other layers are cloned.
 * @returns The copy. Its tensors are named after their positions in it, so it cannot load the network's
 * files.
 * @throws TypeError if `net` is not a `Sequential` or one of your modules has no clone(); RangeError if there
 * is no such pair, or if the channels of a batch norm differ from those of the layer before it.
 *
 * @example
 * const net = new Sequential(new Conv2D(3, 16, 3), new BatchNorm2D(16), new ReLU());
 * fold(net).forward(Tensor.zeros([1, 3, 8, 8])); // Sequential<[Conv2D<3, 16, 3>, ReLU]>
 */
export function fold<Layers extends readonly Layer[]>(net: Sequential<Layers>): Sequential<Folded<Layers>>;
/**
 * The same for a network that runs its layers in another order than a `Sequential`, such as one from `importOnnx`.
 * @throws RangeError if it has no such pair.
 */
export function fold<M extends FoldsItself>(net: M): M;
export function fold(net: unknown): unknown {
  if (arguments.length > 1) requireNoSurplus('fold', 1, arguments);
  if (!(net instanceof Sequential || foldsItself(net))) throw wrongType('net', 'a Sequential', net);
  const done = noParts();
  const copy = sharingCopies(() =>
    net instanceof Sequential
      ? foldSequential('net', net as Sequential<readonly Layer[]>, done)
      : foldItself('net', net, done),
  );
  if (done.pairs.size === 0) {
    throw wrongValue('net', 'a batch norm directly after a Conv1D, Conv2D or Linear in a Sequential', 'none');
  }
  return copy;
}

/** Name of the method of a composition that folds itself. */
export const foldLayers: unique symbol = Symbol('foldLayers');

/** A composition that knows which of its layers run directly after which. */
export interface FoldsItself {
  /**
   * Returns a folded copy for inference.
   * @param foldPair Returns the layer that replaces a layer and the one that runs directly after it, or undefined.
   * @param copy Copies another layer.
   */
  [foldLayers](
    foldPair: (layer: Layer, next: Layer) => Layer | undefined,
    copy: (layer: Layer) => Layer,
  ): Layer;
}

function foldsItself(net: unknown): net is FoldsItself {
  return typeof net === 'object' && net !== null && foldLayers in net;
}

function foldItself(name: string, net: FoldsItself, done: FoldedParts): Layer {
  return net[foldLayers](
    (layer, next) => foldOnce(name, 0, layer, next, done),
    (layer) => foldLayer(name, layer, done),
  );
}

/** A copy of a model, and which of its layers replace a pair. */
export interface FoldedCopy {
  readonly copy: object;
  readonly folded: ReadonlySet<object>;
}

/** A copy of a model for inference, with the pairs that `fold` replaces replaced, if there are any. */
export function foldedCopy(model: object): FoldedCopy {
  const done = noParts();
  const copy = sharingCopies(() => foldLayer('model', model as Layer, done));
  return { copy, folded: new Set([...done.pairs.values()].flatMap((byNorm) => [...byNorm.values()])) };
}

function noParts(): FoldedParts {
  return { pairs: new Map(), compositions: new Map() };
}

/** The results so far, so that a layer that is used several times is folded once. */
interface FoldedParts {
  /** The folded layer for each layer and the batch norm after it. */
  readonly pairs: Map<Layer, Map<Layer, Layer>>;
  /** The folded copy of each composition. */
  readonly compositions: Map<Layer, Layer>;
}

function foldSequential(name: string, net: Sequential<readonly Layer[]>, done: FoldedParts): Layer {
  const layers: unknown[] = [];
  for (let i = 0; i < net.layers.length; i++) {
    const layer = net.layers[i];
    const next = net.layers[i + 1];
    const folded = foldOnce(`${name}.layers`, i, layer, next, done);
    if (folded === undefined) {
      layers.push(foldLayer(`${name}.layers[${i}]`, layer, done));
    } else {
      layers.push(folded);
      i++;
    }
  }
  return Reflect.construct(Sequential, layers) as Layer;
}

/** The layer that replaces a pair of layers, which may occur several times; undefined if they are no such pair. */
function foldOnce(name: string, i: number, layer: Layer, next: Layer, done: FoldedParts): Layer | undefined {
  const byNorm = done.pairs.get(layer) ?? new Map<Layer, Layer>();
  const folded = byNorm.get(next) ?? foldPair(name, i, layer, next);
  if (folded !== undefined) done.pairs.set(layer, byNorm.set(next, folded));
  return folded;
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
  if (foldsItself(layer) && infersAsDefined(layer)) return foldItself(name, layer, done);
  return undefined;
}

/** The layer that replaces a layer and the next one; undefined if they are no such pair. */
function foldPair(name: string, i: number, layer: unknown, next: unknown): Layer | undefined {
  if (!infersAsDefined(layer) || !infersAsDefined(next)) return undefined;
  const names = { layer: `${name}[${i}]`, norm: `${name}[${i + 1}]` };
  if (layer instanceof Conv2D && (next instanceof BatchNorm2D || next instanceof FrozenBatchNorm2D)) {
    if (next.channelsLast) return undefined;
    return foldConv(names, layer as AnyConv2D, next);
  }
  if (!(next instanceof BatchNorm1D || next instanceof FrozenBatchNorm1D) || next.channelsLast)
    return undefined;
  if (layer instanceof Conv1D) return foldConv1D(names, layer as AnyConv1D, next);
  if (layer instanceof Linear) {
    return foldLinear(names, layer as AnyLinear, next);
  }
  return undefined;
}

/** The expressions for both layers in messages. */
interface PairNames {
  readonly layer: string;
  readonly norm: string;
}

function foldConv(names: PairNames, conv: AnyConv2D, norm: AnyNorm<2>): AnyConv2D {
  const [outChannels, groupChannels, height, width] = conv.weight.shape;
  requireChannels(names.norm, norm, outChannels, 'Conv2D');
  const { stride, padding, dilation, groups } = conv;
  const options = { stride, padding, dilation, groups, rng: () => 0.5 };
  const folded = new Conv2D(groupChannels * groups, outChannels, [height, width], options);
  foldValues(names, conv, norm, folded);
  return folded;
}

function foldConv1D(names: PairNames, conv: AnyConv1D, norm: AnyNorm<1>): AnyConv1D {
  const [outChannels, groupChannels, kernelSize] = conv.weight.shape;
  requireChannels(names.norm, norm, outChannels, 'Conv1D');
  const { stride, padding, dilation, groups } = conv;
  const options = { stride, padding, dilation, groups, rng: () => 0.5 };
  const folded = new Conv1D(groupChannels * groups, outChannels, kernelSize, options);
  foldValues(names, conv, norm, folded);
  return folded;
}

function foldLinear(names: PairNames, linear: AnyLinear, norm: AnyNorm<1>): AnyLinear {
  const [outputs, inputs] = linear.weight.shape;
  requireChannels(names.norm, norm, outputs, 'Linear');
  const folded = new Linear(inputs, outputs, { rng: () => 0.5 });
  foldValues(names, linear, norm, folded);
  return folded;
}

function requireChannels(name: string, norm: AnyNorm<SpatialAxes>, expected: number, before: string): void {
  const channels = norm.runningMean.shape[0];
  if (channels === expected) return;
  throw wrongShape(name, `${expected} channels, as many as the ${before} before it has,`, `${channels}`);
}

/** A layer with weights [C, ...] and a bias [C]. */
interface Weighted {
  readonly weight: Tensor<Shape>;
  readonly bias: Tensor<Shape> | undefined;
}

/** Writes the weights and the bias of a layer followed by a norm. */
function foldValues(names: PairNames, layer: Weighted, norm: AnyNorm<SpatialAxes>, folded: Weighted): void {
  const weight = storageOf(folded.weight).values;
  const bias = folded.bias === undefined ? weight : storageOf(folded.bias).values;
  const given = {
    weight: valuesOf(`${names.layer}.weight`, layer.weight),
    layerBias: optionalValuesOf(`${names.layer}.bias`, layer.bias),
    scale: optionalValuesOf(`${names.norm}.scale`, norm.scale),
    shift: optionalValuesOf(`${names.norm}.bias`, norm.bias),
    mean: valuesOf(`${names.norm}.runningMean`, norm.runningMean),
    variance: valuesOf(`${names.norm}.runningVar`, norm.runningVar),
    epsilon: norm.epsilon,
  };
  writeFolded(given, weight, bias);
}

function valuesOf(name: string, tensor: Tensor<Shape>): Float32Array {
  const storage = storageOf(tensor);
  if (storage.isDetached) throw detached(name);
  return storage.values;
}

function optionalValuesOf(name: string, tensor: Tensor<Shape> | undefined): Float32Array | undefined {
  return tensor === undefined ? undefined : valuesOf(name, tensor);
}
