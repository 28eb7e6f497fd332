import { rmSync } from 'node:fs';
import {
  backward,
  BatchNorm2D,
  crossEntropyWithLogitsLoss,
  FileFormatError,
  type Gradients,
  Linear,
  type OwnedTape,
  Sgd,
  type Shape,
  storagePool,
  Tensor,
  UnusedParamsError,
} from 'batchnorm';
import { seeded } from '../../../support/random.js';
import { addInto, type Cotangent, ModelGraph, type ModelNode } from './graph-model.js';
import * as oracle from './oracle.js';
import { asSource, countOf, isTame, shapes, someValues } from './values.js';

type AnyTensor = Tensor<Shape> | Tensor<Shape, OwnedTape>;

/** A tensor and the model of its state. */
interface Slot {
  readonly real: AnyTensor;
  readonly shape: Shape;
  readonly values: Float32Array;
  readonly graph: ModelGraph | undefined;
  readonly node: ModelNode;
  ended: boolean;
}

/** The model of a parameter: how often it was changed in place. */
interface Changes {
  changes: number;
}

interface Norm {
  readonly real: BatchNorm2D<number>;
  readonly scale: Changes;
  batches: number;
}

interface GradientsEntry {
  readonly real: Gradients;
  readonly found: Map<number, Cotangent>;
  tame: boolean;
  consumed: boolean;
}

interface File {
  readonly json: string;
}

/** One step of a sequence; the numbers choose among the existing objects. */
export interface Step {
  readonly action: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

const maxSlots = 10;
const lr = 0.125;
const sgd = new Sgd({ lr });
const binaries = ['add', 'sub', 'mul', 'div'] as const;
const unaries = Object.keys(oracle.unary) as ('exp' | 'log' | 'sqrt' | 'square' | 'relu')[];

/** The actions of steps, repeated according to their frequency. */
const actions = [
  ...(['create', 'create', 'trace', 'trace', 'release', 'view', 'copy'] as const),
  ...(['unary', 'unary', 'binary', 'binary', 'reduce', 'reduce', 'matmul', 'reshape'] as const),
  ...(['logSoftmax', 'crossEntropy', 'linear', 'infer', 'train', 'train', 'train'] as const),
  ...(['backward', 'backward', 'backward', 'update', 'update', 'manage'] as const),
];

/** Plain JavaScript's view of a tensor. */
type Loose = Record<string, (...args: unknown[]) => AnyTensor>;

/** Runs steps on the library and on a simple model of it, and compares both after each. */
export class World {
  readonly #slots: Slot[] = [];
  readonly #norms: Norm[] = [];
  readonly #linear = new Linear(3, 2, { rng: seeded(4) });
  readonly #weight: Changes = { changes: 0 };
  readonly #found: GradientsEntry[] = [];
  readonly #views: { readonly view: Float32Array; readonly copy: Buffer }[] = [];
  #file: File | undefined;
  /** The count of each outcome: a run without successes proves nothing. */
  readonly seen: Record<'done' | 'refused' | 'compared' | 'backward' | 'differentiated', number>;

  constructor(
    private readonly path: string,
    seen: World['seen'],
  ) {
    this.seen = seen;
    for (let i = 0; i < 2; i++) this.#norms.push(this.#norm(new BatchNorm2D(3)));
  }

  async step({ action, a, b, c }: Step): Promise<void> {
    await this[actions[action % actions.length]](a, b, c);
    this.#verify();
  }

  close(): void {
    rmSync(this.path, { force: true });
  }

  create(a: number, b: number, c: number): void {
    const shape = shapes[a % shapes.length];
    const values = someValues(b, countOf(shape));
    if (c % 5 === 0) {
      const own = Float32Array.from(values);
      this.#put(this.#leaf(Tensor.adopt(own, shape), shape, values));
    } else {
      this.#put(this.#leaf(Tensor.from(asSource(values, shape, c), shape), shape, values));
    }
  }

