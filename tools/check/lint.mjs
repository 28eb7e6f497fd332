// Runs every static check of npm run lint, several in parallel. ESLint runs separately for the library and for everything
// else, since type checking takes most of the time.
//
//   npm run lint
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

const checks = [
  { name: 'eslint, all but lib', args: [binOf('eslint'), '.', '--ignore-pattern', 'lib/'] },
  { name: 'eslint lib', args: [binOf('eslint'), 'lib'] },
  // The cache is keyed by file contents and options, so it cannot be stale.
  { name: 'prettier', args: [binOf('prettier'), '--check', '--cache', '.'] },
  { name: 'clang-format', args: ['tools/check/cpp-format.mjs'] },
  { name: 'layers of lib', args: [binOf('dependency-cruiser'), '--config', 'tools/check/layers.mjs', 'lib'] },
  { name: 'actionlint', args: ['tools/check/workflows.mjs'] },
];

const waiting = [...checks];
await Promise.all(Array.from({ length: availableParallelism() }, work));

async function work() {
  for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
    const begin = performance.now();
    const { status, output } = await finished(check.args);
    const seconds = ((performance.now() - begin) / 1000).toFixed(0);
    console.log(`=== ${check.name}: ${status === 0 ? 'passed' : 'failed'} in ${seconds} s`);
    process.stdout.write(output);
    if (status !== 0) process.exitCode = 1;
  }
}

/** Runs a JavaScript program and collects its output, so that parallel checks do not mix theirs. */
function finished(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (text) => (output += text);
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    child.on('error', reject).on('close', (status) => resolve({ status, output }));
  });
}

/** The program of a package that is a development dependency. */
function binOf(name) {
  const folder = join(root, 'node_modules', name);
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return join(folder, typeof bin === 'string' ? bin : bin[name]);
}
