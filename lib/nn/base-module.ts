import { requireRandomSource, type RandomSource } from '../core/random-source.js';
import { requireReader, requireWriter } from '../io/npz/archive-arguments.js';
import type { LoadOptions, LoadReport } from '../io/files/load-options.js';
import { loadNpz, type LoadFromNpz, saveNpz, type SaveToNpz } from '../io/npz/npz-files.js';
import type { NpzReader } from '../io/npz/npz-reader.js';
import type { NpzWriter } from '../io/npz/npz-writer.js';
import type { FileSource } from '../io/files/file-source.js';
import type { FilePath } from '../io/files/path.js';
import type { GradientProvider, UnusedTensors } from '../module/gradient-provider.js';
import { requireUpdate, updateParameter } from '../module/update-parameter.js';
import { defineInspect } from '../printing/inspect.js';
import { guardMethods, noteError } from '../validation/guard-methods.js';
import { missingMethod } from '../validation/errors.js';
import { namedTensors, resetPart, updatePart } from './compose/part.js';
import { copyModule } from './copy-module.js';
import { noteOrigin } from './error-path.js';
import { setFrozen } from './freeze.js';
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
import type { ParameterMatch } from '../module/parameter-match.js';
import { type ModuleJson, moduleJson } from './module-json.js';
import { moduleText } from './module-text.js';
import { readMembers, storedNumbers, type StoredNumber, writeMembers } from './npz-members.js';
import { noteInherited } from './overriding.js';
import { loadSafetensors, saveSafetensors } from './safetensors-files.js';
import { trainableParameters } from './trainable.js';
import { resetAll } from './reset-all.js';

