import { columnsOf, type Pair, requireIntegers, requirePair, rowsOf } from '../../core/pair.js';
import type { JsonReader } from '../../json/json-reader.js';
import type { AxisWindows, Windows } from '../../ops/pool.js';
import { padding2DOf } from '../../ops/padding.js';
import {
  orDefault,
  requireBoolean,
  requirePositiveInteger,
  wrongType,
  wrongValue,
} from '../../validation/errors.js';

// The settings of pooling layers: their checks, in constructors and in JSON, and what the operations take.

/** Padding of images: a number for all sides, [rows, columns], or [top, left, bottom, right]. */
export type PoolPadding = Pair | readonly [top: number, left: number, bottom: number, right: number];

/** Settings of windows over images. */
export interface ImageWindows {
  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: PoolPadding;
  readonly dilation: Pair;
  readonly ceilMode: boolean;
}

/** Settings of windows over signals. */
export interface SignalWindows {
  readonly kernelSize: number;
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
  readonly ceilMode: boolean;
}

/** Returns the value of a setting; undefined for its default. */
type Settings = (name: keyof ImageWindows) => unknown;

/** The name of a setting in messages. */
type Place = (name: keyof ImageWindows) => string;

const itself: Place = (name) => name;

/** @throws TypeError or RangeError naming the wrong setting. */
export function readImageWindows(given: Settings, place = itself): ImageWindows {
  const kernelSize = requirePair(place('kernelSize'), given('kernelSize'), 1);
  return {
    kernelSize,
    stride: requirePair(place('stride'), orDefault(given('stride'), 1), 1),
    padding: requireImagePadding(place('padding'), orDefault(given('padding'), 0), kernelSize),
    dilation: requirePair(place('dilation'), orDefault(given('dilation'), 1), 1),
    ceilMode: requireBoolean(place('ceilMode'), orDefault(given('ceilMode'), false)),
  };
}

/** @throws TypeError or RangeError naming the wrong setting. */
export function readSignalWindows(given: Settings, place = itself): SignalWindows {
  const kernelSize = requirePositiveInteger(place('kernelSize'), given('kernelSize'));
  return {
    kernelSize,
    stride: requirePositiveInteger(place('stride'), orDefault(given('stride'), 1)),
    padding: requirePadding(place('padding'), orDefault(given('padding'), 0), kernelSize),
    dilation: requirePositiveInteger(place('dilation'), orDefault(given('dilation'), 1)),
    ceilMode: requireBoolean(place('ceilMode'), orDefault(given('ceilMode'), false)),
  };
}

/** The options of averaging layers. */
export const averagingOptions = ['stride', 'padding', 'ceilMode', 'countIncludePad'];

/** Reads windows from the arguments of a constructor. @param options The options, of which the names are checked. */
export function windowsFromOptions<W>(
  read: (given: Settings) => W,
  kernelSize: unknown,
  options: Readonly<Record<string, unknown>>,
): W {
  return read((name) => (name === 'kernelSize' ? kernelSize : options[name]));
}

/** Reads windows from the JSON of a layer. */
export function windowsFromJson<W>(read: (given: Settings, place: Place) => W, reader: JsonReader): W {
  return read(
    (name) => reader.field(name),
    (name) => reader.place(name),
  );
}

/** The settings that differ from their defaults besides stride and padding, as printing and JSON show them. */
export function unusualSettings({
  dilation,
  ceilMode,
  countIncludePad,
}: Pick<ImageWindows, 'dilation' | 'ceilMode'> & {
  /** Averaging layers always show it. */
  readonly countIncludePad?: boolean;
}): Readonly<Record<string, unknown>> {
  return {
    ...(dilation === 1 ? {} : { dilation }),
    ...(ceilMode ? { ceilMode } : {}),
    ...(countIncludePad === undefined ? {} : { countIncludePad }),
  };
}

export function imageWindows({ kernelSize, stride, padding, dilation, ceilMode }: ImageWindows): Windows {
  const [rows, columns] = padding2DOf(padding, [0, 0]);
  const axis = (of: (pair: Pair) => number, sides: AxisWindows['padding']): AxisWindows => ({
    kernel: of(kernelSize),
    stride: of(stride),
    padding: sides,
    dilation: of(dilation),
    ceilMode,
  });
  return { rows: axis(rowsOf, rows), columns: axis(columnsOf, columns) };
}

export function signalWindows({ kernelSize, padding, ...others }: SignalWindows): Windows {
  const columns = { ...others, kernel: kernelSize, padding: { before: padding, after: padding } };
  return { rows: undefined, columns };
}

/** Padding less than the kernel, so that every window begins in it or in the image. */
function requireImagePadding(argument: string, value: unknown, kernelSize: Pair): PoolPadding {
  if (typeof kernelSize === 'number' && typeof value === 'number') {
    return requirePadding(argument, value, kernelSize);
  }
  const expected = 'a non-negative integer, [rows, columns] or [top, left, bottom, right],';
  const padding = requireIntegers(argument, value, 0, [2, 4], expected) as PoolPadding;
  const sides: readonly number[] = typeof padding === 'number' ? [padding, padding] : padding;
  sides.forEach((side, i) => {
    const kernel = i % 2 === 0 ? rowsOf(kernelSize) : columnsOf(kernelSize);
    const place = typeof padding === 'number' ? argument : `${argument}[${i}]`;
    if (side >= kernel) throw wrongValue(place, belowKernel(kernel), String(side));
  });
  return padding;
}

function requirePadding(argument: string, padding: unknown, kernelSize: number): number {
  if (typeof padding !== 'number') throw wrongType(argument, belowKernel(kernelSize), padding);
  if (!Number.isInteger(padding) || padding < 0 || padding >= kernelSize) {
    throw wrongValue(argument, belowKernel(kernelSize), String(padding));
  }
  return padding;
}

function belowKernel(kernelSize: number): string {
  return `a non-negative integer below kernelSize, ${kernelSize},`;
}
