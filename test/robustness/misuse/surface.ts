import ts from 'typescript';
import { packagePath } from '../../support/package-path.js';

/** A declared parameter of a public function. */
export interface Parameter {
  readonly name: string;
  readonly optional: boolean;
  readonly rest: boolean;
  /** Its type in each overload. */
  readonly types: readonly ts.Type[];
}

/** A public function, constructor or setter. */
export interface Callable {
  /** `backward`, `new Sgd`, `Tensor.from`, `Sgd#update`, `Sgd#lr=`. */
  readonly name: string;
  readonly kind: 'function' | 'constructor' | 'static' | 'method' | 'setter';
  /** Name of the class, or of the exported object. */
  readonly owner: string;
  /** Name of the member, or of the function if it has no owner. */
  readonly member: string;
  readonly module: 'index' | 'raw' | 'onnx';
  readonly parameters: readonly Parameter[];
}

export interface Surface {
  readonly checker: ts.TypeChecker;
  readonly callables: readonly Callable[];
  /** Classes that only the package instantiates. */
  readonly closed: readonly string[];
  /** Exports of unknown kinds. */
  readonly unknown: readonly string[];
}

/** Everything that users can call according to the package's declarations. */
export function readSurface(): Surface {
  const modules = ['index', 'raw', 'onnx'] as const;
  const files = modules.map((name) => packagePath('dist', `${name}.d.ts`));
  const program = ts.createProgram(files, {
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    module: ts.ModuleKind.NodeNext,
    types: [],
    strict: true,
    skipLibCheck: true,
    exactOptionalPropertyTypes: true,
  });
  const checker = program.getTypeChecker();
  const callables: Callable[] = [];
  const closed: string[] = [];
  const unknown: string[] = [];
  for (const [i, module] of modules.entries()) {
    const source = program.getSourceFile(files[i]);
    const symbol = source && checker.getSymbolAtLocation(source);
    if (symbol === undefined) throw new Error(`${files[i]} is not a module`);
    for (const exported of checker.getExportsOfModule(symbol)) {
      const found = callablesOf(checker, exported, module);
      if (found === undefined) unknown.push(exported.name);
      else callables.push(...found);
      if (isClosed(checker, exported)) closed.push(exported.name);
    }
  }
  return { checker, callables, closed, unknown };
}

function callablesOf(
  checker: ts.TypeChecker,
  exported: ts.Symbol,
  module: Callable['module'],
): Callable[] | undefined {
  const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
  const { name } = exported;
  if (symbol.flags & ts.SymbolFlags.Class) return ofClass(checker, symbol, name, module);
  if (symbol.flags & ts.SymbolFlags.Function) {
    const signatures = checker.getTypeOfSymbol(symbol).getCallSignatures();
    const kind = 'function';
    return [{ name, kind, owner: '', member: name, module, parameters: parametersOf(checker, signatures) }];
  }
  if (symbol.flags & ts.SymbolFlags.Variable) {
    return ofMembers(checker, checker.getTypeOfSymbol(symbol), name, module);
  }
  // Types that users implement or write; they have no code to run.
  if (symbol.flags & (ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias)) return [];
  return undefined;
}

function ofClass(
  checker: ts.TypeChecker,
  symbol: ts.Symbol,
  name: string,
  module: Callable['module'],
): Callable[] {
  const found: Callable[] = [];
  const statics = checker.getTypeOfSymbol(symbol);
  const constructors = statics.getConstructSignatures().filter(isPublic);
  const abstract =
    symbol.valueDeclaration !== undefined &&
    (ts.getCombinedModifierFlags(symbol.valueDeclaration) & ts.ModifierFlags.Abstract) !== 0;
  if (constructors.length > 0 && !abstract && !isOnlyAType(symbol)) {
    found.push({
      ...{ name: `new ${name}`, kind: 'constructor', owner: name, member: name, module },
      parameters: parametersOf(checker, constructors),
    });
  }
  for (const member of statics.getProperties()) {
    if (member.name === 'prototype' || !isPublicSymbol(member)) continue;
    const signatures = checker.getTypeOfSymbol(member).getCallSignatures();
    if (signatures.length === 0) continue;
    found.push({
      ...{ name: `${name}.${member.name}`, kind: 'static', owner: name, member: member.name, module },
      parameters: parametersOf(checker, signatures),
    });
  }
  found.push(...ofMembers(checker, checker.getDeclaredTypeOfSymbol(symbol), name, module));
  return found;
}

