// Runs the ONNX project's own test cases through the public API, on both backends. Needs Debian's python3-onnx and
// libonnx-testdata.
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../process.mjs';

const folder = mkdtempSync(join(tmpdir(), 'batchnorm-'));
const cases = join(folder, 'cases.jsonl');
run('/usr/bin/python3', ['test/conformance/onnx-cases/dump.py'], {
  stdio: ['inherit', openSync(cases, 'w'), 'inherit'],
});
for (const backend of ['native', 'portable']) {
  console.log(`=== ${backend}`);
  run(process.execPath, ['dist-dev/test/conformance/onnx-cases/run.js', cases], {
    env: { ...process.env, BATCHNORM_BACKEND: backend },
  });
}
rmSync(folder, { recursive: true });
