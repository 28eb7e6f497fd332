import { crossEntropyWithLogitsLoss, Tensor, type Shape } from 'batchnorm';
import { bytesOf, valuesOf } from './checks.js';
import { type Cotangent, ModelGraph } from './graph-model.js';
import * as oracle from './oracle.js';
import { type AnyTensor, endOf, faultOf, isUsable, type Loose, type Slot } from './slot.js';
import type { State } from './state.js';
import { countOf, shapes } from './values.js';

const binaries = ['add', 'sub', 'mul', 'div'] as const;
const unaries = Object.keys(oracle.unary) as ('exp' | 'log' | 'sqrt' | 'square' | 'relu')[];

function create(state: State, a: number, b: number, c: number): void {
  state.create(a, b, c);
}

function trace(state: State, a: number): void {
  const slot = state.slot(a, (each) => each.graph === undefined && !each.ended);
  const fault = slot.graph !== undefined ? 'has a tape' : endOf(slot);
  const real = state.act(fault, () => (slot.real as Tensor<Shape>).trace());
  if (real !== undefined) state.put({ ...slot, real, graph: new ModelGraph() });
}

function copy(state: State, a: number, b: number): void {
  const slot = state.slot(a);
  const method = b % 2 === 0 ? 'clone' : 'detach';
  const real = state.act(endOf(slot), () => slot.real[method]());
  if (real !== undefined) state.put(state.leaf(real, slot.shape, slot.values));
}

function release(state: State, a: number): void {
  const slot = state.slot(a);
  slot.real.dispose();
  slot.ended = true;
  // Other tensors over the same memory keep it; slots of the same object are this tensor.
}

function view(state: State, a: number): void {
  const slot = state.slot(a);
  const view = state.act(endOf(slot), () => slot.real.data);
  if (view !== undefined) state.views.push({ view, copy: bytesOf(view) });
  if (state.views.length > 6) state.views.shift();
}

function unary(state: State, a: number, b: number): void {
  const x = state.slot(a, isUsable);
  const name = unaries[b % unaries.length];
  const real = state.act(faultOf(x), () => x.real[name]());
  if (real === undefined) return;
  const values = valuesOf(real);
  state.result(real, [x], oracle.expectUnary(name, x.values, x.shape, values));
}

function binary(state: State, a: number, b: number, c: number): void {
  const x = state.slot(a, isUsable);
  const name = binaries[c % 4];
  const method = (other: unknown) => (x.real as unknown as Loose)[name](other);
  if (c % 3 === 0) {
    const number = Math.fround((b % 7) - 3.5);
    const real = state.act(faultOf(x), () => method(number));
    if (real === undefined) return;
    const expected = oracle.expectBinary(name, x, { values: [number], shape: [] }, x.shape);
    state.result(real, [x], { ...expected, pull: (dy) => expected.pull(dy).slice(0, 1) });
    return;
  }
  const fitsX = (each: Slot) => oracle.broadcastShape(x.shape, each.shape) !== undefined;
  const y = state.slot(b, (each) => isUsable(each) && fitsX(each));
  const shape = oracle.broadcastShape(x.shape, y.shape);
  const fault = faultOf(x) ?? faultOf(y) ?? (shape === undefined ? 'does not fit' : undefined);
  const real = state.act(fault, () => method(y.real));
  if (real !== undefined && shape !== undefined)
    state.result(real, [x, y], oracle.expectBinary(name, x, y, shape));
}

function reduce(state: State, a: number, b: number): void {
  reduceTo(state, state.slot(a, isUsable), b);
}

/** Sums or averages a tensor. */
export function reduceTo(state: State, x: Slot, b: number): void {
  const name = b % 2 === 0 ? 'sum' : 'mean';
  const rank = x.shape.length;
  const axis = b % 3 === 0 && rank > 0 ? (b >> 2) % rank : undefined;
  const options = axis === undefined ? [] : [{ axes: axis - rank }];
  const real = state.act(faultOf(x), () => (x.real as unknown as Loose)[name](...options));
  if (real !== undefined) state.result(real, [x], oracle.expectSum(x.values, x.shape, axis, name === 'mean'));
}

