// Compiles test/types against the declarations in dist/ with the oldest supported compiler, ours and
// the newest: what must compile compiles, and every line marked @ts-expect-error does not.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { run } from './run.mjs';

const require = createRequire(import.meta.url);

for (const name of ['typescript-5.4', 'typescript', 'typescript-7']) {
  const manifest = require.resolve(`${name}/package.json`);
  const { version, bin } = require(manifest);
  console.log(`=== types under TypeScript ${version}`);
  run(process.execPath, [join(dirname(manifest), bin.tsc), '-p', 'test/types']);
}
