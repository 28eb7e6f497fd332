import { isInstance, receiverError } from './receiver.js';
import { findSurplus } from './surplus-arguments.js';

/** A class at run time; its constructor may be private. */
interface ClassObject {
  readonly name: string;
  readonly prototype: object;
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** JavaScript calls these methods itself; JSON.stringify passes a key to `toJSON`. */
const calledByTheLanguage = ['constructor', 'toJSON'];

/** The methods in which a module computes. */
const passes = ['forward', 'forwardMut'];

/** The methods `forward` and `forwardMut` of the package's classes. */
const packagePasses = new Set<unknown>();

/** Whether the `forward` of an object is that of a class of the package. */
export function hasPackageForward(object: object): boolean {
  return packagePasses.has((object as { readonly forward?: unknown }).forward);
}

/** A class with this method is notified of each error that its `forward` or `forwardMut` throws. */
export const noteError: unique symbol = Symbol('noteError');

interface NotesErrors {
  readonly [noteError]?: (error: unknown) => void;
}

/**
 * Makes the methods of a class, including static ones, refuse surplus arguments, and notifies the object's
 * `noteError` of errors that `forward` and `forwardMut` throw:
 *
 *     class Exp { static { guardMethods(this); } … }
 *
 * The `length` of a method is its maximum number of arguments, so a method must declare optional parameters
 * instead of default values. JavaScript itself calls symbol-keyed methods, accessors and `toJSON`, so their
 * arguments are not counted. All of them throw an error with a code if they are called on anything but an
 * instance.
 */
export function guardMethods(owner: ClassObject): void {
  for (const object of [owner, owner.prototype]) {
    const isStatic = object === owner;
    for (const key of Reflect.ownKeys(object)) {
      const property = Object.getOwnPropertyDescriptor(object, key) ?? {};
      const method: unknown = property.value;
      const name = `${owner.name}.${String(key)}`;
      if (typeof key === 'string' && typeof method === 'function' && !calledByTheLanguage.includes(key)) {
        const value = guarded(name, method as Method, isStatic);
        Object.defineProperty(object, key, { ...property, value });
      } else if (!isStatic && key !== 'constructor') {
        Object.defineProperty(object, key, withReceiver(name, property));
      }
    }
  }
}

/** Wraps a property's functions so that, when they fail, they check the object that they were called on. */
function withReceiver(name: string, property: PropertyDescriptor): PropertyDescriptor {
  const guards: PropertyDescriptor = {};
  for (const key of ['value', 'get', 'set'] as const) {
    const method: unknown = Reflect.get(property, key);
    if (typeof method !== 'function') continue;
    const guard: Method = function () {
      try {
        return (method as Method).apply(this, arguments as unknown as unknown[]);
      } catch (error) {
        throw receiverError(name, this, error);
      }
    };
    guards[key] = named(guard, method as Method);
  }
  return { ...property, ...guards };
}

function named(guard: Method, like: Method): Method {
  const { name, length } = like;
  return Object.defineProperties(guard, {
    name: { value: name, configurable: true },
    length: { value: length, configurable: true },
  });
}

/** Adds methods to a class as if they were declared in it, with the checks of `guardMethods`. */
export function defineMethods(
  owner: ClassObject,
  methods: Readonly<Record<string, (this: never, ...args: never[]) => unknown>>,
): void {
  for (const [key, method] of Object.entries(methods)) {
    const value = guarded(`${owner.name}.${key}`, method as Method, false);
    Object.defineProperty(owner.prototype, key, { value, writable: true, configurable: true });
  }
}

function guarded(name: string, method: Method, isStatic: boolean): Method {
  const { length } = method;
  const isAsync = Object.prototype.toString.call(method) === '[object AsyncFunction]';
  // `arguments` and not rest parameters: until the function is optimized those cost an array for each call.
  const counting: Method = function () {
    if (arguments.length > length) {
      const error = findSurplus(name, length, arguments);
      if (error !== undefined && isAsync) return Promise.reject(error);
      if (error !== undefined) throw error;
    }
    try {
      const result = method.apply(this, arguments as unknown as unknown[]);
      if (!isAsync || isStatic || isInstance(this)) return result;
      return (result as Promise<unknown>).catch((error: unknown) => {
        throw receiverError(name, this, error);
      });
    } catch (error) {
      throw isStatic ? error : receiverError(name, this, error);
    }
  };
  const noting: Method = function () {
    try {
      if (arguments.length > length) {
        const error = findSurplus(name, length, arguments);
        if (error !== undefined) throw error;
      }
      return method.apply(this, arguments as unknown as unknown[]);
    } catch (error) {
      (this as NotesErrors | null | undefined)?.[noteError]?.(error);
      throw receiverError(name, this, error);
    }
  };
  if (!passes.includes(method.name)) return named(counting, method);
  packagePasses.add(noting);
  return named(noting, method);
}