function matmul(state: State, a: number, b: number): void {
  const x = state.slot(a, (each) => isUsable(each) && each.shape.length === 2);
  const y = state.slot(
    b,
    (each) => isUsable(each) && each.shape.length === 2 && each.shape[0] === x.shape[1],
  );
  const fits = x.shape.length === 2 && y.shape.length === 2 && x.shape[1] === y.shape[0];
  const fault = faultOf(x) ?? faultOf(y) ?? (fits ? undefined : 'does not fit');
  const real = state.act(fault, () => (x.real as unknown as Loose).matmul(y.real));
  if (real !== undefined)
    state.result(real, [x, y], oracle.expectMatmul(x.values, y.values, x.shape, y.shape[1], false));
}

function reshape(state: State, a: number, b: number): void {
  const x = state.slot(a, isUsable);
  const shape = shapes[b % shapes.length];
  const fault = faultOf(x) ?? (countOf(shape) === x.values.length ? undefined : 'another size');
  const real = state.act(fault, () => x.real.reshape(shape));
  if (real === undefined) return;
  const values = Float64Array.from(x.values);
  state.result(real, [x], { shape, values, slack: () => 0, exact: true, pull: (dy) => [dy] });
}

function logSoftmax(state: State, a: number): void {
  const x = state.slot(a, (each) => isUsable(each) && each.shape.length === 2);
  const fits = x.shape.length === 1 || x.shape.length === 2;
  const fault = faultOf(x) ?? (fits ? undefined : 'another rank');
  const real = state.act(fault, () => (x.real as unknown as Loose).logSoftmax());
  if (real !== undefined) state.result(real, [x], oracle.expectLogSoftmax(x.values, x.shape));
}

function crossEntropy(state: State, a: number, b: number): void {
  const x = state.slot(a, (each) => isUsable(each) && each.shape.length >= 2);
  const [images = 0, classes = 0, ...rest] = x.shape;
  const pixels = countOf(rest);
  const rows = images * pixels;
  const targets = Array.from({ length: rows }, (_, i) => (b + i) % (classes + (b % 3 === 0 ? 1 : 0)));
  const fits = x.shape.length >= 2 && rows > 0 && targets.every((each) => each < classes);
  const fault = faultOf(x) ?? (fits ? undefined : 'does not fit');
  const call = crossEntropyWithLogitsLoss as (x: unknown, targets: unknown, options: unknown) => AnyTensor;
  const reduction = b % 2 === 0 ? 'mean' : 'sum';
  const real = state.act(fault, () => call(x.real, targets, { reduction }));
  if (real === undefined) return;
  const divisor = reduction === 'mean' ? rows : 1;
  // The place of each class of each pixel.
  const places = Array.from({ length: rows * classes }, (_, i) => {
    const row = Math.floor(i / classes);
    const pixel = row % pixels;
    return ((row - pixel) / pixels) * classes * pixels + (i % classes) * pixels + pixel;
  });
  const moved = Float64Array.from(places, (place) => x.values[place]);
  const { values, pull, slack } = oracle.expectLogSoftmax(moved, [rows, classes]);
  const chosen = targets.map((column, row) => row * classes + column);
  const loss = -chosen.reduce((sum, i) => sum + values[i], 0) / divisor;
  const slacks = chosen.reduce((sum, i) => sum + slack(i), 0);
  const spread = ({ value, bound }: Cotangent): Cotangent => ({
    value: values.map((_, i) => (chosen.includes(i) ? -value[0] / divisor : 0)),
    bound: values.map((_, i) => (chosen.includes(i) ? bound[0] / divisor : 0)),
  });
  const movedBack = ({ value, bound }: Cotangent): Cotangent => {
    const back = { value: new Float64Array(value.length), bound: new Float64Array(bound.length) };
    places.forEach((place, i) => {
      back.value[place] = value[i];
      back.bound[place] = bound[i];
    });
    return back;
  };
  state.result(real, [x], {
    ...{ shape: [], values: Float64Array.of(loss), slack: () => slacks },
    pull: (dy) => pull(spread(dy)).map((each) => each && movedBack(each)),
  });
}

/** Steps that make, change and release tensors. */
export const tensorSteps = {
  ...{ create, trace, release, view, copy },
  ...{ unary, binary, reduce, matmul, reshape, logSoftmax, crossEntropy },
};
