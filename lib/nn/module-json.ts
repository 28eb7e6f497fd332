import { detached, missingMethod, typeError, wrongType, wrongValue } from '../validation/errors.js';
import { type JsonNumber, ensureJsonMemory, toJsonNumbers } from '../json/json-numbers.js';
import { elementCount } from '../core/shape.js';
import type { Tape } from '../core/tape.js';
import { isTensor, storageOf, type Tensor } from '../core/tensor.js';
import type { Shape } from '../core/shape.js';
import { tensorsOf } from './compose/part.js';
import {
  descriptionOf,
  isReservedType,
  type LayerDescription,
  layerType,
  packageType,
  sharedType,
} from './layer-description.js';
import { distinctTensors, hasMembers, type HasMembers, maxDepth, type Member, membersOf } from './members.js';
import { memberName } from '../validation/quote.js';
import { requireInFields } from './npz-members.js';
import { overrides } from './overriding.js';
import { shortenPath } from './shorten-path.js';

/**
 * The JSON of a module. Further fields are its settings by name, its tensors as flat row-major arrays, and
 * its modules. A tensor or a module that occurred before is `{ type: 'Shared', path }`. NaN, infinities and
 * -0, which JSON lacks, are strings.
 */
export interface ModuleJson {
  /** Name of the class: `Linear`, `Sequential`. */
  readonly type: string;
}

/** The JSON of a module of the package, or of a class that extends `BaseModule`. */
export function moduleJson(module: HasMembers): ModuleJson {
  ensureJsonMemory(distinctTensors(module).reduce((sum, { shape }) => sum + elementCount(shape), 0));
  return new Writer().module('', module, 1);
}

/** Names of fields that mean something else in JSON, or to `JSON.stringify`. */
const reservedFields = ['__proto__', 'constructor', 'toJSON'];

class Writer {
  /** The path at which each module and each tensor occurs first. */
  readonly #paths = new Map<object, string>();
  /** Paths of the modules that override `toJSON`, by their tensors. Their JSON cannot refer to tensors elsewhere. */
  readonly #opaque = new Map<object, string>();

  /**
   * @param path Prefix of the names of nested modules.
   * @param depth Number of modules around this one, itself included.
   */
  module(path: string, module: HasMembers, depth: number): ModuleJson {
    if (depth > maxDepth) {
      throw wrongValue(shortenPath(path), `at most ${maxDepth} levels of nested modules`, 'more');
    }
    if (depth === 1) this.#paths.set(module, '');
    requireInFields(module, 'toJSON');
    const json: Record<string, unknown> = { type: typeName(module), ...settingsOf(descriptionOf(module)) };
    const members = new Map(module[membersOf]().map((member) => [member.place, member]));
    const tensors = [...members.values()].flatMap(({ tensor }) => tensor ?? []);
    if (packageType(module) !== undefined && new Set(tensors).size < tensors.length) {
      throw notSerializable(
        `Expected different tensors in the fields of a ${layerType(module)}, but two are the same`,
      );
    }
    for (const field of new Set([...members.values()].map((member) => member.field))) {
      if (Object.hasOwn(json, field) || reservedFields.includes(field)) {
        const name = memberName(layerType(module), field);
        throw notSerializable(
          `Expected another name for the field ${name}, which JSON uses for something else`,
        );
      }
      const value = (module as unknown as Readonly<Record<string, unknown>>)[field];
      json[field] = this.#value(path, field, value, members, depth);
    }
    if (Object.hasOwn(module, 'layers') && json.layers === undefined) json.layers = [];
    return json as unknown as ModuleJson;
  }