/**
 * The base class of all layers, and of your own modules: a class with layers and tensors in its fields, and with `forward`
 * and `forwardMut`. It inherits everything else.
 *
 * - A tensor in a field is a parameter, unless `buffers()` names the field. Tensors with a tape are skipped.
 * - A layer or another module in a field belongs to the module. Its tensors are named after the field: `norm.scale`.
 * - So do the elements of an array in a field: `blocks.0.scale`.
 *
 * Private fields (`#norm`) and fields that hold other objects are ignored. The fields are read on each call, so they may be
 * reassigned at any time.
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

  /** Returns all tensors with their names, parameters and running statistics, in the order of the fields. */
  parameters(): readonly NamedTensor[] {
    return this[membersOf]().flatMap(({ key, tensor, value }): readonly NamedTensor[] =>
      tensor === undefined ? namedTensors(this, key, value) : [[key, tensor]],
    );
  }

  /** Returns the tensors of `parameters()` that optimizers do not update, such as running statistics. */
  state(): readonly NamedTensor[] {
    const learned = new Set(trainableParameters(this).map(({ id }) => id));
    return this.parameters().filter(([, { id }]) => !learned.has(id));
  }

  /** Offers every parameter to the provider, and calls `update` of the nested modules. */
  update(provider: GradientProvider, unused: UnusedTensors): void {
    requireUpdate(provider, unused);
    for (const { key, tensor, learned, value } of this[membersOf]()) {
      if (tensor === undefined) updatePart(this, key, value, provider, unused);
      else if (learned) updateParameter(tensor, provider, unused);
    }
  }

  /**
   * Draws new parameters for every nested layer, in place, and resets running statistics.
   * @param rng Generator of the values. Default `Math.random`.
   * @throws RangeError if `rng` returns anything but a number in [0, 1); TypeError if one of your modules has
   * tensors in its fields but no `initialize()`. Nothing has changed then.
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
   * Freezes the tensors of the module and of its nested modules in place, or a part of them. Training does not change a frozen
   * tensor: `backward` neither computes nor records its gradient, and optimizers skip it. Where everything before a frozen
   * layer is frozen, too, and x was traced with `gradient: false`, `backward` does not visit the layer at all.
   *
   * A batch norm layer whose running statistics are frozen normalizes with them in training, as `FrozenBatchNorm2D` does.
   * Loading and `recalibrate`'s other layers are not affected, `resetParams` leaves frozen tensors alone, `clone()` copies what
   * is frozen, and `saveCheckpoint` stores it; other files do not.
   *
   * @param match Selects tensors by their names in `parameters()`. Default all, running statistics included.
   * @returns The module.
   * @throws RangeError if no tensor matches, TypeError for a wrong argument. Nothing has changed then.
   *
   * @example
   * net.freeze('backbone.');
   * net.freeze(/\.(scale|bias)$/); // batch norm keeps updating its running statistics
   */
  freeze(match?: ParameterMatch): this {
    setFrozen(this.parameters(), match, true);
    return this;
  }

  /** Makes frozen tensors trainable again; the arguments and errors are those of `freeze`. */
  unfreeze(match?: ParameterMatch): this {
    setFrozen(this.parameters(), match, false);
    return this;
  }

  /**
   * Returns a deep copy of the same class: tensors and modules in the fields are copied. A module that is
   * used in several places is copied once. Other values are shared, but arrays are copied.
   * @throws TypeError if one of your modules does not extend `BaseModule` and has no clone().
   */
  clone(): this {
    return copyModule(this);
  }

  /**
   * Adds the tensors under names that begin with `prefix`. The names of a nested module begin with the name
   * of its field and a dot.
   */
  write(zip: NpzWriter, prefix: string): void {
    requireWriter(zip, prefix);
    writeMembers(this, this[storedNumbers](), zip, prefix);
  }

  /** Reads the entries of `write` in place. Numbers besides the tensors, such as epsilon, may be missing. */
  async read(zip: NpzReader, prefix: string): Promise<void> {
    requireReader(zip, prefix);
    return zip.transaction(() => readMembers(this, this[storedNumbers](), zip, prefix));
  }

  /**
   * Saves to an `.npz` archive that dfdx 0.10 and `numpy.load` can read. The save is atomic: a killed process
   * leaves the previous file intact.
   * @throws TypeError if `path` is not a path; errors of the operating system. The previous file is intact
   * then.
   */
  async save(path: FilePath): Promise<void> {
    requireEnd(this);
    return saveNpz(path, this);
  }

  /**
   * Loads from an `.npz` archive in place. Arrays of numbers of any type are converted to float32.
   * @param path A path, or the content of the archive: its bytes, a `Blob` or `File`, or what `fetch` returned.
   * @throws FileFormatError naming the file, the entry, what was expected and what was found: the first entry
   * that is missing, has another shape or type, or is not this module's. Nothing has changed then.
   */
  async load(path: FileSource, options?: LoadOptions): Promise<LoadReport> {
    requireEnd(this);
    return loadNpz(path, this, options);
  }

  /** Saves in the safetensors format under PyTorch's names: see the function `saveSafetensors`. */
  async saveSafetensors(path: FilePath): Promise<void> {
    return saveSafetensors(path, this);
  }

  /** Loads a safetensors file in place: see the function `loadSafetensors`. */
  async loadSafetensors(path: FileSource, options?: LoadOptions): Promise<LoadReport> {
    return loadSafetensors(path, this, options);
  }

  /**
   * Lists the layers with their settings, the shapes of their tensors and the number of parameters.
   * `console.log` prints the same.
   */
  toString(): string {
    return moduleText(this);
  }

  /**
   * Returns all settings and tensors for `JSON.stringify`; `moduleFromJSON` recreates the module. float32
   * values are preserved exactly; random generators are omitted.
   * @throws TypeError if a nested module has parameters, does not extend `BaseModule` and has no toJSON();
   * RangeError if memory runs out.
   */
  toJSON(): ModuleJson {
    return moduleJson(this);
  }

  /**
   * Returns the names of the fields whose tensors optimizers do not update: running statistics and constants.
   * Override it if there are any; by default there are none.
   */
  protected buffers(): readonly string[] {
    return [];
  }

  /**
   * Sets the tensors in the module's fields, but not those of nested modules, to their initial values.
   * Override it if there are any.
   * @throws TypeError if there are any and it is not overridden.
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

  /**
   * Returns the name of a tensor in PyTorch's layer, the last part of its name in a state dict, for
   * `saveSafetensors`.
   */
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
