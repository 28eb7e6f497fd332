/** Name of the field of `BaseModule` with its own methods. */
export const inherited: unique symbol = Symbol('inherited');

const names = ['parameters', 'update', 'toJSON'] as const;

type Methods = Readonly<Partial<Record<(typeof names)[number], unknown>>>;

/**
 * Records the methods of a class that functions may skip when they walk through modules, unless they are
 * overridden.
 */
export function noteInherited(prototype: object): void {
  const methods = Object.fromEntries(names.map((name) => [name, (prototype as Methods)[name]]));
  Object.defineProperty(prototype, inherited, { value: methods });
}

/** Whether a module overrides this method of `BaseModule`. */
export function overrides(module: object, name: (typeof names)[number]): boolean {
  const methods = (module as { readonly [inherited]?: Methods })[inherited];
  return methods === undefined || methods[name] !== (module as Methods)[name];
}