  trace(a: number): void {
    const slot = this.#slot(a, (each) => each.graph === undefined && !each.ended);
    const fault = slot.graph !== undefined ? 'has a tape' : endOf(slot);
    const real = this.#act(fault, () => (slot.real as Tensor<Shape>).trace());
    if (real !== undefined) this.#put({ ...slot, real, graph: new ModelGraph() });
  }

  copy(a: number, b: number): void {
    const slot = this.#slot(a);
    const method = b % 2 === 0 ? 'clone' : 'detach';
    const real = this.#act(endOf(slot), () => slot.real[method]());
    if (real !== undefined) this.#put(this.#leaf(real, slot.shape, slot.values));
  }

  release(a: number): void {
    const slot = this.#slot(a);
    slot.real.dispose();
    slot.ended = true;
    // Other tensors over the same memory keep it; slots of the same object are this tensor.
  }

  view(a: number): void {
    const slot = this.#slot(a);
    const view = this.#act(endOf(slot), () => slot.real.data);
    if (view !== undefined) this.#views.push({ view, copy: bytesOf(view) });
    if (this.#views.length > 6) this.#views.shift();
  }

  unary(a: number, b: number): void {
    const x = this.#slot(a, isUsable);
    const name = unaries[b % unaries.length];
    const real = this.#act(faultOf(x), () => x.real[name]());
    if (real === undefined) return;
    const values = valuesOf(real);
    this.#result(real, [x], oracle.expectUnary(name, x.values, x.shape, values));
  }

  binary(a: number, b: number, c: number): void {
    const x = this.#slot(a, isUsable);
    const name = binaries[c % 4];
    const method = (other: unknown) => (x.real as unknown as Loose)[name](other);
    if (c % 3 === 0) {
      const number = Math.fround((b % 7) - 3.5);
      const real = this.#act(faultOf(x), () => method(number));
      if (real === undefined) return;
      const expected = oracle.expectBinary(name, x, { values: [number], shape: [] }, x.shape);
      this.#result(real, [x], { ...expected, pull: (dy) => expected.pull(dy).slice(0, 1) });
      return;
    }
    const fitsX = (each: Slot) => oracle.broadcastShape(x.shape, each.shape) !== undefined;
    const y = this.#slot(b, (each) => isUsable(each) && fitsX(each));
    const shape = oracle.broadcastShape(x.shape, y.shape);
    const fault = faultOf(x) ?? faultOf(y) ?? (shape === undefined ? 'does not fit' : undefined);
    const real = this.#act(fault, () => method(y.real));
    if (real !== undefined && shape !== undefined)
      this.#result(real, [x, y], oracle.expectBinary(name, x, y, shape));
  }

  reduce(a: number, b: number): void {
    this.#reduceTo(this.#slot(a, isUsable), b);
  }

  #reduceTo(x: Slot, b: number): void {
    const name = b % 2 === 0 ? 'sum' : 'mean';
    const rank = x.shape.length;
    const axis = b % 3 === 0 && rank > 0 ? (b >> 2) % rank : undefined;
    const options = axis === undefined ? [] : [{ axes: axis - rank }];
    const real = this.#act(faultOf(x), () => (x.real as unknown as Loose)[name](...options));
    if (real !== undefined)
      this.#result(real, [x], oracle.expectSum(x.values, x.shape, axis, name === 'mean'));
  }

  matmul(a: number, b: number): void {
    const x = this.#slot(a, (each) => isUsable(each) && each.shape.length === 2);
    const y = this.#slot(
      b,
      (each) => isUsable(each) && each.shape.length === 2 && each.shape[0] === x.shape[1],
    );
    const fits = x.shape.length === 2 && y.shape.length === 2 && x.shape[1] === y.shape[0];
    const fault = faultOf(x) ?? faultOf(y) ?? (fits ? undefined : 'does not fit');
    const real = this.#act(fault, () => (x.real as unknown as Loose).matmul(y.real));
    if (real !== undefined)
      this.#result(real, [x, y], oracle.expectMatmul(x.values, y.values, x.shape, y.shape[1], false));
  }

