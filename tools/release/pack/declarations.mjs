// Reduces the compiled declarations in dist/ to what the public entries refer to, directly or through others: a private
// module keeps only the types that a public signature needs, and modules without any are removed.
import ts from 'typescript';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { withTabs } from './tabs.mjs';

/** @param entries Names of the public entries, such as 'index' for dist/index.d.ts. */
export function reduceDeclarations(entries) {
  const reachable = new Reachable(entries.map((name) => resolve('dist', `${name}.d.ts`)));
  for (const name of readdirSync('dist', { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.d.ts')) continue;
    const path = join('dist', name);
    const text = reachable.textOf(resolve(path));
    if (text === undefined) rmSync(path);
    else writeFileSync(path, withTabs(path, text));
  }
}

/** The parts of declaration files that entries refer to. */
class Reachable {
  /** Statements, and specifiers of imports and exports. */
  #kept = new Set();
  #files = new Map();

  constructor(entries) {
    const options = { module: ts.ModuleKind.NodeNext, skipLibCheck: true, types: ['node'] };
    this.program = ts.createProgram(entries, { ...options, target: ts.ScriptTarget.ES2022 });
    this.checker = this.program.getTypeChecker();
    for (const entry of entries) {
      const file = this.program.getSourceFile(entry);
      this.#needFile(file);
      for (const statement of file.statements) this.#visit(statement);
    }
  }

  /** @returns {string | undefined} the remaining text of a file; undefined if nothing of it is needed. */
  textOf(path) {
    const file = this.program.getSourceFile(path);
    if (file === undefined || !this.#files.has(file)) return undefined;
    const text = file.statements.map((statement) => this.#remainder(statement, file)).join('');
    // Source maps are not published.
    return `${text.replace(/^\/\/# sourceMappingURL=.*$/m, '').trim()}\n`;
  }

  #remainder(statement, file) {
    const all = statement.getFullText(file);
    const list = specifiersOf(statement);
    if (list === undefined) return this.#isNeeded(statement) ? all : '';
    const needed = list.filter((each) => this.#kept.has(each));
    if (needed.length === list.length) return all;
    if (needed.length === 0) return '';
    const names = needed.map((each) => each.getText(file)).join(', ');
    const clause = statement.importClause?.namedBindings ?? statement.exportClause;
    const before = all.slice(0, clause.getStart(file) - statement.getFullStart());
    return `${before}{ ${names} }${all.slice(clause.getEnd() - statement.getFullStart())}`;
  }

  #isNeeded(statement) {
    if (ts.isImportDeclaration(statement)) return true; // for its effects: declarations that it adds to other modules
    if (ts.isExportDeclaration(statement)) {
      return statement.moduleSpecifier === undefined || this.#files.has(this.#moduleOf(statement));
    }
    return this.#kept.has(statement);
  }

  /** Keeps everything that a statement, or a part of one, refers to. */
  #visit(node) {
    if (ts.isExportDeclaration(node) && node.exportClause === undefined) {
      const module = this.checker.getSymbolAtLocation(node.moduleSpecifier);
      for (const symbol of this.checker.getExportsOfModule(module)) this.#use(symbol);
    } else if (ts.isImportDeclaration(node)) {
      if (node.importClause === undefined) this.#needFile(this.#moduleOf(node));
    } else if (ts.isIdentifier(node)) {
      const symbol = this.checker.getSymbolAtLocation(node);
      if (symbol !== undefined) this.#use(symbol);
    } else {
      if (ts.isStatement(node)) this.#kept.add(node);
      ts.forEachChild(node, (child) => this.#visit(child));
    }
  }

  #use(symbol) {
    for (const declaration of symbol.declarations ?? []) {
      const file = declaration.getSourceFile();
      if (!file.isDeclarationFile || !file.fileName.startsWith(resolve('dist'))) continue;
      this.#needFile(file);
      if (ts.isImportSpecifier(declaration) || ts.isExportSpecifier(declaration)) {
        this.#kept.add(declaration);
        continue;
      }
      const statement = statementOf(declaration);
      if (statement !== undefined && !this.#kept.has(statement)) this.#visit(statement);
    }
    if ((symbol.flags & ts.SymbolFlags.Alias) === 0) return;
    const next = this.checker.getImmediateAliasedSymbol(symbol);
    if (next !== undefined) this.#use(next);
  }

  /** Also keeps the files that a needed file imports for their effects. */
  #needFile(file) {
    if (file === undefined || this.#files.has(file)) return;
    this.#files.set(file, true);
    for (const statement of file.statements) {
      if (ts.isImportDeclaration(statement) || ts.isModuleDeclaration(statement)) this.#visit(statement);
    }
  }

  #moduleOf({ moduleSpecifier }) {
    return this.checker.getSymbolAtLocation(moduleSpecifier)?.declarations?.find(ts.isSourceFile);
  }
}

/** The names that a statement imports or exports; undefined for other statements. */
function specifiersOf(statement) {
  const { importClause, exportClause } = statement;
  if (ts.isImportDeclaration(statement) && importClause?.namedBindings !== undefined) {
    return importClause.namedBindings.elements;
  }
  if (ts.isExportDeclaration(statement) && exportClause?.elements?.length > 0) return exportClause.elements;
  return undefined;
}

/** The statement of a file that a node is part of. */
function statementOf(node) {
  let statement = node;
  while (statement.parent !== undefined && !ts.isSourceFile(statement.parent)) statement = statement.parent;
  return statement.parent === undefined ? undefined : statement;
}
