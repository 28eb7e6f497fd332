// Runs after `npm pack` and `npm publish`: restores package.json, README.md, the C++ sources and dist/.
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { run } from '../../process.mjs';
import { restoreFiles } from './replaced-files.mjs';

const require = createRequire(import.meta.url);

restoreFiles();
rmSync('dist', { recursive: true });
run(process.execPath, [require.resolve('typescript/bin/tsc'), '--build', 'lib']);
