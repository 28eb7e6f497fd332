// Runs after `npm ci` in a clone: compiles the TypeScript and, where this machine can, the addon.
import { createRequire } from 'node:module';
import { run, succeeds } from '../process.mjs';

const require = createRequire(import.meta.url);

run(process.execPath, [require.resolve('typescript/bin/tsc'), '--build']);

// What is missing is told apart from what is broken: without tools the package works on its TypeScript
// backend, but sources that do not compile are an error.
const missing = missingTools();
if (missing.length === 0) {
  run(process.execPath, ['tools/build/addon.mjs']);
} else {
  console.warn(`No native addon was built: ${missing.join(', ')} not found.`);
  console.warn('Everything works on the slower TypeScript backend. After installing the tools, run');
  console.warn('  npm run build:native');
}

function missingTools() {
  if (process.platform === 'win32') return []; // node-gyp finds Visual Studio itself
  const compiler = process.env.CXX ?? (process.platform === 'darwin' ? 'clang++' : 'g++');
  const python = ['python3', 'python'].some((name) => succeeds(name, ['--version']));
  return [
    ...(succeeds(compiler, ['--version']) ? [] : [`a C++ compiler (${compiler})`]),
    ...(succeeds('make', ['--version']) ? [] : ['make']),
    ...(python ? [] : ['python3']),
  ];
}
