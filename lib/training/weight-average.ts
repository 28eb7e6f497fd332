import { named } from '../backend/argument.js';
import { backend } from '../backend/index.js';
import type { Shape } from '../core/shape.js';
import { formatShape, sameShape } from '../core/shape.js';
import { storageOf, type Tensor } from '../core/tensor.js';
import { requireReader, requireWriter } from '../io/npz/archive-arguments.js';
import type { NpzReader } from '../io/npz/npz-reader.js';
import type { NpzWriter } from '../io/npz/npz-writer.js';
import { type CanUpdateWithGradients, type NamedTensor, readParameters } from '../module/module.js';
import { trainableParameters } from '../nn/trainable.js';
import { requireModule } from '../optim/optimizer.js';
import { defineInspect } from '../printing/inspect.js';
import { refuseJson } from '../printing/refuse-json.js';
import {
  plainError,
  requireBoolean,
  requireFraction,
  requireOptions,
  wrongShape,
  wrongValue,
} from '../validation/errors.js';
import { guardMethods } from '../validation/guard-methods.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';

/** Settings of a new `WeightAverage`. */
export interface WeightAverageOptions {
  /** Weight of the previous average in an exponential moving average, in [0, 1). Default: the mean of all updates. */
  readonly decay?: number;
  /** Whether to average running statistics, too. Default false: only what an optimizer updates. */
  readonly buffers?: boolean;
}

/**
 * The average of a module's weights during training, which often generalizes better than the last ones: an exponential
 * moving average (EMA) with `decay`, or else the mean of all updates (stochastic weight averaging, Izmailov et al., 2018).
 * The first update copies the weights, as PyTorch's `AveragedModel` does.
 *
 *     a = decay * a + (1 - decay) * w,   or   a = a + (w - a) / (n + 1)   after n updates
 *
 * @example
 * const average = new WeightAverage(net, { decay: 0.999 });
 * adam.update(net, backward(loss));
 * average.update();
 * await average.copyTo(net.clone()).save('averaged.npz');
 */
export class WeightAverage {
  static {
    guardMethods(this);
    defineInspect<WeightAverage>(this.prototype, function () {
      const kind = this.#decay === undefined ? 'mean' : `decay: ${this.#decay}`;
      return `WeightAverage { ${kind}, count: ${this.#count}, tensors: ${this.#averages.size} }`;
    });
    refuseJson(this.prototype, 'averaged weights', 'saveCheckpoint() keeps them as one of the parts');
  }

  readonly #module: CanUpdateWithGradients;
  readonly #decay: number | undefined;
  readonly #buffers: boolean;
  /** By name in the module. */
  readonly #averages: ReadonlyMap<string, Tensor<Shape>>;
  #count = 0;
  #swapped = false;

  /**
   * Begins with a copy of the module's weights.
   * @param module The module to watch.
   * @throws TypeError or RangeError naming the wrong argument.
   */
  constructor(module: CanUpdateWithGradients, options?: WeightAverageOptions) {
    if (arguments.length > 2) requireNoSurplus(`new ${new.target.name}`, 2, arguments);
    requireModule(module);
    const { decay, buffers = false } = requireOptions('options', options, ['decay', 'buffers']);
    this.#decay = decay === undefined ? undefined : requireFraction('decay', decay, true);
    this.#buffers = requireBoolean('buffers', buffers);
    this.#module = module;
    this.#averages = new Map(this.#watched().map(([name, tensor]) => [name, tensor.clone()]));
  }

  /** Number of updates. */
  get count(): number {
    return this.#count;
  }

  /** Whether the module has the averaged weights now, after an odd number of calls of `swap`. */
  get swapped(): boolean {
    return this.#swapped;
  }

  /**
   * Takes the module's present weights into the average. Call it after each step for an EMA, and for example after each
   * epoch for a mean.
   * @throws RangeError if the module's tensors have changed their names or shapes; Error if the weights are swapped.
   */
  update(): void {
    this.#requireUnswapped('update');
    const weight = this.#count === 0 ? 1 : 1 - (this.#decay ?? this.#count / (this.#count + 1));
    for (const [average, tensor] of this.#pairs(this.#module, 'module')) {
      const [target, source] = [storageOf(average), storageOf(tensor)];
      if (weight === 1) target.values.set(source.values);
      else moveTowards(target.values, source.values, weight);
    }
    this.#count++;
  }

