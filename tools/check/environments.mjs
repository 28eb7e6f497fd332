// Tests the packed package in current versions of test runners, bundlers, package managers and compilers, each installed
// into an empty folder. Each must import the package, train on the native backend, save and load.
//
//   npm run check -- environments [TOOL[=CASE]...]    all of test/install/environments by default
//
// CASE is a part of the name of a case: `webpack='six platforms'`.
//
// Needs the network and the prebuilt binaries. BATCHNORM_TARBALL names an existing tarball to use instead of packing one.
import { readdirSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { Project } from '../../test/install/environments/support/project.mjs';
import { packedTarball } from '../release/pack/tarball.mjs';

const folder = resolve('build-environments');
const tools = resolve('test/install/environments');
const available = readdirSync(tools)
  .filter((name) => name.endsWith('.mjs'))
  .map((name) => name.slice(0, -'.mjs'.length));
const chosen = (process.argv.length > 2 ? process.argv.slice(2) : available).map((argument) => {
  const [tool, part = ''] = argument.split('=');
  return { tool, part };
});
const unknown = chosen.map(({ tool }) => tool).filter((tool) => !available.includes(tool));
if (unknown.length > 0) {
  console.error(`Expected any of ${available.join(', ')} but received ${unknown.join(', ')}`);
  process.exit(1);
}

rmSync(folder, { recursive: true, force: true });
const tarball = packedTarball(folder);
let failed = 0;
for (const { tool, part } of chosen) {
  const { packages, node, cases } = await import(`${tools}/${tool}.mjs`);
  const matching = Object.entries(cases).filter(([name]) => name.includes(part));
  if (matching.length === 0) {
    failed++;
    console.error(`${tool} has no case ${part}`);
  }
  for (const [name, run] of matching) {
    const begin = performance.now();
    try {
      const project = new Project(resolve(folder, `${tool}-${name}`.replace(/\W+/g, '-')), {
        tarball,
        node,
      });
      project.install(packages);
      await run(project);
      console.log(`${tool}, ${name}: passed in ${seconds(begin)} s`);
    } catch (error) {
      failed++;
      console.error(`${tool}, ${name}: failed after ${seconds(begin)} s\n${error.stack}`);
    }
  }
}
process.exitCode = failed === 0 ? 0 : 1;

function seconds(begin) {
  return ((performance.now() - begin) / 1000).toFixed(0);
}
