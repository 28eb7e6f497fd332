/** What printing and JSON show of a module besides its tensors. */
export interface LayerDescription {
  /** Arguments of the constructor without which there is no such layer. */
  readonly sizes?: Readonly<Record<string, number>>;
  /** What else decides on its output. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** The same, but left out where a network is printed. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** The layers of a chain, in their order. */
  readonly layers?: readonly unknown[];
  /** The layers of another composition, by the names of its fields. */
  readonly parts?: Readonly<Record<string, unknown>>;
}

/** Name of the method that returns it: a symbol, since a user's class may have any other name. */
export const describeLayer: unique symbol = Symbol('describeLayer');

/** A module that can describe itself: those of the package and what users derive from them. */
export interface Described {
  [describeLayer](): LayerDescription;
}

/** Of any module; of a user's own nothing is known. */
export function descriptionOf(layer: object): LayerDescription {
  return describeLayer in layer ? (layer as Described)[describeLayer]() : {};
}

/** A class of the package. It carries its name, since a bundler may rename it. */
interface PackageClass {
  readonly type: string;
}

/** The name of the package's class that a layer was made by; undefined for one of a derived class or a user's. */
export function packageType(layer: object): string | undefined {
  // A layer of another copy of the package describes itself by another symbol.
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
