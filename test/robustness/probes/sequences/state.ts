import { BatchNorm2D, type Gradients, Linear, type Shape, Tensor } from 'batchnorm';
import { seeded } from '../../../support/random.js';
import { bytesOf, requireNear, requireOurs, requireSame, valuesOf } from './checks.js';
import { type Cotangent, ModelGraph, type ModelNode } from './graph-model.js';
import type { Expected } from './oracle.js';
import { type AnyTensor, nodeOf, type Slot } from './slot.js';
import { asSource, countOf, isTame, shapes, someValues } from './values.js';

/** The model of a parameter: how often it was changed in place. */
export interface Changes {
  changes: number;
}

export interface Norm {
  readonly real: BatchNorm2D<number>;
  readonly scale: Changes;
  batches: number;
}

export interface GradientsEntry {
  readonly real: Gradients;
  readonly found: Map<number, Cotangent>;
  tame: boolean;
  consumed: boolean;
}

export interface File {
  readonly json: string;
}

export function newNorm(real: BatchNorm2D<number>): Norm {
  return { real, scale: { changes: 0 }, batches: 0 };
}

/** The count of each outcome: a run without successes proves nothing. */
export type Seen = Record<'done' | 'refused' | 'compared' | 'backward' | 'differentiated', number>;

const maxSlots = 10;

/** Objects of the library, and a simple model of each. */
export class State {
  readonly slots: Slot[] = [];
  readonly norms: Norm[] = [newNorm(new BatchNorm2D(3)), newNorm(new BatchNorm2D(3))];
  readonly linear = new Linear(3, 2, { rng: seeded(4) });
  readonly weight: Changes = { changes: 0 };
  readonly found: GradientsEntry[] = [];
  readonly views: { readonly view: Float32Array; readonly copy: Buffer }[] = [];
  file: File | undefined;

  constructor(
    readonly path: string,
    readonly seen: Seen,
  ) {}

  create(a: number, b: number, c: number): void {
    const shape = shapes[a % shapes.length];
    const values = someValues(b, countOf(shape));
    if (c % 5 === 0) {
      const own = Float32Array.from(values);
      this.put(this.leaf(Tensor.adopt(own, shape), shape, values));
    } else {
      this.put(this.leaf(Tensor.from(asSource(values, shape, c), shape), shape, values));
    }
  }

  normAt(index: number): Norm {
    return this.norms[index % this.norms.length];
  }

  /** One of the tensors; in three of four calls a fitting one, if there is any. */
  slot(index: number, fits?: (slot: Slot) => boolean): Slot {
    if (this.slots.length === 0) this.create(index, index, index);
    const fitting = fits === undefined || index % 4 === 3 ? [] : this.slots.filter(fits);
    const all = fitting.length > 0 ? fitting : this.slots;
    return all[Math.floor(index / 4) % all.length];
  }

  put(slot: Slot): void {
    this.slots.push(slot);
    if (this.slots.length > maxSlots) this.slots.shift();
  }

  leaf(real: AnyTensor, shape: Shape, values: ArrayLike<number>): Slot {
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
  result(
    real: AnyTensor,
    inputs: readonly Slot[],
    expected: Expected,
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
      this.put({ ...this.leaf(real, shape, values) });
      return;
    }
    const graph = ModelGraph.merge(graphs);
    if (!tame || !isTame(values)) graph.spoil();
    const nodes = [...inputs.map(({ node }) => node), ...parameters];
    const node: ModelNode = { id: real.id, shape, inputs: nodes, pull: expected.pull };
    graph.record(node);
    this.put({ real, shape, values, graph, node, ended: false });
  }

  /** Compares gradients with those of the model. */
  checkGradients({ real, found, tame }: GradientsEntry): void {
    const tensors = new Map<number, AnyTensor>();
    for (const slot of this.slots) tensors.set(slot.real.id, slot.real);
    for (const { real: norm } of this.norms) for (const [, p] of norm.parameters()) tensors.set(p.id, p);
    for (const p of [this.linear.weight, this.linear.bias]) tensors.set(p.id, p);
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
  act<T>(fault: string | undefined, call: () => T): T | undefined {
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
      this.norms.map(({ real }) => real),
      this.linear.weight.array(),
      this.linear.bias.array(),
    ]);
  }

  /** Checks the state against the model: values, ended tensors, views, settings. */
  verify(): void {
    for (const slot of this.slots) {
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
    for (const { view, copy } of this.views) {
      if (!bytesOf(view).equals(copy)) throw new Error('A view has changed');
    }
    for (const { real, batches } of this.norms) {
      if (real.toJSON().batches !== batches)
        throw new Error(`${real.toJSON().batches} batches, expected ${batches}`);
    }
  }
}
