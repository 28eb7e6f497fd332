// Runs before `npm pack` and `npm publish`: fails if a binary is missing or stale, compiles and bundles the TypeScript, and
// replaces package.json, README.md and the C++ sources by the published versions.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { run } from '../../process.mjs';
import { bundle } from './bundle.mjs';
import { readBinaries } from './manifest.mjs';
import { replaceNativeSources } from './native-sources.mjs';
import { publishedManifest } from './package-json.mjs';
import { publishedReadme } from './readme.mjs';
import { replaceFile, restoreFiles } from './replaced-files.mjs';

const require = createRequire(import.meta.url);

restoreFiles();
const { problems, manifest } = readBinaries();
if (problems.length > 0) {
  for (const problem of problems) console.error(`Nothing is packed: ${problem}`);
  console.error('Run npm run prebuild first.');
  process.exit(1);
}
writeFileSync('prebuilds/manifest.json', `${JSON.stringify(manifest, null, 2)}\n`);
// Otherwise compiled files of deleted sources would be packed too.
rmSync('dist', { recursive: true, force: true });
run(process.execPath, [require.resolve('typescript/bin/tsc'), '--build', 'lib']);
await bundle(JSON.parse(readFileSync('package.json', 'utf8')));
const published = publishedManifest();
replaceFile('package.json', `${JSON.stringify(published, null, 2)}\n`);
replaceFile('README.md', publishedReadme(readFileSync('README.md', 'utf8'), published));
replaceNativeSources();
