import { spawnSync } from 'node:child_process';
import { node } from '../../support/node-process.js';
import { packagePath } from '../../support/package-path.js';

export interface Outcome {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs the program as `npx batchnorm` does. */
export function batchnorm(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Outcome {
  const program = packagePath('dist/cli/main.js');
  const { status, stdout, stderr } = spawnSync(node.file, node.args(program, ...args), {
    encoding: 'utf8',
    env: { ...process.env, ...environment },
  });
  return { code: status, output: stdout, errors: stderr };
}