/** Methods and writable properties. */
function ofMembers(
  checker: ts.TypeChecker,
  type: ts.Type,
  owner: string,
  module: Callable['module'],
): Callable[] {
  const found: Callable[] = [];
  for (const member of checker.getPropertiesOfType(type)) {
    // A name like __@dispose@12 denotes a symbol.
    if (!isPublicSymbol(member) || member.name.startsWith('__@')) continue;
    const memberType = checker.getTypeOfSymbol(member);
    const signatures = memberType.getCallSignatures();
    if (signatures.length > 0) {
      found.push({
        ...{ name: `${owner}#${member.name}`, kind: 'method', owner, member: member.name, module },
        parameters: parametersOf(checker, signatures),
      });
    } else if (isWritable(member)) {
      const setter = member.declarations?.find((each) => ts.isSetAccessor(each));
      const types = [setter === undefined ? memberType : checker.getTypeAtLocation(setter.parameters[0])];
      found.push({
        ...{ name: `${owner}#${member.name}=`, kind: 'setter', owner, member: member.name, module },
        parameters: [{ name: member.name, optional: false, rest: false, types }],
      });
    }
  }
  return found;
}

function parametersOf(checker: ts.TypeChecker, signatures: readonly ts.Signature[]): Parameter[] {
  const count = Math.max(0, ...signatures.map(({ parameters }) => parameters.length));
  return Array.from({ length: count }, (_, i) => {
    const symbols = signatures.flatMap(({ parameters }) => parameters.slice(i, i + 1));
    const declarations = symbols.map(({ valueDeclaration }) => valueDeclaration as ts.ParameterDeclaration);
    return {
      name: symbols[0].name,
      optional:
        symbols.length < signatures.length || declarations.some((each) => each.questionToken !== undefined),
      rest: declarations.some((each) => each.dotDotDotToken !== undefined),
      types: symbols.map((symbol) => checker.getTypeOfSymbol(symbol)),
    };
  });
}

function isPublic({ declaration }: ts.Signature): boolean {
  const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
  return declaration === undefined || (ts.getCombinedModifierFlags(declaration) & hidden) === 0;
}

function isPublicSymbol(symbol: ts.Symbol): boolean {
  const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
  const hides = (each: ts.Declaration) => (ts.getCombinedModifierFlags(each) & hidden) !== 0;
  return (
    !symbol.name.startsWith('#') && !symbol.name.startsWith('__#') && !(symbol.declarations ?? []).some(hides)
  );
}

function isWritable(symbol: ts.Symbol): boolean {
  if (symbol.flags & ts.SymbolFlags.Accessor) {
    return (symbol.flags & ts.SymbolFlags.SetAccessor) !== 0;
  }
  const readonly = (each: ts.Declaration) =>
    (ts.getCombinedModifierFlags(each) & ts.ModifierFlags.Readonly) !== 0;
  return !(symbol.declarations ?? []).some(readonly);
}

/** Whether a class is exported as a value, without a constructor for users. */
function isClosed(checker: ts.TypeChecker, exported: ts.Symbol): boolean {
  const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
  if (!(symbol.flags & ts.SymbolFlags.Class) || isOnlyAType(symbol)) return false;
  return !checker.getTypeOfSymbol(symbol).getConstructSignatures().some(isPublic);
}

/** A class with an internal constructor, such as Gradients. */
function isOnlyAType(symbol: ts.Symbol): boolean {
  return onlyTypes.has(symbol.name);
}
const onlyTypes = new Set(['Gradients', 'StoragePool', 'OnnxModel']);
