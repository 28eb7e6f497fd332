import ts from 'typescript';

/**
 * Whether a value may be of a declared type, as far as this can be checked at run time. Types that depend on type
 * parameters accept everything, so that false is certain: such a value must be refused.
 */
export function fits(checker: ts.TypeChecker, type: ts.Type, value: unknown, depth = 0): boolean {
  if (depth > 6) return true;
  const again = (other: ts.Type, part: unknown) => fits(checker, other, part, depth + 1);
  if (type.isUnion()) return type.types.some((each) => again(each, value));
  if (type.isIntersection()) return type.types.every((each) => again(each, value));
  if (type.isNumberLiteral() || type.isStringLiteral()) return value === type.value;
  const { flags } = type;
  if (flags & ts.TypeFlags.BooleanLiteral) return String(value) === checker.typeToString(type);
  for (const [flag, name] of primitives) if (flags & flag) return typeof value === name;
  if (flags & ts.TypeFlags.Null) return value === null;
  if (flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return true;
  if (flags & ts.TypeFlags.Never) return false;
  if (flags & ts.TypeFlags.Object) return fitsObject(checker, type, value, depth);
  if (flags & (ts.TypeFlags.Instantiable | ts.TypeFlags.Index)) {
    const constraint = checker.getBaseConstraintOfType(type);
    return constraint === undefined || constraint === type || again(constraint, value);
  }
  throw new Error(`The type ${checker.typeToString(type)} is not understood`);
}

const primitives = [
  [ts.TypeFlags.Number, 'number'],
  [ts.TypeFlags.String, 'string'],
  [ts.TypeFlags.Boolean, 'boolean'],
  [ts.TypeFlags.BigInt, 'bigint'],
  [ts.TypeFlags.ESSymbol, 'symbol'],
  [ts.TypeFlags.Undefined, 'undefined'],
] as const;

function fitsObject(checker: ts.TypeChecker, type: ts.Type, value: unknown, depth: number): boolean {
  const again = (other: ts.Type, part: unknown) => fits(checker, other, part, depth + 1);
  if (checker.isTupleType(type)) {
    const parts = checker.getTypeArguments(type as ts.TypeReference);
    const { fixedLength } = (type as ts.TupleTypeReference).target;
    if (!Array.isArray(value) || value.length < fixedLength) return false;
    const { combinedFlags } = (type as ts.TupleTypeReference).target;
    const hasRestElement = (combinedFlags & ts.ElementFlags.Variable) !== 0;
    if (!hasRestElement && value.length !== parts.length) return false;
    return hasRestElement || parts.every((part, i) => again(part, value[i]));
  }
  if (checker.isArrayType(type)) {
    const [part] = checker.getTypeArguments(type as ts.TypeReference);
    return Array.isArray(value) && Array.from(value as unknown[]).every((each) => again(part, each));
  }
  if (type.getCallSignatures().length > 0) return typeof value === 'function';
  // A mapped type over type parameters, as of rest parameters.
  if ((type as ts.ObjectType).objectFlags & ts.ObjectFlags.Mapped) return true;
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false;
  const { name } = type.symbol;
  if (type.symbol.flags & ts.SymbolFlags.Class) return prototypeNames(value).includes(name);
  if (name === 'ArrayLike') return fitsArrayLike(checker, type, value, depth);
  if (name === 'Iterable') return typeof (value as Iterable<unknown>)[Symbol.iterator] === 'function';
  if (name === 'AsyncIterable')
    return typeof (value as AsyncIterable<unknown>)[Symbol.asyncIterator] === 'function';
  if (name.endsWith('Array')) return prototypeNames(value).includes(name);
  return fitsMembers(checker, type, value, depth);
}

function fitsArrayLike(checker: ts.TypeChecker, type: ts.Type, value: object, depth: number): boolean {
  const [part] = checker.getTypeArguments(type as ts.TypeReference);
  if (!Array.isArray(value) && !ArrayBuffer.isView(value)) return false;
  const parts = Array.from(value as unknown as ArrayLike<unknown>);
  return parts.every((each) => fits(checker, part, each, depth + 1));
}

function fitsMembers(checker: ts.TypeChecker, type: ts.Type, value: object, depth: number): boolean {
  const members = checker.getPropertiesOfType(type).filter(({ name }) => !name.startsWith('__@'));
  const isOptional = ({ flags }: ts.Symbol) => (flags & ts.SymbolFlags.Optional) !== 0;
  // Options are all optional, and unknown names are invalid.
  if (members.every(isOptional)) {
    if (Array.isArray(value) || typeof value === 'function') return false;
    // An instance of a class without enumerable names, such as a map, a promise or a layer, is not an options object.
    if (Object.keys(value).length === 0 && prototypeNames(value)[0] !== 'Object') return isBare(value);
    const names = members.map(({ name }) => name);
    if (!Object.keys(value).every((name) => names.includes(name))) return false;
  }
  return members.every((member) => {
    const part: unknown = (value as Record<string, unknown>)[member.name];
    if (part === undefined && isOptional(member)) return true;
    return fits(checker, checker.getTypeOfSymbol(member), part, depth + 1);
  });
}

/** An object without a prototype, and therefore of no class. */
function isBare(value: object): boolean {
  return Object.getPrototypeOf(value) === null;
}

/** Names of the classes of an object, most derived first. */
function prototypeNames(value: object): string[] {
  const names: string[] = [];
  for (let at: unknown = Object.getPrototypeOf(value); at !== null; at = Object.getPrototypeOf(at)) {
    const { constructor } = at as { constructor?: { name?: unknown } };
    if (typeof constructor?.name === 'string') names.push(constructor.name);
  }
  return names;
}
