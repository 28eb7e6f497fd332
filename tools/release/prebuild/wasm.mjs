// The WebAssembly module must be small, since browsers download it, and need nothing of the engine but SIMD.
import { readFileSync } from 'node:fs';

const maxBytes = 400_000;
const exported = [
  ...[
    'allocate',
    'call',
    'callArguments',
    'initialize',
    'memory',
    'operationName',
    'release',
    'shapeProblem',
  ],
];

export function wasmProblems(target, binary) {
  const bytes = readFileSync(binary);
  const module = new WebAssembly.Module(bytes);
  const imports = WebAssembly.Module.imports(module).map((each) => `${each.module}.${each.name}`);
  const exports = WebAssembly.Module.exports(module).map(({ name }) => name);
  const problems = [];
  if (bytes.length > maxBytes) problems.push(`it has ${bytes.length} bytes, more than ${maxBytes}`);
  if (imports.length > 0) problems.push(`it imports ${imports.join(', ')}`);
  if (exports.sort().join() !== exported.join()) problems.push(`it exports ${exports.join(', ')}`);
  return problems;
}
