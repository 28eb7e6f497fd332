import { findSurplus } from './surplus-arguments.js';

/** What a class is at run time; also one whose constructor is private. */
interface ClassObject {
  readonly name: string;
  readonly prototype: object;
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** JSON.stringify passes a key. */
const calledByTheLanguage = ['constructor', 'toJSON'];

/** What a module computes. */
const passes = ['forward', 'forwardMut'];

/** A class with this method is told of each error that its `forward` or `forwardMut` throws. */
export const noteError: unique symbol = Symbol('noteError');

interface NotesErrors {
  readonly [noteError]?: (error: unknown) => void;
}

/**
 * Makes the methods of a class, also the static ones, refuse surplus arguments, and tells the object's `noteError` what
 * `forward` and `forwardMut` throw:
 *
 *     class Exp { static { guardMethods(this); } … }
 *
 * A method takes as many arguments as its `length` says, so it must have optional parameters instead of default
 * values. Symbol-keyed methods and accessors are called by the language and stay as they are.
 */
export function guardMethods(owner: ClassObject): void {
  for (const object of [owner, owner.prototype]) {
    for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(object))) {
      const method: unknown = property.value;
      if (typeof method !== 'function' || calledByTheLanguage.includes(key)) continue;
      const value = guarded(`${owner.name}.${key}`, method as Method);
      Object.defineProperty(object, key, { ...property, value });
    }
  }
}

/** Adds methods to a class, as if they were declared in it, with the guards of `guardMethods`. */
export function defineMethods(
  owner: ClassObject,
  methods: Readonly<Record<string, (this: never, ...args: never[]) => unknown>>,
): void {
  for (const [key, method] of Object.entries(methods)) {
    const value = guarded(`${owner.name}.${key}`, method as Method);
    Object.defineProperty(owner.prototype, key, { value, writable: true, configurable: true });
  }
}

function guarded(name: string, method: Method): Method {
  const { length } = method;
  const isAsync = Object.prototype.toString.call(method) === '[object AsyncFunction]';
  // `arguments` and not rest parameters: until the function is optimized those cost an array for each call.
  const counting: Method = function () {
    if (arguments.length > length) {
      const error = findSurplus(name, length, arguments);
      if (error !== undefined && isAsync) return Promise.reject(error);
      if (error !== undefined) throw error;
    }
    return method.apply(this, arguments as unknown as unknown[]);
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
      throw error;
    }
  };
  const guard = passes.includes(method.name) ? noting : counting;
  Object.defineProperties(guard, {
    name: { value: method.name, configurable: true },
    length: { value: length, configurable: true },
  });
  return guard;
}
