// Imports networks that PyTorch's own exporter wrote, in several versions of the operators, and compares the results with PyTorch's.
// Needs Debian's python3-torch and python3-torchvision.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../process.mjs';

const folder = mkdtempSync(join(tmpdir(), 'batchnorm-'));
const scripts = 'test/conformance/onnx-export';
run('/usr/bin/python3', [`${scripts}/torch-export.py`, folder]);
for (const backend of ['native', 'portable']) {
  run(process.execPath, [`dist-dev/${scripts}/torch.js`, folder], {
    env: { ...process.env, BATCHNORM_BACKEND: backend },
  });
}
rmSync(folder, { recursive: true });
