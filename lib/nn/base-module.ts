import { requireRandomSource, type RandomSource } from '../core/random-source.js';
import { requireReader, requireWriter } from '../io/npz/archive-arguments.js';
import { loadNpz, type LoadFromNpz, type LoadOptions, saveNpz, type SaveToNpz } from '../io/npz/npz-files.js';
import type { NpzReader } from '../io/npz/npz-reader.js';
import type { NpzWriter } from '../io/npz/npz-writer.js';
import type { FilePath } from '../io/files/path.js';
import type { GradientProvider, UnusedTensors } from '../module/gradient-provider.js';
import { requireUpdate, updateParameter } from '../module/update-parameter.js';
import { defineInspect } from '../printing/inspect.js';
import { guardMethods, noteError } from '../validation/guard-methods.js';
import { missingMethod } from '../validation/errors.js';
import { namedTensors, resetPart, updatePart } from './compose/part.js';
import { copyModule } from './copy-module.js';
import { noteOrigin } from './error-path.js';
import { describeLayer, type LayerDescription, layerType } from './layer-description.js';
import {
  discover,
  keyOfField,
  type Member,
  membersOf,
  npzName,
  npzPrefix,
  requireEnd,
  stateDictName,
} from './members.js';
import type { CanUpdateWithGradients, NamedTensor } from '../module/module.js';
import { type ModuleJson, moduleJson } from './module-json.js';
import { moduleText } from './module-text.js';
import { readMembers, storedNumbers, type StoredNumber, writeMembers } from './npz-members.js';
import { noteInherited } from './overriding.js';
import { trainableParameters } from './trainable.js';
import { resetAll } from './reset-all.js';

/**
 * The base of all layers, and of modules of your own: a class with layers and tensors in its fields, and `forward` and
 * `forwardMut`. Everything else is inherited.
 *
 * - A tensor in a field is a parameter, unless `buffers()` names the field. Tensors with a tape are left out.
 * - A layer or another module in a field is a part of the module. Its tensors are named after the field: `norm.scale`.
 * - So are the elements of an array in a field: `blocks.0.scale`.
 *
 * Private fields (`#norm`) and fields that hold other objects are not seen. Fields are read anew on each call, so they
 * may be given other values at any time.
 *
 * @example
 * class Net extends BaseModule {
 *   readonly norm = new BatchNorm2D(2);
 *   readonly head = new Linear(18, 5);
 *
 *   forward(x: Tensor4D<number, 2, 3, 3>) {
 *     return this.head.forward(this.norm.forward(x).reshape([x.shape[0], 18]));
 *   }
 *   forwardMut(x: Tensor4D<number, 2, 3, 3, OwnedTape>) {
 *     return this.head.forward(this.norm.forwardMut(x).reshape([x.shape[0], 18]));
 *   }
 * }
 * const net = new Net();
 * await net.save('net.npz');
 */
export abstract class BaseModule implements CanUpdateWithGradients, SaveToNpz, LoadFromNpz {
  static {
    guardMethods(this);
    noteInherited(this.prototype);
    defineInspect(this.prototype, function (depth) {
      return depth != null && depth < 0 ? `[${layerType(this)}]` : this.toString();
    });
  }

  /** All tensors with their names: parameters and running statistics, in the order of the fields. */
  parameters(): readonly NamedTensor[] {
    return this[membersOf]().flatMap(({ key, tensor, value }): readonly NamedTensor[] =>
      tensor === undefined ? namedTensors(this, key, value) : [[key, tensor]],
    );
  }

  /** Those of `parameters()` that no optimizer updates, such as running statistics. */
  state(): readonly NamedTensor[] {
    const learned = new Set(trainableParameters(this).map(({ id }) => id));
    return this.parameters().filter(([, { id }]) => !learned.has(id));
  }

  /** Offers every learned tensor to the provider, and calls `update` of the modules inside. */
  update(provider: GradientProvider, unused: UnusedTensors): void {
    requireUpdate(provider, unused);
    for (const { key, tensor, learned, value } of this[membersOf]()) {
      if (tensor === undefined) updatePart(this, key, value, provider, unused);
      else if (learned) updateParameter(tensor, provider, unused);
    }
  }

