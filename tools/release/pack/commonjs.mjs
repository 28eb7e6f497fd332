// Converts an ES module written by esbuild to CommonJS. esbuild's own conversion accesses every import through a getter at
// each use, and marks exports as __esModule, for which tools disagree on the default import.
import ts from 'typescript';

/** @returns {string} the module with the same lines except imports and exports. */
export function toCommonJs(file, text) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS);
  const edits = [];
  const replace = (node, by) => edits.push({ start: node.getStart(), end: node.getEnd(), by });

  for (const statement of source.statements) {
    if (ts.isImportDeclaration(statement)) {
      replace(statement, required(statement.importClause, statement.moduleSpecifier));
    } else if (ts.isExportDeclaration(statement) && statement.moduleSpecifier === undefined) {
      replace(statement, exported(statement.exportClause.elements));
    } else if (ts.isExportDeclaration(statement) || ts.isExportAssignment(statement)) {
      throw new Error(`${file}: unexpected ${statement.getText()}`);
    }
  }
  visit(source);
  return `"use strict";\n${edited(text, edits)}`.replace(/^("use strict";\n)(#!.*\n)/, '$2$1');

  function visit(node) {
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      // Jest cannot import() from CommonJS.
      replace(node, `Promise.resolve().then(() => ${loaded(node.arguments[0])})`);
    } else if (isImportMeta(node)) {
      const { parent } = node;
      if (!ts.isPropertyAccessExpression(parent) || parent.name.text !== 'url') {
        throw new Error(`${file}: unexpected ${parent.getText()}`);
      }
      // Undefined in a bundle that is an ES module.
      replace(
        parent,
        '(typeof __filename === "string" ? process.getBuiltinModule("node:url").pathToFileURL(__filename).href : undefined)',
      );
    } else if (isRenamedClass(node)) {
      renameClass(node.initializer, node.name.text);
    }
    ts.forEachChild(node, visit);
  }

  // esbuild writes a class that refers to itself as `var Tensor = class _Tensor {`, which would be named _Tensor. Without a
  // name of its own, it is named like the variable, to which its methods can refer as well.
  function renameClass(node, name) {
    const renamed = node.name.text;
    edits.push({ start: node.name.getFullStart(), end: node.name.getEnd(), by: '' });
    const rename = (child) => {
      if (child === node.name) return;
      if (ts.isIdentifier(child) && child.text === renamed) {
        if (runsInDefinition(child, node)) throw new Error(`${file}: ${name} refers to itself too early`);
        replace(child, name);
      }
      ts.forEachChild(child, rename);
    };
    rename(node);
  }
}

/** Whether a node runs while its class is defined, when the variable of the class is still undefined. */
function runsInDefinition(node, definition) {
  let each = node.parent;
  while (each !== definition && !ts.isFunctionLike(each)) each = each.parent;
  return each === definition;
}

/** Not new.target. */
function isImportMeta(node) {
  return ts.isMetaProperty(node) && node.keywordToken === ts.SyntaxKind.ImportKeyword;
}

function isRenamedClass(node) {
  return (
    ts.isVariableDeclaration(node) &&
    node.initializer !== undefined &&
    ts.isClassExpression(node.initializer) &&
    node.initializer.name !== undefined &&
    node.initializer.name.text !== node.name.text
  );
}

/** esbuild cannot `require` Node's own modules in a bundle that is an ES module. */
function loaded(specifier) {
  const isBuiltin = specifier.text.startsWith('node:');
  return `${isBuiltin ? 'process.getBuiltinModule' : 'require'}(${specifier.getText()})`;
}

/** `const { a, b: c } = require("./chunk.js");` */
function required(clause, specifier) {
  const call = loaded(specifier);
  if (clause === undefined) return `${call};`;
  const { name, namedBindings } = clause;
  const parts = [];
  if (name !== undefined) parts.push(`const ${name.text} = ${call};`);
  if (namedBindings !== undefined && ts.isNamespaceImport(namedBindings)) {
    parts.push(`const ${namedBindings.name.text} = ${call};`);
  } else if (namedBindings !== undefined) {
    const names = namedBindings.elements.map(({ propertyName, name: local }) =>
      propertyName === undefined ? local.text : `${propertyName.text}: ${local.text}`,
    );
    parts.push(`const {\n${names.map((each) => `  ${each}`).join(',\n')}\n} = ${call};`);
  }
  return parts.join('\n');
}

/** One line for each name, so that Node finds the names without running the module. */
function exported(elements) {
  return elements
    .map(({ propertyName, name }) => `exports.${name.text} = ${(propertyName ?? name).text};`)
    .join('\n');
}

function edited(text, edits) {
  let result = '';
  let from = 0;
  for (const { start, end, by } of edits.sort((a, b) => a.start - b.start)) {
    result += text.slice(from, start) + by;
    from = end;
  }
  return result + text.slice(from);
}
