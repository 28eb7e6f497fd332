import type { Shape } from '../core/shape.js';

/** The settings of a module, as printing and JSON show them besides its tensors. */
export interface LayerDescription {
  /** Required arguments of the constructor. */
  readonly sizes?: Readonly<Record<string, number | Shape>>;
  /** Other settings that affect the output. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Further settings, which are omitted when a network is printed. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** Whether the module is printed as a list of its layers, even if it has none. */
  readonly isComposition?: boolean;
}

/**
 * Name of the method that returns the description; a symbol, because a user's class may use any other name.
 */
export const describeLayer: unique symbol = Symbol('describeLayer');

/** A module that can describe itself: a layer of the package, or a class derived from one. */
export interface Described {
  [describeLayer](): LayerDescription;
}

/** The description of any module; empty for a user's own class. */
export function descriptionOf(layer: object): LayerDescription {
  return describeLayer in layer ? (layer as Described)[describeLayer]() : {};
}

/** A class of the package. It stores its name, because a bundler may rename it. */
interface PackageClass {
  readonly type: string;
}

/** The name of the package's class of a layer; undefined for a derived class or a user's own. */
export function packageType(layer: object): string | undefined {
  // A layer of another copy of the package has another symbol.
  if (!(describeLayer in layer)) return undefined;
  const { constructor } = layer;
  if (typeof constructor !== 'function' || !Object.hasOwn(constructor, 'type')) return undefined;
  const { type } = constructor as Partial<PackageClass>;
  return typeof type === 'string' ? type : undefined;
}

/** The name of any layer's class. */
export function layerType(layer: object): string {
  const type = packageType(layer);
  if (type !== undefined) return type;
  const { constructor } = layer;
  return typeof constructor === 'function' && constructor.name !== '' ? constructor.name : 'Object';
}

/** The `type` in JSON that refers to a layer which occurred before. */
export const sharedType = 'Shared';

/** The names of the package's classes in JSON, which users' classes must not have. */
const packageTypes = new Set<string>([sharedType]);

/** Reserves the names of the package's classes. */
export function reserveTypes(types: Iterable<string>): void {
  for (const type of types) packageTypes.add(type);
}

/** Whether a user's class must not have this name in JSON. */
export function isReservedType(type: string): boolean {
  return packageTypes.has(type);
}
