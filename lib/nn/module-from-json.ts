import { requireOptions, requireRecord, wrongType, wrongValue } from '../validation/errors.js';
import { JsonReader } from '../json/json-reader.js';
import * as norms from './norm/index.js';
import { GeneralizedResidual } from './compose/generalized-residual.js';
import type { Layer } from './shape-rule.js';
import * as layers from './layers/index.js';
import { layerType, reserveTypes, sharedType } from './layer-description.js';
import { readJsonArray, readJsonNumbers, toJsonNumbers } from '../json/json-numbers.js';
import { hasMembers, type HasMembers, maxDepth, type Member, membersOf } from './members.js';
import { overrides } from './overriding.js';
import type { Shape } from '../core/shape.js';
import { storageOf, type Tensor } from '../core/tensor.js';
import { requireShape } from '../ops/operand.js';
import { shortenPath } from './shorten-path.js';
import type { CanUpdateWithGradients } from '../module/module.js';
import { asPart } from './compose/part.js';
import { Residual } from './compose/residual.js';
import { Sequential } from './compose/sequential.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';

/** Creates a module of your own class from the result of its `toJSON`. */
export type ModuleFromJson = (json: unknown) => Layer;

/** Settings of `moduleFromJSON`. */
export interface ModuleFromJsonOptions {
  /**
   * Functions that create modules of your own classes, by the field `type` of their JSON. For a class that
   * extends `BaseModule` and inherits `toJSON`, the function only creates an object, `{ Net: () => new Net()
   * }`; its fields are then filled from the JSON.
   */
  readonly types?: Readonly<Record<string, ModuleFromJson>>;
}

/**
 * Recreates the module that `toJSON` was called on, with fresh tensors. Layers and tensors that occur in
 * several places are shared again. `Dropout` draws from `Math.random`.
 *
 * @param json The result of `JSON.parse`.
 * @throws TypeError or RangeError naming the wrong field.
 *
 * @example
 * const text = JSON.stringify(net);
 * const copy = moduleFromJSON(JSON.parse(text)) as typeof net;
 */
export function moduleFromJSON(
  json: unknown,
  options?: ModuleFromJsonOptions,
): Layer & CanUpdateWithGradients {
  if (arguments.length > 2) requireNoSurplus('moduleFromJSON', 2, arguments);
  const { types = {} } = requireOptions('options', options, ['types']);
  return new Builder(requireRecord('options.types', types, 'an object with functions')).build(
    'json',
    '',
    json,
  ) as Layer & CanUpdateWithGradients;
}

type Read = (reader: JsonReader) => Layer;

/** The layers without nested layers, by the type in their JSON. */
const leaves: ReadonlyMap<string, Read> = new Map(
  Object.values({ ...layers, ...norms }).map((Class): [string, Read] => [
    Class.type,
    (reader) => (Class as { read: Read }).read(reader),
  ]),
);

// Here, because modules know no layers.
reserveTypes([...leaves.keys(), Sequential.type, Residual.type, GeneralizedResidual.type]);

class Builder {
  #depth = 0;
  /** Layers by their paths in the outermost module. */
  readonly #layers = new Map<string, Layer>();
  /** Tensors by their paths in the outermost module. */
  readonly #tensors = new Map<string, Tensor<Shape>>();

  constructor(private readonly types: Readonly<Record<string, unknown>>) {}

  /**
   * @param place Name of this layer's JSON in messages.
   * @param path Path of the layer in the outermost module; empty for that module itself.
   */
  build(place: string, path: string, json: unknown): Layer {
    const type = typeOf(place, json);
    if (type === sharedType) return this.#shared(place, json);
    if (++this.#depth > maxDepth) {
      throw wrongValue(shortenPath(place), `at most ${maxDepth} levels of nested modules`, 'more');
    }
    const layer = this.#make(type, place, path, json);
    this.#depth--;
    this.#layers.set(path, layer);
    return layer;
  }

