/** What printing and JSON show of a module besides its tensors. */
export interface LayerDescription {
  /** Arguments of the constructor without which there is no such layer. */
  readonly sizes?: Readonly<Record<string, number>>;
  /** What else decides on its output. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** The same, but left out where a network is printed. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** Whether it is shown as the modules inside, even where there are none. */
  readonly isComposition?: boolean;
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

/** The `type` of JSON that stands for a layer which occurs twice. */
export const sharedType = 'Shared';

/** The classes of the package in JSON, which classes of users must not be confused with. */
const packageTypes: ReadonlySet<string> = new Set([
  ...['Abs', 'AvgPool2D', 'AvgPoolGlobal', 'BatchNorm2D', 'Conv2D', 'Cos', 'Dropout', 'DropoutOneIn', 'Exp'],
  ...[
    'Flatten2D',
    'FrozenBatchNorm2D',
    'GeLU',
    'GeneralizedResidual',
    'LeakyReLU',
    'Linear',
    'Ln',
    'MaxPool2D',
  ],
  ...['ReLU', 'Residual', 'Sequential', 'Sigmoid', 'Sin', 'Softmax', 'Sqrt', 'Square', 'Tanh', sharedType],
]);

/** Whether a class of a user must not have this name in JSON. */
export function isReservedType(type: string): boolean {
  return packageTypes.has(type);
}
