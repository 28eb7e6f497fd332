import type { Shape } from '../core/shape.js';
import { storageOf } from '../core/tensor.js';
import { tensorsOf } from '../nn/compose/part.js';
import { layerType } from '../nn/layer-description.js';
import { foldedCopy } from '../nn/norm/fold.js';
import { isNativeError } from '../validation/realm.js';
import { capture } from './capture.js';
import { captureError, isCaptureError, nameModel } from './capture-error.js';
import { type CapturedCall, type CapturedGraph, type CapturedValue, isArray } from './captured-graph.js';
import { divide, samplesPerPart } from './divide.js';
import { foldNorms, type NormPair } from './fold-norms.js';
import { FoldedWeights, unfoldedValues } from './folded-weights.js';
import { fuse } from './fuse.js';
import { operationOf } from './operation.js';
import { PackedWeights } from './packed-weights.js';
import { type Program, toProgram } from './program.js';

/** A private copy of a model, with its programs for inputs of different shapes. */
export class CompiledModel {
  readonly #copy: object;
  /** To tell whether the copy lacks something. */
  readonly #original: WeakRef<object>;
  /** The numbers of parameters that others could change, as they were. */
  readonly #snapshots = new Map<Float32Array, Float32Array>();
  /** Names of the tensors of layers that replaced a layer and its batch norm when the model was copied. */
  readonly #foldedNames: ReadonlySet<string>;
  readonly #folds = new FoldedWeights();
  readonly #packs = new PackedWeights();
  #samplesPerPart: number | undefined;

  constructor(model: object) {
    const { copy, folded } = foldedCopy(model);
    this.#copy = copy;
    this.#original = new WeakRef(model);
    const own = new Set([...folded].flatMap(tensorsOf).map(([, tensor]) => storageOf(tensor)));
    const names = tensorsOf(copy).filter(([, tensor]) => own.has(storageOf(tensor)));
    this.#foldedNames = new Set(names.map(([name]) => name));
    const shared = new Set(tensorsOf(model).map(([, tensor]) => storageOf(tensor)));
    for (const [, tensor] of tensorsOf(this.#copy)) {
      const storage = storageOf(tensor);
      // Programs identify the numbers by their array, and keep copies where the backend computes.
      storage.moveToArray();
      // A user's clone() may return the original.
      if (shared.has(storage) || !storage.hide()) this.#snapshots.set(storage.values, storage.values.slice());
    }
  }

  /** Bytes of all parameters, and of the weights that were made of them. */
  get weightBytes(): number {
    const arrays = new Set(tensorsOf(this.#copy).map(([, tensor]) => storageOf(tensor).values));
    return [...arrays].reduce(
      (sum, { byteLength }) => sum + byteLength,
      this.#folds.byteLength + this.#packs.byteLength,
    );
  }

  /** @throws Error with the code ERR_BATCHNORM_CAPTURE, or errors of the model. */
  program(shape: Shape): Program {
    const canFold = ({ name }: CapturedValue) => name === undefined || !this.#foldedNames.has(name);
    const fold = (pair: NormPair) => this.#folds.of(unfoldedValues(pair, (value) => this.#numbersOf(value)));
    const graph = foldNorms(this.#captured(shape), canFold, fold);
    const numbersOf = (value: CapturedValue) => this.#numbersOf(value);
    const whole = fuse(this.#packs.replace(graph, numbersOf));
    const [samples] = shape;
    // For the largest batch, which is compiled first, and then for the others, so that one arena fits all.
    this.#samplesPerPart ??= samplesPerPart(whole, samples);
    return toProgram(divide(whole, samples, this.#samplesPerPart), numbersOf, compute);
  }

  /** The shape of the result for an input of a shape. @throws as `program`. */
  resultShape(shape: Shape): Shape {
    return this.#captured(shape).outputShape;
  }

  #captured(shape: Shape): CapturedGraph {
    try {
      return capture(this.#copy, shape);
    } catch (error) {
      if (!isNativeError(error) || !this.#isOnlyInCopy(error, shape)) throw error;
      const reason = captureError(
        `clone() makes a copy of it without what forward() uses, such as private fields: ${error.message}`,
      );
      Object.defineProperty(reason, 'cause', { value: error, configurable: true, writable: true });
      throw nameModel(reason, layerType(this.#copy));
    }
  }

  /**
   * Whether the model itself can be captured. The error of the copy does not tell: engines word it differently for private
   * fields, and it is an ordinary one for a `WeakMap` with the model as its key.
   */
  #isOnlyInCopy(error: Error, shape: Shape): boolean {
    const original = this.#original.deref();
    if (original === undefined || original === this.#copy || isCaptureError(error)) return false;
    try {
      capture(original, shape);
      return true;
    } catch {
      return false;
    }
  }

  #numbersOf({ numbers }: CapturedValue): Float32Array {
    if (numbers === undefined) throw captureError('JavaScript computes its result');
    return this.#snapshots.get(numbers) ?? numbers;
  }
}

/** Runs a call now. */
function compute({ operation, args }: CapturedCall, arrayOf: (value: CapturedValue) => Float32Array): void {
  const values = Object.values(args).map((argument) => {
    if (!isArray(argument)) return argument;
    const array = arrayOf(argument.value);
    return argument.offset === 0 ? array : array.subarray(argument.offset);
  });
  operationOf(operation)(...values);
}
