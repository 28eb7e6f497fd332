/**
 * Node's symbol for the method that `util.inspect` and `console.log` call. Not imported from node:util, so
 * that modules that use it also load in environments without it.
 */
export const inspectCustom: unique symbol = Symbol.for('nodejs.util.inspect.custom');

/** The options of `util.inspect` that we use. */
export interface InspectOptions {
  readonly compact?: boolean | number;
  readonly breakLength?: number;
}

/**
 * The method that `util.inspect` calls. A depth of null or undefined means no limit. A string result is
 * printed as it is, an object as `util.inspect` prints it.
 */
export type InspectMethod<T, R> = (this: T, depth?: number | null, options?: InspectOptions) => R;

/** Defines how `util.inspect` shows an object, or those of a class by its prototype. Not as a method of the class: its
 * name, a symbol of Node's, would make the declarations depend on Node's types. */
export function defineInspect<T extends object, R extends string | object = string>(
  target: T,
  inspect: InspectMethod<T, R>,
): void {
  Object.defineProperty(target, inspectCustom, {
    value(this: T, depth?: number | null, options?: InspectOptions) {
      try {
        return inspect.call(this, depth, options);
      } catch (error) {
        // Printing must not throw. Of a proxy, for one, private fields cannot be read.
        return `[object that cannot be printed: ${String(error)}]`;
      }
    },
    configurable: true,
    writable: true,
  });
}