  /** The JSON of a field, or of an element of an array in a field. */
  #value(
    path: string,
    place: string,
    value: unknown,
    members: ReadonlyMap<string, Member>,
    depth: number,
  ): unknown {
    const member = members.get(place);
    if (member?.tensor !== undefined) return this.#tensor(path, place, member.tensor);
    if (member !== undefined) return this.#part(`${path}${place}`, member.value, depth);
    if (!Array.isArray(value)) return null;
    return value.map((each, i) => this.#value(path, `${place}[${i}]`, each, members, depth));
  }

  /** Its numbers, or where it occurred before. */
  #tensor(path: string, place: string, tensor: Tensor<Shape>): unknown {
    const own = `${path}${place}`;
    const opaque = this.#opaque.get(tensor);
    if (opaque !== undefined) throw cannotShare(own, opaque);
    const known = this.#paths.get(tensor);
    if (known !== undefined) return { type: sharedType, path: known };
    this.#paths.set(tensor, own);
    return numbersOf(path, place, tensor);
  }

  #part(path: string, part: object, depth: number): object {
    const known = this.#paths.get(part);
    if (known !== undefined) return { type: sharedType, path: known };
    this.#paths.set(part, path);
    const { toJSON } = part as { toJSON?: unknown };
    const inherits =
      hasMembers(part) &&
      // A field of this name is refused.
      (packageType(part) !== undefined || !overrides(part, 'toJSON') || hasField(part, 'toJSON'));
    if (inherits) return this.module(`${path}.`, part, depth + 1);
    for (const tensor of listedTensors(part)) {
      const other = this.#paths.get(tensor) ?? this.#opaque.get(tensor);
      if (other !== undefined && other !== path) throw cannotShare(path, other);
      this.#opaque.set(tensor, path);
    }
    if (typeof toJSON === 'function') return ownJson(path, part as { toJSON(): unknown });
    if (tensorsOf(part).length > 0) {
      throw missingMethod('toJSON', path, ', which has parameters, but it has none');
    }
    return { type: typeName(part) };
  }
}

/** Calls a user's toJSON() and checks its result. */
function ownJson(path: string, part: { toJSON(): unknown }): object {
  const json: unknown = part.toJSON();
  if (typeof json !== 'object' || json === null) {
    throw wrongType(`the result of toJSON() of ${path}`, 'an object', json);
  }
  const { type } = json as { type?: unknown };
  if (typeof type === 'string') requireFreeType(type, part);
  return json;
}

function hasField(module: HasMembers, name: string): boolean {
  return module[membersOf]().some(({ field }) => field === name);
}

function notSerializable(message: string): TypeError {
  return typeError('ERR_BATCHNORM_NOT_SERIALIZABLE', message);
}

function cannotShare(path: string, other: string): TypeError {
  return notSerializable(
    `Expected no tensor of ${shortenPath(other)} in ${shortenPath(path)}, which share one: a toJSON() of your own cannot express that`,
  );
}

function typeName(module: object): string {
  const type = layerType(module);
  requireFreeType(type, module);
  return type;
}

/** @throws TypeError if a module of a user's class would be read as a layer of the package. */
function requireFreeType(type: string, module: object): void {
  // A layer of another copy of the package has the name of its class, too.
  if ((module.constructor as { type?: unknown }).type === type || !isReservedType(type)) return;
  throw notSerializable(
    `Expected another type than ${type} in the JSON of your own class: the package has a class of this name`,
  );
}

function settingsOf({ sizes, settings, details }: LayerDescription): Record<string, unknown> {
  return { ...sizes, ...settings, ...details };
}

function numbersOf(path: string, place: string, tensor: Tensor<Shape>): readonly JsonNumber[] {
  const storage = storageOf(tensor);
  // The storage's own message names the layer, but not its position in a composition.
  if (storage.isDetached && path !== '') throw detached(`${path}${place}`);
  return toJsonNumbers(storage.values);
}

/** The tensors in a part's `parameters()`, except those of another copy of the package, which cannot be tied to ours. */
function listedTensors(part: object): readonly Tensor<Shape, Tape>[] {
  const { parameters } = part as { parameters?: (() => unknown) | null };
  const listed = typeof parameters === 'function' ? parameters.call(part) : [];
  if (!Array.isArray(listed)) return [];
  return (listed as readonly unknown[])
    .map((entry): unknown => (Array.isArray(entry) ? entry[1] : undefined))
    .filter(isTensor);
}
