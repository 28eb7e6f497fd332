import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { backend } from '../../dist/index.js';
import { copyCheckout } from '../../tools/check/support/checkout-copy.mjs';
import { run } from '../../tools/process.mjs';
import { nodeCommand } from '../../tools/check/support/runtime-programs.mjs';
import { Implementation } from './implementation.mjs';

/** Every backend of this machine, NEON under emulation on request, and PyTorch if it is installed. */
export function backendsAndPyTorch({ serve, pytorch, neon }) {
  const here = (name, environment) =>
    new Implementation(name, [process.execPath, ...serve], { environment, ours: true });
  const native = (isa) => here(`native ${isa}`, { BATCHNORM_BACKEND: 'native', BATCHNORM_ISA: isa });
  const isas = new Set([backend.isa, process.arch === 'arm64' ? 'neon' : 'avx2', 'scalar']);
  const found = [...isas].map(native);
  found.push(here('portable', { BATCHNORM_BACKEND: 'portable' }));
  if (neon) found.push(emulatedNeon(serve));
  const python = '/usr/bin/python3';
  if (spawnSync(python, ['-c', 'import torch']).status === 0) {
    found.push(new Implementation('PyTorch', [python, pytorch], {}));
  }
  return found;
}

function emulatedNeon(serve) {
  run(process.execPath, ['tools/release/prebuild.mjs', 'linux-arm64']);
  const cwd = resolve('build-arm64-checkout');
  copyCheckout(cwd);
  const environment = { BATCHNORM_BACKEND: 'native', BATCHNORM_ISA: 'neon' };
  const command = [...nodeCommand('linux-arm64', '20.19.6'), ...serve];
  return new Implementation('native neon', command, {
    environment,
    cwd,
    ours: true,
    emulated: true,
  });
}