  #make(type: string, place: string, path: string, json: unknown): Layer {
    if (Object.hasOwn(this.types, type)) return this.#custom(type, place, path, json);
    const inside = path === '' ? '' : `${path}.`;
    const read = leaves.get(type);
    if (read !== undefined) return this.#leaf(read, type, place, inside, json as object);
    const reader = new JsonReader(place, json, type);
    const part = (name: string) => this.build(reader.place(name), `${inside}${name}`, reader.field(name));
    switch (type) {
      case Sequential.type: {
        const layers = reader.list('layers');
        const made = layers.map((each, i) =>
          this.build(reader.place(`layers[${i}]`), `${inside}layers[${i}]`, each),
        );
        return Reflect.construct(Sequential, made);
      }
      case Residual.type:
        return new Residual(part('f'));
      case GeneralizedResidual.type:
        return new GeneralizedResidual(part('f'), part('r'));
      default:
        throw wrongValue(
          `${place}.type`,
          'a class of the package, or one in options.types,',
          JSON.stringify(type.slice(0, 80)),
        );
    }
  }

  /** A layer without nested layers, whose tensors may have occurred before. */
  #leaf(read: Read, type: string, place: string, inside: string, json: object): Layer {
    const shared = new Map<string, Tensor<Shape>>();
    for (const [field, value] of Object.entries(json)) {
      if (isShared(value)) shared.set(field, this.#sharedTensor(`${place}.${field}`, value));
    }
    const numbers = [...shared].map(([field, tensor]) => [field, toJsonNumbers(storageOf(tensor).values)]);
    const fields = shared.size === 0 ? json : { ...json, ...(Object.fromEntries(numbers) as object) };
    const layer = read(new JsonReader(place, fields, type));
    const members = hasMembers(layer) ? layer[membersOf]() : [];
    for (const { field, tensor } of members) {
      if (tensor === undefined) continue;
      const other = shared.get(field);
      if (other === undefined) {
        this.#tensors.set(`${inside}${field}`, tensor);
      } else {
        requireShape(`${place}.${field}`, other, tensor.shape);
        Object.assign(layer, { [field]: other });
      }
    }
    return layer;
  }

  #custom(type: string, place: string, path: string, json: unknown): Layer {
    const make = this.types[type];
    const name = `options.types.${type}`;
    if (typeof make !== 'function') throw wrongType(name, 'a function', make);
    const made = asPart(`the result of ${name} for ${place}`, (make as ModuleFromJson)(json));
    if (hasMembers(made) && !overrides(made, 'toJSON')) {
      this.#fill(made, new JsonReader(place, json, type), path === '' ? '' : `${path}.`);
    }
    return made as Layer;
  }

  /** Fills the fields of a module that inherits toJSON() from its JSON. */
  #fill(module: HasMembers, reader: JsonReader, path: string): void {
    const members = new Map(module[membersOf]().map((member) => [member.place, member]));
    const fields = module as unknown as Record<string, unknown>;
    for (const field of new Set([...members.values()].map((member) => member.field))) {
      const place = (inside: string) => ({ json: reader.place(inside), path: `${path}${inside}` });
      fields[field] = this.#filled(field, fields[field], reader.field(field), members, place);
    }
  }

  /** The value for a field, or for an element of an array in a field. */
  #filled(
    inside: string,
    value: unknown,
    json: unknown,
    members: ReadonlyMap<string, Member>,
    place: (inside: string) => { readonly json: string; readonly path: string },
  ): unknown {
    const member = members.get(inside);
    const where = place(inside);
    if (member?.tensor !== undefined) {
      if (isShared(json)) {
        const tensor = this.#sharedTensor(where.json, json);
        requireShape(where.json, tensor, member.tensor.shape);
        return tensor;
      }
      this.#tensors.set(where.path, member.tensor);
      const storage = storageOf(member.tensor);
      readJsonNumbers(where.json, json, storage.values);
      storage.version++;
      return value;
    }
    if (member !== undefined) {
      const built = this.build(where.json, where.path, json);
      if (built.constructor === member.value.constructor) return built;
      throw wrongValue(`${where.json}.type`, layerType(member.value), layerType(built));
    }
    if (!Array.isArray(value)) return value;
    const elements = readJsonArray(where.json, json, value.length);
    const filled = value.map((each, i) => this.#filled(`${inside}[${i}]`, each, elements[i], members, place));
    return Object.isFrozen(value) ? Object.freeze(filled) : filled;
  }

  #shared(place: string, json: unknown): Layer {
    return lookUp(this.#layers, 'a layer', place, json);
  }

  #sharedTensor(place: string, json: unknown): Tensor<Shape> {
    return lookUp(this.#tensors, 'a tensor', place, json);
  }
}

/** Whether JSON refers to a layer or a tensor that occurred before. */
function isShared(json: unknown): boolean {
  return (json as { type?: unknown } | null | undefined)?.type === sharedType;
}

function lookUp<T>(known: ReadonlyMap<string, T>, kind: string, place: string, json: unknown): T {
  const { path } = json as { path?: unknown };
  if (typeof path !== 'string') throw wrongType(`${place}.path`, 'a string', path);
  const found = known.get(path);
  if (found !== undefined) return found;
  throw wrongValue(`${place}.path`, `the path of ${kind} before`, JSON.stringify(path.slice(0, 80)));
}

function typeOf(place: string, json: unknown): string {
  if (typeof json !== 'object' || json === null) {
    throw wrongType(place, 'an object from toJSON() of a module', json);
  }
  const { type } = json as { type?: unknown };
  if (typeof type !== 'string') throw wrongType(`${place}.type`, 'the name of a class', type);
  return type;
}
