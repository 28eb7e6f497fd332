// Runs the ONNX project's own test cases through the public API and through importOnnx, on both backends. Needs Debian's python3-onnx
// and libonnx-testdata. With --newer, the cases of the operators of a newer onnx, which pip installs, run through importOnnx: versions
// 18 and later of the operators.
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../process.mjs';

const folder = mkdtempSync(join(tmpdir(), 'batchnorm-'));
const scripts = 'test/conformance/onnx-cases';

function runCases(python, name, dumpArguments, runArguments) {
  const cases = join(folder, `${name}.jsonl`);
  run(python, [`${scripts}/dump.py`, ...dumpArguments], {
    stdio: ['inherit', openSync(cases, 'w'), 'inherit'],
  });
  for (const backend of ['native', 'portable']) {
    console.log(`=== ${name}, ${backend}`);
    run(process.execPath, [`dist-dev/${scripts}/run.js`, cases, ...runArguments], {
      env: { ...process.env, BATCHNORM_BACKEND: backend },
    });
  }
}

if (process.argv.includes('--newer')) {
  const environment = join(folder, 'python');
  run('/usr/bin/python3', ['-m', 'venv', environment]);
  const python = join(environment, 'bin/python');
  run(python, ['-m', 'pip', 'install', '--quiet', '--retries', '1', 'onnx>=1.16', 'numpy']);
  runCases(python, 'generated', [join(folder, 'models')], ['import']);
} else {
  runCases('/usr/bin/python3', 'installed', [], []);
}
rmSync(folder, { recursive: true });
