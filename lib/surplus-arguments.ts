import { type CodedError, tooManyArguments } from './errors.js';

// TypeScript refuses calls with too many arguments; here JavaScript callers get an error for them too. A
// surplus argument is usually meant for another library's function of the same name: x.mean(axis).

/** What a class is at run time; also one whose constructor is private. */
interface ClassObject {
  readonly name: string;
  readonly prototype: object;
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** JSON.stringify passes a key. */
const calledByTheLanguage = ['constructor', 'toJSON'];

/**
 * Makes the methods of a class, also the static ones, refuse surplus arguments:
 *
 *     class Exp { static { refuseSurplusArguments(this); } … }
 *
 * A method takes as many arguments as `length` says, so it must have optional parameters instead of default
 * values. Symbol-keyed methods and accessors are called by the language and stay as they are.
 */
export function refuseSurplusArguments(owner: ClassObject): void {
  for (const object of [owner, owner.prototype]) {
    for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(object))) {
      const method: unknown = property.value;
      if (typeof method !== 'function' || calledByTheLanguage.includes(key)) continue;
      const value = guarded(`${owner.name}.${key}`, method as Method);
      Object.defineProperty(object, key, { ...property, value });
    }
  }
}

function guarded(name: string, method: Method): Method {
  const { length } = method;
  const isAsync = Object.prototype.toString.call(method) === '[object AsyncFunction]';
  // `arguments` and not rest parameters: until the function is optimized those cost an array for each call.
  const guard: Method = function () {
    if (arguments.length > length) {
      const error = findSurplus(name, length, arguments);
      if (error !== undefined && isAsync) return Promise.reject(error);
      if (error !== undefined) throw error;
    }
    return method.apply(this, arguments as unknown as unknown[]);
  };
  Object.defineProperties(guard, {
    name: { value: method.name, configurable: true },
    length: { value: length, configurable: true },
  });
  return guard;
}

/**
 * For functions and constructors, which look at `arguments.length` first:
 *
 *     if (arguments.length > 2) requireNoSurplus('backward', 2, arguments);
 *
 * @throws TypeError naming the first surplus argument.
 */
export function requireNoSurplus(name: string, max: number, given: ArrayLike<unknown>): void {
  const error = findSurplus(name, max, given);
  if (error !== undefined) throw error;
}

/** undefined counts as missing. */
function findSurplus(
  name: string,
  max: number,
  given: ArrayLike<unknown>,
): CodedError<TypeError> | undefined {
  for (let i = max; i < given.length; i++) {
    if (given[i] !== undefined) return tooManyArguments(name, max, given, i);
  }
  return undefined;
}