  /**
   * Exchanges the module's weights with the average: once before an evaluation, and once more before training continues.
   * @throws RangeError if the module's tensors have changed their names or shapes.
   */
  swap(): void {
    for (const [average, tensor] of this.#pairs(this.#module, 'module')) {
      const storage = storageOf(tensor);
      const [own, other] = [storageOf(average).values, storage.values];
      // Without a copy, for which memory might run out between two tensors.
      for (let i = 0; i < own.length; i++) [own[i], other[i]] = [other[i], own[i]];
      storage.version++;
    }
    this.#swapped = !this.#swapped;
  }

  /**
   * Copies the average into another module with the same tensors, such as a clone.
   * @returns The target.
   * @throws RangeError naming the tensor that is missing or has another shape. Nothing has changed then.
   */
  copyTo<M extends CanUpdateWithGradients>(target: M): M {
    this.#requireUnswapped('copyTo');
    for (const [average, tensor] of this.#pairs(target, 'target')) {
      const storage = storageOf(tensor);
      storage.values.set(storageOf(average).values);
      storage.version++;
    }
    return target;
  }

  /** Adds `count.npy`, for an EMA `decay.npy`, and `average.NAME.npy` for each tensor, with `prefix` before each name. */
  write(zip: NpzWriter, prefix: string): void {
    requireWriter(zip, prefix);
    this.#requireUnswapped('write');
    zip.number(`${prefix}count.npy`, this.#count);
    if (this.#decay !== undefined) zip.number(`${prefix}decay.npy`, this.#decay);
    for (const [name, average] of this.#averages) zip.tensor(`${prefix}average.${name}.npy`, average);
  }

  /**
   * Reads what `write` wrote.
   * @throws FileFormatError for another kind of average, another decay or other tensors.
   */
  async read(zip: NpzReader, prefix: string): Promise<void> {
    requireReader(zip, prefix);
    this.#requireUnswapped('read');
    const decay = this.#decay;
    return zip.transaction(async () => {
      const count = await zip.number(`${prefix}count.npy`, {
        expected: 'a number of updates',
        fits: (value) => Number.isSafeInteger(value) && value >= 0,
      });
      if (decay !== undefined) {
        await zip.number(`${prefix}decay.npy`, {
          expected: `the decay that WeightAverage was made with, ${decay},`,
          fits: (value) => value === decay,
        });
      }
      for (const [name, average] of this.#averages) {
        await zip.tensor(`${prefix}average.${name}.npy`, average);
      }
      zip.replace(
        () => this.#count,
        (value) => (this.#count = value),
        count,
      );
    });
  }

  /** The module's tensors to average, each once, with their first names. */
  #watched(): readonly NamedTensor[] {
    const all = readParameters('module', this.#module);
    const wanted = new Set(
      (this.#buffers ? all.map(([, t]) => t) : trainableParameters(this.#module)).map(idOf),
    );
    return all.filter(([, { id }]) => wanted.delete(id));
  }

  /** The averages with the tensors of a module of the same names, after checking all of them. */
  #pairs(
    module: CanUpdateWithGradients,
    argument: string,
  ): readonly (readonly [average: Tensor<Shape>, tensor: Tensor<Shape>])[] {
    const tensors = new Map(readParameters(argument, module));
    return [...this.#averages].map(([name, average]) => {
      const tensor = tensors.get(name);
      if (tensor === undefined) {
        throw wrongValue(argument, `a module with the tensor ${name}`, 'one without it');
      }
      if (!sameShape(tensor.shape, average.shape)) {
        throw wrongShape(
          `${name} of ${argument}`,
          `shape ${formatShape(average.shape)}`,
          `shape ${formatShape(tensor.shape)}`,
        );
      }
      storageOf(tensor).requireAttached();
      return [average, tensor] as const;
    });
  }

  #requireUnswapped(method: string): void {
    if (!this.#swapped) return;
    throw plainError(
      'ERR_BATCHNORM_BUSY',
      `Expected another call of swap() before ${method}(), because the module has the averaged weights`,
    );
  }
}

function idOf({ id }: Tensor<Shape>): number {
  return id;
}

/** target += weight * (source - target), as a step of gradient descent that "decays" the average toward the source. */
function moveTowards(target: Float32Array, source: Float32Array, weight: number): void {
  // p - lr * g - lr * decoupled * p with lr = -weight and decoupled = -1
  const [lr, decoupled] = [-weight, -1];
  backend.sgdStep(
    target.length,
    lr,
    0,
    decoupled,
    0,
    false,
    named('parameter', target),
    named('gradient', source),
    null,
  );
}
