declare const argument: unique symbol;

/**
 * An array for the argument `Name` of an operation. An unnamed array, or one for another argument, does not
 * compile in its place: a call has up to twelve arrays of the same type, many of the same length.
 */
export type Argument<Name, Values = Float32Array> = Values & { readonly [argument]: Name };

/**
 * Marks an array for the argument that it is passed as; `storage.named(name)` does the same for a storage.
 */
export function named<Name extends string>(name: Name, values: Float32Array): Argument<Name>;
export function named<Name extends string>(name: Name, values: Float64Array): Argument<Name, Float64Array>;
export function named(_name: string, values: Float32Array | Float64Array): unknown {
  return values;
}
