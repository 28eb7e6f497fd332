// node native/binding/generate-signatures.mjs <file>: writes a C++ header with a struct for each signature of
// lib/backend/signatures.js, which reads the arguments of a call and checks every length. Both builds of the addon
// run it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseSignature } from '../../lib/backend/parse-signature.js';
import { shared, signatures, systemCalls } from '../../lib/backend/signatures.js';

const snakeCase = (name) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const structName = (name) => `${name[0].toUpperCase()}${name.slice(1)}Call`;

/** The C++ type of a member, and the call of Arguments that reads it, given its length if it is an array. */
function memberOf(parameter, length) {
  const { name, kind } = parameter;
  const types = { size: 'size_t', number: 'double', boolean: 'bool' };
  if (kind !== 'array') return { type: types[kind], read: `from.${kind}("${name}")` };
  const { written, double, nullable, condition } = parameter;
  const values = double ? 'doubles' : 'floats';
  const reader = `${values}${nullable ? '_or_null' : ''}${condition === undefined ? '' : '_when'}`;
  const when = condition === undefined ? '' : `${snakeCase(condition)}, `;
  return {
    type: `${written ? '' : 'const '}${double ? 'double' : 'float'}*`,
    read: `from.${reader}(${when}"${name}", ${length})`,
  };
}

function lengthOf(factors) {
  return factors
    .map((factor) => (typeof factor === 'string' ? snakeCase(factor) : `size_t{${factor}}`))
    .reduce((product, factor) => (product === '' ? factor : `product(${product}, ${factor})`), '');
}

/** A struct that reads these parameters. */
function structOf(name, { parameters }) {
  const lengths = new Map();
  const members = parameters.map((parameter) => {
    const lines = [];
    // Arrays of equal length share one product, because the compiler does not merge them.
    const length = lengthOf(parameter.length ?? []);
    if (length.includes('(') && !lengths.has(length)) {
      lengths.set(length, `length${lengths.size}`);
      lines.push(`const size_t ${lengths.get(length)} = ${length};`);
    }
    const name = snakeCase(parameter.name);
    const { type, read } = memberOf(parameter, lengths.get(length) ?? length);
    return { name, type, lines: [...lines, `${name} = ${read};`] };
  });
  return [
    `struct ${name} {`,
    `  static constexpr size_t kCount = ${members.length};`,
    ...members.map((member) => `  ${member.type} ${member.name};`),
    '',
    '  bool read(Arguments& from) {',
    ...members.flatMap(({ lines }) => lines.map((line) => `    ${line}`)),
    '    return from.ok();',
    '  }',
    '};',
  ];
}

/** Throws if a length or a condition names a later or missing argument, which would be read uninitialized. */
function requireOrder(name, { parameters }) {
  const known = new Map();
  for (const { kind, length = [], condition, ...parameter } of parameters) {
    const sizes = length.filter((factor) => typeof factor === 'string');
    const wrong =
      sizes.find((size) => known.get(size) !== 'size') ??
      (condition === undefined || known.get(condition) === 'boolean' ? undefined : condition);
    if (wrong !== undefined)
      throw new Error(`${name}: ${parameter.name} depends on ${wrong}, which does not precede it`);
    known.set(parameter.name, kind);
  }
}

const lines = [
  '// Generated from lib/backend/signatures.js by native/binding/generate-signatures.mjs.',
  '#pragma once',
  '',
  '#include "binding/arguments.h"',
  '',
  'namespace batchnorm {',
  '',
];
for (const [name, signature] of Object.entries(shared)) {
  lines.push(...structOf(structName(name), parseSignature(signature)), '');
}
for (const [name, signature] of Object.entries(signatures)) {
  const parsed = parseSignature(signature);
  requireOrder(name, parsed);
  const texts = parsed.returns === undefined ? signature : signature.slice(0, -1);
  const base = Object.keys(shared).find((key) => shared[key].join() === texts.join());
  const isPlanned = parsed.returns === undefined && !systemCalls.includes(name);
  const members = [
    `  static constexpr const char* kName = "${name}";`,
    `  static constexpr bool kPlanned = ${isPlanned};`,
  ];
  if (base !== undefined) {
    lines.push(`struct ${structName(name)} : ${structName(base)} {`, ...members, '};', '');
  } else {
    const [head, ...rest] = structOf(structName(name), parsed);
    lines.push(head, ...members, ...rest, '');
  }
}
const maxArguments = Math.max(...Object.values(signatures).map((each) => each.length));
lines.push(`static_assert(Arguments::kMax >= ${maxArguments}, "every argument of a call is read");`, '');
lines.push('}  // namespace batchnorm', '');

const [, , file] = process.argv;
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, lines.join('\n'));
