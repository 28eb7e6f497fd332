// The WebAssembly module must be small, since browsers download it, and need little of the engine: SIMD, and two functions
// of lib/backend/wasm/.
import { readFileSync } from 'node:fs';

const maxBytes = 400_000;
const imported = ['env.memory', 'env.milliseconds', 'env.startThread'];
const exported = [
  ...['__stack_pointer', 'allocate', 'awakeThreads', 'call', 'callArguments', 'freeStack', 'initialize'],
  ...['operationName', 'release', 'runThread', 'setElementsPerThread', 'setIdleMilliseconds', 'setThreads'],
  ...['shapeProblem', 'threadHasTrapped', 'threads'],
];

export function wasmProblems(target, binary) {
  const bytes = readFileSync(binary);
  const module = new WebAssembly.Module(bytes);
  const imports = WebAssembly.Module.imports(module).map((each) => `${each.module}.${each.name}`);
  const exports = WebAssembly.Module.exports(module).map(({ name }) => name);
  const problems = [];
  if (bytes.length > maxBytes) problems.push(`it has ${bytes.length} bytes, more than ${maxBytes}`);
  if (imports.sort().join() !== imported.join()) problems.push(`it imports ${imports.join(', ')}`);
  if (exports.sort().join() !== exported.join()) problems.push(`it exports ${exports.join(', ')}`);
  return problems;
}
