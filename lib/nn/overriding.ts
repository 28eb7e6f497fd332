/** Name of the field of `BaseModule` that holds its methods as they are inherited. */
export const inherited: unique symbol = Symbol('inherited');

const names = ['parameters', 'update', 'toJSON'] as const;

type Methods = Readonly<Partial<Record<(typeof names)[number], unknown>>>;

/** Notes the methods of a class that walks through modules may step over, as long as nobody overrides them. */
export function noteInherited(prototype: object): void {
  const methods = Object.fromEntries(names.map((name) => [name, (prototype as Methods)[name]]));
  Object.defineProperty(prototype, inherited, { value: methods });
}

/** Whether a module has a method of its own in place of the one of `BaseModule`, or never had that. */
export function overrides(module: object, name: (typeof names)[number]): boolean {
  const methods = (module as { readonly [inherited]?: Methods })[inherited];
  return methods === undefined || methods[name] !== (module as Methods)[name];
}
