// After `npm pack` and `npm publish`: package.json and dist/ as they were.
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { run } from '../run.mjs';
import { restorePackageJson } from './package-json.mjs';

const require = createRequire(import.meta.url);

restorePackageJson();
rmSync('dist', { recursive: true });
run(process.execPath, [require.resolve('typescript/bin/tsc'), '--build', 'lib']);
