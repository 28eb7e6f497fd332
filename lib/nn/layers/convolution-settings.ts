import { columnsOf, type Pair, requirePair, rowsOf, toPair } from '../../core/pair.js';
import type { RandomSource } from '../../core/random-source.js';
import type { Shape } from '../../core/shape.js';
import { maxElements, requireSize } from '../../core/values.js';
import type { JsonReader } from '../../json/json-reader.js';
import { requireOutputPadding } from '../../ops/convolution.js';
import {
  type Padding1D,
  type Padding2D,
  requireNonNegativeInteger,
  requirePadding1D,
  requirePadding2D,
  requireSides1D,
  requireSides2D,
  type Sides1D,
  type Sides2D,
} from '../../ops/padding.js';
import { orDefault, requireOptions, requirePositiveInteger, wrongValue } from '../../validation/errors.js';
import type { BaseModule } from '../base-module.js';
import type { LayerDescription } from '../layer-description.js';
import { readTensors } from '../read-tensors.js';

// The settings of convolutions, in constructors and in JSON: along the axis of signals, or along both axes of images.

/** How the settings of a layer are checked. N is a number for signals; images have one for both axes, or one for each. */
interface SettingsRules<N extends Pair, P extends Padding2D> {
  readonly kernelSize: (argument: string, value: unknown) => N;
  /** The axes of a kernel in the shape of the weight. */
  readonly kernelShape: (kernelSize: N) => Shape;
  /** Of strides and dilations. */
  readonly distance: (argument: string, value: unknown) => N;
  readonly padding: (argument: string, value: unknown, stride: N) => P;
  /** Transposed convolutions have one. */
  readonly outputPadding?: (argument: string, value: unknown) => N;
}

export const signalRules: SettingsRules<number, Padding1D> = {
  kernelSize: requireSize,
  kernelShape: (length) => [length],
  distance: requirePositiveInteger,
  padding: requirePadding1D,
};

export const imageRules: SettingsRules<Pair, Padding2D> = {
  kernelSize: requireKernelSize,
  kernelShape: (size) => [rowsOf(size), columnsOf(size)],
  distance: (argument, value) => requirePair(argument, value, 1),
  padding: requirePadding2D,
};

export const transposedSignalRules: SettingsRules<number, Sides1D> = {
  ...signalRules,
  padding: requireSides1D,
  outputPadding: requireNonNegativeInteger,
};

export const transposedImageRules: SettingsRules<Pair, Sides2D> = {
  ...imageRules,
  padding: requireSides2D,
  outputPadding: (argument, value) => requirePair(argument, value, 0),
};

interface AxisSettings<N extends Pair, P extends Padding2D> {
  readonly stride: N;
  readonly padding: P;
  readonly dilation: N;
  /** Only of transposed convolutions. */
  readonly outputPadding?: N;
}

/** The checked arguments of a constructor. */
export interface ConvolutionSettings extends AxisSettings<Pair, Padding2D> {
  readonly kernelShape: Shape;
  /** The other options, which are not checked. */
  readonly given: Readonly<Record<string, unknown>>;
}

/** @throws TypeError or RangeError naming the wrong argument. */
export function convolutionSettings<N extends Pair, P extends Padding2D>(
  rules: SettingsRules<N, P>,
  kernelSize: unknown,
  options: unknown,
): ConvolutionSettings {
  const size = rules.kernelSize('kernelSize', kernelSize);
  const transposed = rules.outputPadding === undefined ? [] : ['outputPadding'];
  const names = ['stride', 'padding', ...transposed, 'dilation', 'groups', 'bias', 'rng'];
  const given = requireOptions('options', options, names);
  const settings = axisSettings(
    rules,
    (name) => given[name],
    (name) => name,
  );
  return { ...settings, kernelShape: rules.kernelShape(size), given };
}

/** @param place The name of a setting in messages. */
function axisSettings<N extends Pair, P extends Padding2D>(
  rules: SettingsRules<N, P>,
  given: (name: string) => unknown,
  place: (name: string) => string,
): AxisSettings<N, P> {
  const stride = rules.distance(place('stride'), orDefault(given('stride'), 1));
  const padding = rules.padding(place('padding'), orDefault(given('padding'), 0), stride);
  const outputPadding = rules.outputPadding?.(place('outputPadding'), orDefault(given('outputPadding'), 0));
  const dilation = rules.distance(place('dilation'), orDefault(given('dilation'), 1));
  if (outputPadding === undefined) return { stride, padding, dilation };
  for (const axis of [rowsOf, columnsOf]) {
    requireOutputPadding(place('outputPadding'), axis(outputPadding), axis(stride), axis(dilation));
  }
  return { stride, padding, outputPadding, dilation };
}

/** The options of a layer that is read from JSON. */
type StoredOptions<N extends Pair, P extends Padding2D> = AxisSettings<N, P> & {
  readonly groups: number;
  readonly bias: boolean;
  readonly rng: RandomSource;
};

/**
 * Reads a layer from JSON.
 * @throws TypeError or RangeError naming the wrong field.
 */
export function readConvolution<N extends Pair, P extends Padding2D, L extends BaseModule>(
  reader: JsonReader,
  rules: SettingsRules<N, P>,
  make: (inChannels: number, outChannels: number, kernelSize: N, options: StoredOptions<N, P>) => L,
): L {
  const inChannels = reader.integer('inChannels', 1);
  const outChannels = reader.integer('outChannels', 1);
  const kernelSize = rules.kernelSize(reader.place('kernelSize'), reader.field('kernelSize'));
  const settings = axisSettings(
    rules,
    (name) => reader.field(name),
    (name) => reader.place(name),
  );
  const groups = reader.field('groups') === undefined ? 1 : reader.integer('groups', 1);
  const taps = rules.kernelShape(kernelSize).reduce((product, size) => product * size, 1);
  reader.array('weight', (outChannels * inChannels * taps) / groups);
  const bias = reader.field('bias') !== undefined;
  // The numbers are replaced by those of the file.
  const options = { ...settings, groups, bias, rng: () => 0.5 };
  const layer = make(inChannels, outChannels, kernelSize, options);
  readTensors(layer, reader);
  return layer;
}

/** The sizes and settings of a layer, as printing and JSON show them. */
export function describeConvolution({
  weight,
  stride,
  padding,
  outputPadding,
  dilation,
  groups,
}: AxisSettings<Pair, Padding2D> & {
  readonly weight: { readonly shape: Shape };
  readonly groups: number;
}): LayerDescription {
  const [first, second, rows, columns = rows] = weight.shape;
  const [inChannels, outChannels] =
    outputPadding === undefined ? [second * groups, first] : [first, second * groups];
  return {
    sizes: { inChannels, outChannels, kernelSize: toPair(rows, columns) },
    settings: {
      ...{ stride, padding },
      ...(outputPadding === undefined || outputPadding === 0 ? {} : { outputPadding }),
      ...(dilation === 1 ? {} : { dilation }),
      ...(groups === 1 ? {} : { groups }),
    },
  };
}

function requireKernelSize(argument: string, value: unknown): Pair {
  const kernel = requirePair(argument, value, 1);
  if (rowsOf(kernel) * columnsOf(kernel) > maxElements) {
    throw wrongValue(argument, `at most ${maxElements} pixels`, `${rowsOf(kernel)} x ${columnsOf(kernel)}`);
  }
  return kernel;
}
