import { isInstance, receiverError } from './receiver.js';
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
 * values. Symbol-keyed methods, accessors and `toJSON` are called by the language with arguments of its own. All of them
 * throw an error with a code where they are called on anything but an instance.
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

/** A property whose functions check what they were called on when they fail. */
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

/** Adds methods to a class, as if they were declared in it, with the guards of `guardMethods`. */
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
  const guard = passes.includes(method.name) ? noting : counting;
  return named(guard, method);
}
