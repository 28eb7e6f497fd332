import { formatShape } from '../core/shape.js';
import { groupOf } from './array-groups.js';
import { type ArrayStatistics, type Tally, tinyBelow } from './array-statistics.js';
import { numberTypes } from '../io/files/number-type.js';
import { plural, short } from './format.js';
import type { InspectedArray } from './inspected-array.js';

/** A likely mistake in an array. */
export interface Suspicion {
  readonly name: string;
  readonly problem: string;
}

/** Names of a batch norm layer's arrays, as dfdx and PyTorch spell them, after a common prefix. */
const partName = /^(.*?)(scale|weight|bias|running_mean|running_var)(?:\.npy)?$/s;

/** Finds values that are likely mistakes in any array. */
export function findSuspiciousValues(arrays: readonly InspectedArray[]): Suspicion[] {
  const found: Suspicion[] = [];
  for (const { name, statistics } of arrays) {
    if (statistics !== undefined) checkValues(statistics, (problem) => found.push({ name, problem }));
  }
  return found;
}

/** Finds likely mistakes; batch norm layers are recognized by the names of their arrays. */
export function findSuspicious(arrays: readonly InspectedArray[]): Suspicion[] {
  const found = findSuspiciousValues(arrays);
  const note = (name: string, problem: string) => found.push({ name, problem });
  // Skip the optimizer's state, where the name of a scale means its moments.
  const model = arrays.filter((array) => !['optimizer', 'checkpoint'].includes(groupOf(array)));
  const layers = groupByLayer(model);
  for (const { name, type, loadable } of model) {
    if (!loadable && partName.test(name)) note(name, `type ${type}: loading accepts only ${numberTypes}`);
  }
  for (const layer of layers.values()) {
    const variance = layer.get('running_var');
    // Without a running variance it is another kind of layer, in which zeros are normal.
    if (variance === undefined) continue;
    checkVariance(variance, note);
    checkScale(layer.get('scale') ?? layer.get('weight'), note);
    checkTogether(layer, variance, note);
  }
  for (const { name, statistics } of model) {
    if (statistics?.count === 1) checkSetting(name, statistics, note);
  }
  return found;
}

type Note = (name: string, problem: string) => void;
type Layer = ReadonlyMap<string, InspectedArray>;

function groupByLayer(arrays: readonly InspectedArray[]): Map<string, Layer> {
  const layers = new Map<string, Map<string, InspectedArray>>();
  for (const array of arrays) {
    const [, prefix, part] = partName.exec(array.name) ?? [];
    if (prefix === undefined) continue;
    layers.set(prefix, (layers.get(prefix) ?? new Map<string, InspectedArray>()).set(part, array));
  }
  return layers;
}

/** For example `3 values are NaN, the first at 17`. */
function say({ count, first }: Tally, what: string): string {
  const are = count === 1 ? 'is' : 'are';
  return `${plural(count, 'value')} ${are} ${what}, ${count === 1 ? 'at' : 'the first at'} ${first}`;
}

function checkValues(
  { nan, infinite, tooLarge, count }: ArrayStatistics,
  note: (problem: string) => void,
): void {
  // The momentum of a cumulative average is stored as NaN: a single number, see checkSetting.
  if (nan.count > 0 && count > 1) note(say(nan, 'NaN'));
  if (infinite.count > 0) note(say(infinite, 'infinite'));
  if (tooLarge.count > 0) note(`${say(tooLarge, 'beyond float32')}: loading refuses the file`);
}

function checkVariance({ name, statistics }: InspectedArray, note: Note): void {
  if (statistics === undefined) return;
  const { negative, zero } = statistics;
  if (negative.count > 0) {
    note(name, `${say(negative, 'negative')}: inference returns NaN there`);
  }
  if (zero.count > 0) {
    note(name, `${say(zero, 'zero')}: inference divides by the square root of epsilon there`);
  }
}

function checkScale(scale: InspectedArray | undefined, note: Note): void {
  if (scale?.statistics === undefined) return;
  const { zero, tiny } = scale.statistics;
  if (zero.count > 0) note(scale.name, `${say(zero, 'zero')}: dead channels, whose output is their bias`);
  if (tiny.count > 0) {
    note(scale.name, `${say(tiny, `below ${short(tinyBelow)}`)}: nearly dead channels`);
  }
}

function checkTogether(layer: Layer, variance: InspectedArray, note: Note): void {
  const mean = layer.get('running_mean');
  if (mean === undefined)
    note(variance.name, `no running_mean${variance.name.endsWith('.npy') ? '.npy' : ''} in the same layer`);
  for (const { name, shape } of layer.values()) {
    if (formatShape(shape) !== formatShape(variance.shape)) {
      note(
        name,
        `shape ${formatShape(shape)} differs from ${formatShape(variance.shape)}, the shape of the running variance`,
      );
    }
  }
  const constant = (array: InspectedArray | undefined, value: number) => {
    const { min, max, nan, infinite } = array?.statistics ?? {};
    return min === value && max === value && nan?.count === 0 && infinite?.count === 0;
  };
  if (constant(mean, 0) && constant(variance, 1)) {
    note(variance.name, 'mean 0 and variance 1 everywhere: statistics were never trained');
  }
}

function checkSetting(name: string, { min, nan }: ArrayStatistics, note: Note): void {
  const [, setting] = /(?:^|[./])(epsilon|momentum)(?:\.npy)?$/.exec(name) ?? [];
  const value = nan.count === 1 ? NaN : min;
  if (setting === undefined && Number.isNaN(value)) note(name, 'the value is NaN');
  if (value === null) return;
  if (setting === 'epsilon' && !(value > 0)) {
    note(name, `epsilon is ${value}: load() requires a positive number`);
  }
  if (setting === 'momentum' && (value < 0 || value > 1)) {
    note(name, `momentum is ${value}: load() requires a number from 0 to 1, or NaN for cumulative`);
  }
}
