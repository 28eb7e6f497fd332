import { spawnSync } from 'node:child_process';
import { backend } from 'batchnorm';
import { emulated, node } from './node-process.js';

/**
 * Whether processes with a limit can be tested here. An emulator alone uses more address space than the limit, and so does
 * the memory of a WebAssembly module, for which V8 reserves 10 GB.
 */
export const canLimit = process.platform === 'linux' && !emulated && backend.name !== 'wasm';

/** The result of a process under a limit. */
export interface LimitedProcess {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs Node with a limit on its address space (`ulimit -v`). The limit is relative to what an idle Node maps, which
 * grows by hundreds of megabytes from one version to the next.
 * @param megabytes What the process may map beyond an idle one.
 */
export function runLimited(megabytes: number, ...args: readonly string[]): LimitedProcess {
  const limit = idleKilobytes() + 1024 * megabytes;
  return spawnSync(
    '/bin/sh',
    ['-c', `ulimit -v ${limit} && exec "$@"`, 'sh', node.file, ...node.args(...args)],
    {
      encoding: 'utf8',
    },
  );
}

let idle: number | undefined;

function idleKilobytes(): number {
  if (idle !== undefined) return idle;
  const program =
    "console.log(/VmPeak:\\s*(\\d+)/.exec(require('fs').readFileSync('/proc/self/status', 'utf8'))[1])";
  const { stdout } = spawnSync(node.file, node.args('-e', program), { encoding: 'utf8' });
  idle = Number(stdout);
  if (!(idle > 0)) throw new Error(`Expected the memory of an idle Node in kilobytes but received ${stdout}`);
  return idle;
}
