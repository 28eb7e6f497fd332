import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A temporary directory for a suite; call within `describe`. */
export function temporaryDirectory(): (...names: string[]) => string {
  let directory = '';
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'batchnorm-'));
  });
  after(() => {
    rmSync(directory, { recursive: true });
  });
  return (...names) => join(directory, ...names);
}
