// Exports every layer and the networks of all examples to ONNX, runs the files in onnxruntime-node, and checks them with ONNX's own
// library. Needs Debian's python3-onnx; installs onnxruntime-node into a temporary folder. With --reference, a newer onnx, which pip
// installs, evaluates the files, too, because Debian 12's has no reference evaluator; and its light models (ResNet-50, VGG-19,
// DenseNet-121 and others) run through importOnnx.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { capture, run } from '../process.mjs';

const folder = mkdtempSync(join(tmpdir(), 'batchnorm-'));
const scripts = 'test/conformance/onnx-export';
writeFileSync(join(folder, 'package.json'), '{"private":true}');
// Its install script downloads binaries for GPUs; the one for CPUs is in the package.
const { 'onnxruntime-node': version } = JSON.parse(readFileSync('bench/package.json', 'utf8')).dependencies;
run('npm', ['install', '--silent', '--ignore-scripts', '--prefix', folder, `onnxruntime-node@${version}`]);
run(process.execPath, [`dist-dev/${scripts}/write.js`, folder]);
run(process.execPath, [
  `${scripts}/run-onnxruntime.mjs`,
  folder,
  join(folder, 'node_modules/onnxruntime-node'),
]);
run('/usr/bin/python3', [`${scripts}/check.py`, folder]);
if (process.argv.includes('--reference')) {
  const environment = join(folder, 'python');
  run('/usr/bin/python3', ['-m', 'venv', environment]);
  const python = join(environment, 'bin/python');
  run(python, ['-m', 'pip', 'install', '--quiet', '--retries', '1', 'onnx>=1.16', 'numpy']);
  run(python, [`${scripts}/check.py`, folder]);
  const where = 'import onnx; print(onnx.__path__[0])';
  const light = join(capture(python, ['-c', where]).trim(), 'backend/test/data/light');
  run(process.execPath, [`dist-dev/${scripts}/light.js`, light]);
}
rmSync(folder, { recursive: true });
