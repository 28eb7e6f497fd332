// Runs after `npm ci` in a clone: compiles the TypeScript and, if the tools are installed, the addon.
import { createRequire } from 'node:module';
import { run, succeeds } from '../process.mjs';

const require = createRequire(import.meta.url);

run(process.execPath, [require.resolve('typescript/bin/tsc'), '--build']);

// Missing tools are no error, since the package works on its portable backend without them, but sources that do not
// compile are.
const missing = missingTools();
if (missing.length === 0) {
  run(process.execPath, ['tools/build/addon.mjs']);
} else {
  console.warn(`No native addon was built: ${missing.join(', ')} not found.`);
  console.warn('The slower portable backend is used instead. To build the addon, install the tools and run');
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
