import { wrongType, wrongValue } from '../validation/errors.js';
import { memberName } from '../validation/quote.js';
import type { Shape } from '../core/shape.js';
import { isTaped, isTensor, leaseOf, type Tensor } from '../core/tensor.js';
import { inPart } from './error-path.js';
import { layerType } from './layer-description.js';
import { overrides } from './overriding.js';

// The tensors and nested modules of a module are looked up in its fields on each call, because a field may be
// reassigned at any time. The package's methods are named by symbols, because a user's class may use any
// other name.

/** A tensor or a nested module of a module. */
export interface Member {
  /** Name of the field, such as `layers`. */
  readonly field: string;
  /** The expression for it, such as `layers[0]`. */
  readonly place: string;
  /** Its name in `parameters()`, such as `0`. */
  readonly key: string;
  /** Undefined for a module. */
  readonly tensor: Tensor<Shape> | undefined;
  /** Whether an optimizer updates it; false for running statistics, and for modules. */
  readonly learned: boolean;
  /** The tensor or the module. */
  readonly value: object;
}

/** Name of the method that lists the members of a module, in the order of its fields. */
export const membersOf: unique symbol = Symbol('membersOf');
/**
 * Name of the method that returns the name of a field in `parameters()`; with an empty name, the elements of
 * an array have only their index.
 */
export const keyOfField: unique symbol = Symbol('keyOfField');
/** Name of the method that returns the prefix of the names of a nested module in an `.npz` file. */
export const npzPrefix: unique symbol = Symbol('npzPrefix');
/** Name of the method that returns the name of a tensor in an `.npz` file. */
export const npzName: unique symbol = Symbol('npzName');

/** Name of the method that returns the name of a tensor in PyTorch's state dict. */
export const stateDictName: unique symbol = Symbol('stateDictName');

/** A module whose members can be listed: one that extends `BaseModule`. */
export interface HasMembers {
  [membersOf](): readonly Member[];
  [keyOfField](field: string): string;
  [npzPrefix](key: string): string;
  [npzName](key: string): string;
  [stateDictName](key: string): string;
}

export function hasMembers(value: unknown): value is HasMembers {
  return typeof value === 'object' && value !== null && membersOf in value;
}

/**
 * Finds the tensors without a tape and the modules in the fields of a module, including those in arrays.
 * @param buffers What the module's `buffers()` returned.
 */
export function discover(
  module: object,
  keyOf: (field: string) => string,
  buffers: unknown,
): readonly Member[] {
  const members: Member[] = [];
  const names = readBuffers(module, buffers);
  for (const field of Object.keys(module)) {
    const value = (module as Readonly<Record<string, unknown>>)[field];
    collect(members, module, field, field, keyOf(field), value, !names.includes(field), []);
  }
  return members;
}

/** @throws TypeError for anything but an array with names of fields that hold tensors, arrays or nothing yet. */
function readBuffers(module: object, buffers: unknown): readonly unknown[] {
  const place = () => `the result of buffers() of ${layerType(module)}`;
  if (!Array.isArray(buffers)) throw wrongType(place(), 'an array of names of fields', buffers);
  for (const [i, name] of (buffers as unknown[]).entries()) {
    const value: unknown =
      typeof name === 'string' && Object.hasOwn(module, name) ? Reflect.get(module, name) : false;
    if (value === undefined || value === null || isTensor(value) || Array.isArray(value)) continue;
    throw wrongType(`element ${i} of ${place()}`, 'the name of a field with a tensor', name);
  }
  return buffers;
}

function collect(
  members: Member[],
  module: object,
  field: string,
  place: string,
  key: string,
  value: unknown,
  learned: boolean,
  arrays: readonly unknown[],
): void {
  if (isTensor(value)) {
    if (isTaped(value)) return;
    const tensor = value as Tensor<Shape>;
    claim(tensor, module);
    members.push({ field, place, key, tensor, learned, value });
  } else if (Array.isArray(value)) {
    requireEndOfArrays(module, field, value, arrays);
    const within = [...arrays, value];
    for (const [i, each] of (value as readonly unknown[]).entries()) {
      collect(
        members,
        module,
        field,
        `${place}[${i}]`,
        key === '' ? String(i) : `${key}.${i}`,
        each,
        learned,
        within,
      );
    }
  } else if (isModule(value)) {
    members.push({ field, place, key, tensor: undefined, learned: false, value });
  }
}

