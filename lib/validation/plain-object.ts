/**
 * Whether an object is the Object.prototype of any realm: the end of a prototype chain, whose members are not
 * options.
 */
function isObjectPrototype(object: object): boolean {
  return Object.getPrototypeOf(object) === null && Object.hasOwn(object, 'isPrototypeOf');
}

/** Whether an object is a plain one, of any realm: `{}`, or one without a prototype. */
export function isPlainObject(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || isObjectPrototype(prototype);
}

/** Tags of plain objects; maps, promises, dates, errors and boxed numbers have other tags. */
const tags = ['[object Object]', '[object Module]'];

/** A name of an object, and whether the object inherits it. */
export interface ObjectName {
  readonly name: string | symbol;
  readonly inherited: boolean;
}

/**
 * The enumerable names, own and inherited, of an object that only holds named values. Undefined for anything
 * else: not an object, an array, an object of a built-in class, or an instance of another class without any
 * such name, whose content would be overlooked.
 */
export function enumerableNames(value: unknown): readonly ObjectName[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  try {
    if (Array.isArray(value) || !tags.includes(Object.prototype.toString.call(value))) return undefined;
    const found: ObjectName[] = [];
    let isInstance = false;
    for (let at: object | null = value; at !== null; at = Object.getPrototypeOf(at) as object | null) {
      if (isObjectPrototype(at)) break;
      const inherited = at !== value;
      isInstance ||= inherited;
      for (const name of Reflect.ownKeys(at)) {
        if (Object.prototype.propertyIsEnumerable.call(at, name)) found.push({ name, inherited });
      }
    }
    return isInstance && found.length === 0 ? undefined : found;
  } catch {
    return undefined; // a revoked proxy
  }
}

/**
 * Whether an object has a property, own or inherited. Properties that were added to all objects do not count.
 */
export function definesName(value: object, name: string): boolean {
  for (let at: object | null = value; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    if (isObjectPrototype(at)) return false;
    if (Object.hasOwn(at, name)) return true;
  }
  return false;
}