  /**
   * Gives every layer inside new parameters, in place, and resets running statistics.
   * @param rng Where the values come from. Default `Math.random`.
   * @throws RangeError where `rng` returns no number in [0, 1), TypeError where a module of yours has tensors of its
   * own and no `initialize()`. Nothing has changed then.
   */
  resetParams(rng?: RandomSource): void {
    const source = rng === undefined ? Math.random : requireRandomSource('rng', rng);
    resetAll(this, () => {
      this.initialize(source);
      for (const { key, tensor, value } of this[membersOf]()) {
        if (tensor === undefined) resetPart(this, key, value, source);
      }
    });
  }

  /**
   * A copy of the same class, with tensors of its own and copies of the modules inside. What is used in several places
   * is copied once. Fields with other values are shared, arrays of them are copied.
   * @throws TypeError where a module of yours that does not extend `BaseModule` has no clone().
   */
  clone(): this {
    return copyModule(this);
  }

  /** Adds the tensors under names that begin with `prefix`; those of a module inside behind its name and a dot. */
  write(zip: NpzWriter, prefix: string): void {
    requireWriter(zip, prefix);
    writeMembers(this, this[storedNumbers](), zip, prefix);
  }

  /** Reads what `write` writes, in place. Numbers beside the tensors, such as epsilon, may be missing. */
  async read(zip: NpzReader, prefix: string): Promise<void> {
    requireReader(zip, prefix);
    return zip.together(() => readMembers(this, this[storedNumbers](), zip, prefix));
  }

  /**
   * Saves to an `.npz` archive that dfdx 0.10 and `numpy.load` read, replacing an old file at once.
   * @throws TypeError for what is no path; what writing throws, and the old file is whole then.
   */
  async save(path: FilePath): Promise<void> {
    requireEnd(this);
    return saveNpz(path, this);
  }

  /**
   * Loads from an `.npz` archive in place, from arrays of numbers of any type, which become float32.
   * @throws FileFormatError naming file, entry, what was expected and what was found: the first entry that
   * is missing, has another shape or type, or is not this module's. Nothing has changed then.
   */
  async load(path: FilePath, options?: LoadOptions): Promise<void> {
    requireEnd(this);
    return loadNpz(path, this, options);
  }

  /** Layers with their settings, the shapes of their tensors, and how many parameters there are; `console.log` shows
   * the same. */
  toString(): string {
    return moduleText(this);
  }

  /**
   * All settings and tensors, for `JSON.stringify`; `moduleFromJSON` makes a module of them. float32 values survive
   * exactly; a generator of random numbers is left out.
   * @throws TypeError where a module inside that does not extend `BaseModule` has parameters and no toJSON(), RangeError
   * where memory runs out.
   */
  toJSON(): ModuleJson {
    return moduleJson(this);
  }

  /** The fields whose tensors no optimizer updates: running statistics and constants. None, unless overridden. */
  protected buffers(): readonly string[] {
    return [];
  }

  /**
   * Gives the module's own tensors, not those of modules inside, the values that they begin with.
   * @throws TypeError where there are any, unless it is overridden.
   */
  protected initialize(_rng: RandomSource): void {
    const own = this[membersOf]().find(({ tensor }) => tensor !== undefined);
    if (own === undefined) return;
    throw missingMethod(
      'initialize',
      layerType(this),
      `, which has the tensor ${own.key}, for resetParams()`,
    );
  }

  /** What PyTorch's layer calls a tensor, for `saveSafetensors`: the last part of its name. */
  protected pyTorchName(key: string): string {
    return key;
  }

  /** @internal */
  [membersOf](): readonly Member[] {
    return discover(this, (field) => this[keyOfField](field), this.buffers());
  }

  /** @internal */
  [keyOfField](field: string): string {
    return field;
  }

  /** @internal */
  [npzPrefix](key: string): string {
    return `${key}.`;
  }

  /** @internal */
  [npzName](key: string): string {
    return key;
  }

  /** @internal */
  [stateDictName](key: string): string {
    return this.pyTorchName(key);
  }

  /** @internal */
  [storedNumbers](): readonly StoredNumber[] {
    return [];
  }

  /** @internal */
  [describeLayer](): LayerDescription {
    return {};
  }

  /** @internal */
  [noteError](error: unknown): void {
    noteOrigin(error, this);
  }
}