/** @throws RangeError if an array contains itself, or if arrays are nested deeper than modules may be. */
function requireEndOfArrays(module: object, field: string, array: unknown, around: readonly unknown[]): void {
  const isCyclic = around.includes(array);
  if (!isCyclic && around.length < maxDepth) return;
  throw wrongValue(
    memberName(layerType(module), field),
    `at most ${maxDepth} levels of nested arrays`,
    isCyclic ? 'an array that contains itself' : 'more',
  );
}

/**
 * Records the module of a tensor: a user's `parameters()` lists only tensors, from which their modules must
 * be found.
 */
function claim(tensor: Tensor<Shape>, module: object): void {
  const lease = leaseOf(tensor);
  if (!lease.ended) lease.storage.owner ??= module;
}

/** Whether a value is a module of the package or of a user's own class. */
export function isModule(value: unknown): value is object {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false;
  const { forward, forwardMut, parameters } = value as Readonly<Record<string, unknown>>;
  return [forward, forwardMut, parameters].some((method) => typeof method === 'function');
}

/** Maximum depth of nested modules in JSON and files. */
export const maxDepth = 500;

/**
 * Checks the depth of a module.
 * @throws RangeError if modules are nested deeper than files allow, or if one contains itself.
 */
export function requireEnd(root: HasMembers): void {
  /** The visited modules, each with its number of nesting levels, itself included. */
  const heights = new Map<object, number>();
  const heightOf = (module: object, depth: number): number => {
    const known = heights.get(module);
    if (depth + (known ?? 1) - 1 > maxDepth) {
      throw wrongValue('module', `at most ${maxDepth} levels of nested modules`, 'more');
    }
    if (known !== undefined) return known;
    let height = 1;
    for (const { tensor, value } of hasMembers(module) ? module[membersOf]() : []) {
      if (tensor === undefined) height = Math.max(height, 1 + heightOf(value, depth + 1));
    }
    heights.set(module, height);
    return height;
  };
  heightOf(root, 1);
}

/** Calls `visit` once for each module in a module, itself included. */
export function visitModules(root: object, visit: (module: object) => void): void {
  const seen = new Set<object>();
  const walk = (module: object): void => {
    if (seen.has(module)) return;
    seen.add(module);
    visit(module);
    if (!hasMembers(module)) return;
    for (const { key, tensor, value } of module[membersOf]()) {
      if (tensor !== undefined) continue;
      try {
        walk(value);
      } catch (error) {
        throw inPart(error, module, key, value);
      }
    }
  };
  walk(root);
}

/** All tensors of a module, each once. A user's own kind of module lists its tensors itself. */
export function distinctTensors(root: object): readonly Tensor<Shape>[] {
  const found = new Map<number, Tensor<Shape>>();
  visitModules(root, (module) => {
    for (const tensor of tensorsIn(module)) found.set(tensor.id, tensor);
  });
  return [...found.values()];
}

/** The tensors in the fields of a module, and those that an overridden `parameters()` lists. */
function tensorsIn(module: object): readonly Tensor<Shape>[] {
  const own = hasMembers(module) ? module[membersOf]().flatMap(({ tensor }) => tensor ?? []) : [];
  const { parameters } = module as { parameters?: () => unknown };
  if (typeof parameters !== 'function' || !overrides(module, 'parameters')) return own;
  // Entries that are not our tensors, such as those of a layer of another copy of the package, are skipped here; the functions
  // that need names refuse them.
  const listed = parameters.call(module);
  if (!Array.isArray(listed)) return own;
  const values = (listed as readonly unknown[]).map((each) =>
    Array.isArray(each) ? (each as unknown[])[1] : each,
  );
  return [...own, ...values.filter(isTensor)] as readonly Tensor<Shape>[];
}

/** The module with this tensor in a field; undefined if its tensors were never listed. */
export function ownerOf(tensor: Tensor<Shape>): object | undefined {
  const lease = leaseOf(tensor);
  return lease.ended ? undefined : lease.storage.owner;
}

/**
 * Runs a function that handles one part of a module outside the part's own methods. An error gets the path of
 * the part.
 */
export function atPart<R>(root: object, part: object | undefined, run: () => R): R {
  try {
    return run();
  } catch (error) {
    if (part === undefined || part === root) throw error;
    throw withPath(error, root, part, new Set()) ?? error;
  }
}

/** Adds the path of a part to the message of an error; undefined if the part is not in the module. */
function withPath(error: unknown, module: object, part: object, seen: Set<object>): unknown {
  if (seen.has(module) || !hasMembers(module)) return undefined;
  seen.add(module);
  for (const { key, tensor, value } of module[membersOf]()) {
    if (tensor !== undefined) continue;
    const found = value === part ? error : withPath(error, value, part, seen);
    if (found !== undefined) return inPart(found, module, key, value);
  }
  return undefined;
}