  reshape(a: number, b: number): void {
    const x = this.#slot(a, isUsable);
    const shape = shapes[b % shapes.length];
    const fault = faultOf(x) ?? (countOf(shape) === x.values.length ? undefined : 'another size');
    const real = this.#act(fault, () => x.real.reshape(shape));
    if (real === undefined) return;
    const values = Float64Array.from(x.values);
    this.#result(real, [x], { shape, values, slack: () => 0, exact: true, pull: (dy) => [dy] });
  }

  logSoftmax(a: number): void {
    const x = this.#slot(a, (each) => isUsable(each) && each.shape.length === 2);
    const fits = x.shape.length === 1 || x.shape.length === 2;
    const fault = faultOf(x) ?? (fits ? undefined : 'another rank');
    const real = this.#act(fault, () => (x.real as unknown as Loose).logSoftmax());
    if (real !== undefined) this.#result(real, [x], oracle.expectLogSoftmax(x.values, x.shape));
  }

  crossEntropy(a: number, b: number): void {
    const x = this.#slot(a, (each) => isUsable(each) && each.shape.length >= 2);
    const [images = 0, classes = 0, ...rest] = x.shape;
    const pixels = countOf(rest);
    const rows = images * pixels;
    const targets = Array.from({ length: rows }, (_, i) => (b + i) % (classes + (b % 3 === 0 ? 1 : 0)));
    const fits = x.shape.length >= 2 && rows > 0 && targets.every((each) => each < classes);
    const fault = faultOf(x) ?? (fits ? undefined : 'does not fit');
    const call = crossEntropyWithLogitsLoss as (x: unknown, targets: unknown, options: unknown) => AnyTensor;
    const reduction = b % 2 === 0 ? 'mean' : 'sum';
    const real = this.#act(fault, () => call(x.real, targets, { reduction }));
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
    this.#result(real, [x], {
      ...{ shape: [], values: Float64Array.of(loss), slack: () => slacks },
      pull: (dy) => pull(spread(dy)).map((each) => each && movedBack(each)),
    });
  }

  linear(a: number): void {
    const x = this.#slot(a, (each) => isUsable(each) && each.shape.length === 2 && each.shape[1] === 3);
    const fits = x.shape.length === 2 && x.shape[1] === 3;
    const fault = faultOf(x) ?? (fits ? undefined : 'another shape');
    const forward = (input: unknown) => (this.#linear as unknown as Loose).forward(input);
    const real = this.#act(fault, () => forward(x.real));
    if (real === undefined) return;
    const weight = this.#linear.weight.array().flat();
    const bias = this.#linear.bias.array();
    const product = oracle.expectMatmul(x.values, weight, x.shape, 2, true);
    const sum = oracle.expectBinary('add', product, { values: bias, shape: [bias.length] }, product.shape);
    const slack = (i: number) => product.slack(i) + 1e-6 * Math.abs(sum.values[i]);
    const others = [this.#linear.weight, this.#linear.bias].map(nodeOf);
    const pull = (dy: Cotangent) => [...product.pull(dy), sum.pull(dy)[1]];
    this.#result(real, [x], { ...sum, slack, exact: false, pull }, others);
    x.graph?.save(this.#weight);
  }

  infer(a: number, b: number): void {
    const { real: norm } = this.#normAt(b);
    const x = this.#slot(
      a,
      (each) => isUsable(each) && each.graph === undefined && imageFault(each.shape) === undefined,
    );
    const fault = x.graph !== undefined ? 'has a tape' : (endOf(x) ?? imageFault(x.shape));
    const real = this.#act(fault, () => (norm as unknown as Loose).forward(x.real));
    if (real === undefined) return;
    const [scale, bias, mean, variance] = tensorsOf(norm);
    const expected = oracle.expectInference(x.values, x.shape, scale, bias, mean, variance, norm.epsilon);
    // If x is close to the mean, only rounding errors of x and the mean remain.
    const comparable = [scale, bias, mean, variance].every(isTame);
    this.#result(real, [x], { ...expected, comparable });
  }

  train(a: number, b: number): void {
    const norm = this.#normAt(b);
    const { real: layer } = norm;
    const x = this.#slot(
      a,
      (each) => isUsable(each) && each.graph !== undefined && imageFault(each.shape) === undefined,
    );
    const { images, plane } = oracle.layoutOf(x.shape.length < 3 ? [0, 3, 0, 0] : x.shape);
    const few = images * plane < 2 ? 'too few values' : undefined;
    const fault = x.graph === undefined ? 'has no tape' : (faultOf(x) ?? imageFault(x.shape) ?? few);
    const [scale, bias, mean, variance] = tensorsOf(layer);
    const real = this.#act(fault, () => (layer as unknown as Loose).forwardMut(x.real));
    if (real === undefined) return;
    const weight = layer.momentum === 'cumulative' ? 1 / (norm.batches + 1) : layer.momentum;
    norm.batches++;
    const expected = oracle.expectTraining(x.values, x.shape, scale, bias, layer.epsilon);
    const comparable = expected.comparable === true && [scale, bias].every(isTame);
    this.#result(real, [x], { ...expected, comparable }, [layer.scale, layer.bias].map(nodeOf));
    x.graph?.save(norm.scale);
    if (!comparable || ![x.values, mean, variance].every(isTame)) return;
    const now = tensorsOf(layer);
    const moved = [mean, variance].map((old, i) =>
      old.map((each, c) => (1 - weight) * each + weight * [expected.means, expected.variances][i][c]),
    );
    for (const [i, values] of moved.entries()) {
      const size = [mean, variance][i];
      values.forEach((value, c) => {
        const deviation = Math.sqrt(expected.variances[c]);
        const slack =
          2e-6 * (Math.abs(value) + Math.abs(size[c]) + (i === 0 ? deviation : 0)) +
          1e-7 * Math.abs(expected.means[c]);
        requireNear(now[2 + i][c], value, slack, i === 0 ? 'runningMean' : 'runningVar');
      });
    }
  }

  backward(a: number, b: number, c: number): void {
    const isLoss = (each: Slot) =>
      each.graph?.consumed === false && each.shape.length === 0 && each.node.pull !== undefined;
    if (!this.#slots.some(isLoss)) {
      const taped = (each: Slot) => isUsable(each) && each.node.pull !== undefined;
      if (this.#slots.some(taped)) this.#reduceTo(this.#slot(a, taped), b);
    }
    const loss = this.#slot(a, isLoss);
    const kept = c % 3 === 0 && this.#slots.length > 0 ? [this.#slot(b)] : [];
    const into = c % 4 === 1 && this.#found.length > 0 ? this.#found[b % this.#found.length] : undefined;
    const graph = loss.graph?.root;
    const fault =
      graph === undefined || graph.consumed || loss.shape.length > 0
        ? 'is not a loss'
        : kept.some((each) => each.graph?.root !== graph)
          ? 'keeps a tensor of another graph'
          : into?.consumed === true
            ? 'adds to consumed gradients'
            : graph.stale
              ? 'a parameter was updated'
              : undefined;
    const call = backward as (loss: unknown, options: unknown) => Gradients;
    const options = {
      keep: kept.map(({ real }) => real),
      ...(into === undefined ? {} : { into: into.real }),
    };
    const real = this.#act(fault, () => call(loss.real, options));
    if (real === undefined || graph === undefined) return;
    this.seen.backward++;
    const found = graph.gradients(loss.node);
    const outputs = new Set(graph.nodes.map(({ id }) => id));
    for (const slot of this.#slots) {
      const isOutput = slot.graph?.root === graph && outputs.has(slot.node.id);
      if (isOutput && slot.shape.length > 0 && !kept.includes(slot)) slot.ended = true;
    }
    graph.consume();
    if (into !== undefined) {
      for (const [id, cotangent] of found) addInto(into.found, id, cotangent);
      into.tame &&= graph.tame;
      this.#checkGradients(into);
    } else {
      const state = { real, found, tame: graph.tame, consumed: false };
      this.#found.push(state);
      if (this.#found.length > 3) this.#found.shift();
      this.#checkGradients(state);
    }
  }

  update(a: number, b: number): void {
    if (this.#found.length === 0) return;
    const gradients = this.#found[b % this.#found.length];
    const norm = this.#normAt(a);
    const useLinear = a % 3 === 0;
    const [module, parameters] = useLinear
      ? [this.#linear, [this.#linear.weight, this.#linear.bias]]
      : [norm.real, [norm.real.scale, norm.real.bias]];
    const missing = parameters.some(({ id }) => !gradients.found.has(id));
    const fault = gradients.consumed ? 'is consumed' : missing ? 'lacks gradients' : undefined;
    const before = parameters.map(flat);
    const changes =
      fault === undefined ? parameters.map((p) => flatOrNothing(gradients.real.get(p as Tensor<Shape>))) : [];
    const done = this.#act(fault, () => {
      sgd.update(module, gradients.real);
      return true;
    });
    if (done === undefined) return;
    gradients.consumed = true;
    (useLinear ? this.#weight : norm.scale).changes++;
    for (const [p, parameter] of parameters.entries()) {
      flat(parameter).forEach((value, i) => {
        const expected = before[p][i] - lr * changes[p][i];
        if (!Number.isFinite(Math.fround(expected)) || !Number.isFinite(changes[p][i])) return;
        requireNear(
          value,
          expected,
          2e-7 * (Math.abs(before[p][i]) + Math.abs(lr * changes[p][i])) + 1e-44,
          'a step',
        );
      });
    }
  }

  /** Actions on layers other than training. */
  async manage(a: number, b: number, c: number): Promise<void> {
    const norm = this.#normAt(a);
    const { real } = norm;
    switch (b % 9) {
      case 0:
        real.resetParams();
        norm.scale.changes++;
        norm.batches = 0;
        break;
      case 1:
        if (this.#norms.length > 3) this.#norms.pop();
        this.#norms.push({ ...this.#norm(real.clone()), batches: norm.batches });
        if (this.#norms[this.#norms.length - 1].real.scale.id === real.scale.id)
          throw new Error('A clone has the same id');
        break;
      case 2:
        // Rare, because it waits for the disk.
        if (c % 8 !== 0) break;
        await real.save(this.path);
        this.#file = { json: JSON.stringify(real) };
        break;
      case 3:
        await this.#load(norm);
        break;
      case 4:
        real.momentum = ([0, 1, 0.25, 'cumulative'] as const)[c % 4];
        break;
      case 5:
        this.#act('is not a momentum', () => (real.momentum = [-1, 2, NaN, 'x' as unknown as number][c % 4]));
        this.#act('is not an epsilon', () => (real.epsilon = [0, -1, NaN, Infinity][c % 4]));
        break;
      case 6:
        real.epsilon = [1e-5, 1e-3, 1][c % 3];
        break;
      case 7:
        storagePool.clear();
        break;
      default: {
        const copy = BatchNorm2D.fromJSON(JSON.parse(JSON.stringify(real)));
        if (JSON.stringify(copy) !== JSON.stringify(real))
          throw new Error('JSON does not preserve the layer');
      }
    }
  }

  async #load(norm: Norm): Promise<void> {
    const { real } = norm;
    const before = JSON.stringify(real);
    if (this.#file === undefined) {
      const error: unknown = await real.load(this.path).catch((caught: unknown) => caught);
      if ((error as NodeJS.ErrnoException | undefined)?.code !== 'ENOENT')
        throw new Error('A missing file was loaded', { cause: error });
      if (JSON.stringify(real) !== before) throw new Error('A failed load changed the layer');
      return;
    }
    await real.load(this.path);
    const saved = JSON.parse(this.#file.json) as { momentum: unknown; batches: number };
    norm.scale.changes++;
    if (saved.momentum === 'cumulative') norm.batches = saved.batches;
    const expected = JSON.stringify({ ...saved, batches: norm.batches });
    if (JSON.stringify(real) !== expected)
      throw new Error(`Loaded ${JSON.stringify(real)}, saved ${expected}`);
  }

  #norm(real: BatchNorm2D<number>): Norm {
    return { real, scale: { changes: 0 }, batches: 0 };
  }

  #normAt(index: number): Norm {
    return this.#norms[index % this.#norms.length];
  }

  /** One of the tensors; in three of four calls a fitting one, if there is any. */
  #slot(index: number, fits?: (slot: Slot) => boolean): Slot {
    if (this.#slots.length === 0) this.create(index, index, index);
    const fitting = fits === undefined || index % 4 === 3 ? [] : this.#slots.filter(fits);
    const all = fitting.length > 0 ? fitting : this.#slots;
    return all[Math.floor(index / 4) % all.length];
  }

  #put(slot: Slot): void {
    this.#slots.push(slot);
    if (this.#slots.length > maxSlots) this.#slots.shift();
  }

  #leaf(real: AnyTensor, shape: Shape, values: ArrayLike<number>): Slot {
    return {
      real,
      shape,
      values: Float32Array.from(values),
      graph: undefined,
      node: nodeOf(real),
      ended: false,
    };
  }

  /** Compares the result of an operation and records it on the tape of its inputs. */
  #result(
    real: AnyTensor,
    inputs: readonly Slot[],
    expected: oracle.Expected,
    parameters: readonly ModelNode[] = [],
  ): void {
    const { shape, comparable = true, exact = false } = expected;
    if (String(real.shape) !== String(shape) || real.shape.length !== shape.length) {
      throw new Error(`The shape is [${real.shape.join()}], expected [${shape.join()}]`);
    }
    const values = valuesOf(real);
    const tame = comparable && inputs.every((each) => isTame(each.values));
    for (const [i, value] of expected.values.entries()) {
      // A zero may have either sign: the larger of -0 and 0 is either.
      if (exact) requireSame(values[i] + 0, Math.fround(value) + 0);
      else if (tame && Number.isFinite(Math.fround(value)))
        requireNear(values[i], value, expected.slack(i) + Math.abs(value) * 2 ** -23 + 1e-37, 'a result');
    }
    if (tame) this.seen.compared++;
    const graphs = inputs.flatMap(({ graph }) => graph ?? []);
    if (graphs.length === 0) {
      this.#put({ ...this.#leaf(real, shape, values) });
      return;
    }
    const graph = ModelGraph.merge(graphs);
    if (!tame || !isTame(values)) graph.spoil();
    const nodes = [...inputs.map(({ node }) => node), ...parameters];
    const node: ModelNode = { id: real.id, shape, inputs: nodes, pull: expected.pull };
    graph.record(node);
    this.#put({ real, shape, values, graph, node, ended: false });
  }

  #checkGradients({ real, found, tame }: GradientsEntry): void {
    const tensors = new Map<number, AnyTensor>();
    for (const slot of this.#slots) tensors.set(slot.real.id, slot.real);
    for (const { real: norm } of this.#norms) for (const [, p] of norm.parameters()) tensors.set(p.id, p);
    for (const p of [this.#linear.weight, this.#linear.bias]) tensors.set(p.id, p);
    for (const [id, tensor] of tensors) {
      const gradient = real.get(tensor);
      const expected = found.get(id);
      if ((gradient === undefined) !== (expected === undefined)) {
        throw new Error(`A gradient is ${gradient === undefined ? 'missing' : 'too many'}`);
      }
      if (gradient === undefined || expected === undefined) continue;
      if (String(gradient.shape) !== String(tensor.shape)) throw new Error('A gradient has a wrong shape');
      if (!tame) continue;
      this.seen.differentiated++;
      const values = valuesOf(gradient);
      expected.value.forEach((value, i) => {
        if (expected.bound[i] < 1e30)
          requireNear(values[i], value, 5e-5 * expected.bound[i] + 1e-30, 'a gradient');
      });
    }
  }

  /** Calls; if the model predicts a fault, the error must be one of ours and nothing may change. */
  #act<T>(fault: string | undefined, call: () => T): T | undefined {
    const before = this.#settings();
    let result: T;
    try {
      result = call();
    } catch (error) {
      if (fault === undefined) throw new Error('An unexpected error', { cause: error });
      requireOurs(error);
      if (this.#settings() !== before) throw new Error('A failed call changed state', { cause: error });
      this.seen.refused++;
      return undefined;
    }
    if (fault !== undefined) throw new Error(`Expected an error: ${fault}`);
    this.seen.done++;
    return result;
  }

  #settings(): string {
    return JSON.stringify([
      this.#norms.map(({ real }) => real),
      this.#linear.weight.array(),
      this.#linear.bias.array(),
    ]);
  }

  /** Checks the state against the model: values, ended tensors, views, settings. */
  #verify(): void {
    for (const slot of this.#slots) {
      let values: Float32Array | undefined;
      try {
        values = valuesOf(slot.real);
      } catch (error) {
        requireOurs(error);
      }
      if ((values === undefined) !== slot.ended)
        throw new Error(
          slot.ended ? 'A tensor can be read although its memory was released' : 'A tensor cannot be read',
        );
      values?.forEach((value, i) => {
        requireSame(value, slot.values[i]);
      });
    }
    for (const { view, copy } of this.#views) {
      if (!bytesOf(view).equals(copy)) throw new Error('A view has changed');
    }
    for (const { real, batches } of this.#norms) {
      if (real.toJSON().batches !== batches)
        throw new Error(`${real.toJSON().batches} batches, expected ${batches}`);
    }
  }
}

function nodeOf({ id, shape }: AnyTensor): ModelNode {
  return { id, shape };
}

function endOf(slot: Slot): string | undefined {
  return slot.ended ? 'its memory was released' : undefined;
}

function faultOf(slot: Slot): string | undefined {
  return slot.graph?.consumed === true ? 'its graph was consumed' : endOf(slot);
}

function isUsable(slot: Slot): boolean {
  return faultOf(slot) === undefined;
}

function imageFault(shape: Shape): string | undefined {
  const channels = shape.length === 3 ? shape[0] : shape.length === 4 ? shape[1] : undefined;
  return channels === 3 ? undefined : 'is not an image with three channels';
}

function flat(tensor: AnyTensor): number[] {
  const values: unknown = tensor.array();
  return Array.isArray(values) ? (values.flat(Infinity) as number[]) : [values as number];
}

function flatOrNothing(tensor: AnyTensor | undefined): number[] {
  return tensor === undefined ? [] : flat(tensor);
}

/** Reads the values without `.data`, which would prevent the memory from being recycled. */
function valuesOf(tensor: AnyTensor): Float32Array {
  return Float32Array.from(flat(tensor));
}

function tensorsOf(norm: BatchNorm2D<number>): number[][] {
  return norm.parameters().map(([, tensor]) => flat(tensor));
}

function bytesOf(view: Float32Array): Buffer {
  return Buffer.from(new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice());
}

function requireSame(found: number, expected: number): void {
  if (!Object.is(found, expected)) throw new Error(`${found} where ${expected} was expected`);
}

function requireNear(found: number, expected: number, slack: number, what: string): void {
  if (Math.abs(found - expected) <= slack) return;
  throw new Error(`${what} is ${found}, expected ${expected} within ${slack}`);
}

function requireOurs(error: unknown): void {
  const classes = [TypeError, RangeError, FileFormatError, UnusedParamsError, Error];
  const isOurs =
    error instanceof Error &&
    classes.some((each) => error.constructor === each) &&
    /^(Expected |backward\(\) has consumed|update\(\) has consumed|This tensor was disposed)/.test(
      error.message,
    );
  if (!isOurs) throw new Error('The error is not one of ours', { cause: error });
}
