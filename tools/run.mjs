// Runs a target of tools/targets.mjs and ends with its exit status.
//
//   node tools/run.mjs                    lists the targets
//   node tools/run.mjs TARGET [ARGS...]   the same as `npm run check -- TARGET [ARGS...]`
import { existsSync } from 'node:fs';
import { run } from './process.mjs';
import { targets } from './targets.mjs';

const [name, ...args] = process.argv.slice(2);
if (name === undefined) {
  list();
} else if (!Object.hasOwn(targets, name)) {
  console.error(`Expected one of ${Object.keys(targets).join(', ')} for TARGET but received "${name}"`);
  process.exitCode = 2;
} else {
  const { file } = targets[name];
  if (!existsSync(file)) {
    console.error(`${file} does not exist. Run this in the root of the repository after npm run build:js.`);
    process.exit(2);
  }
  run(process.execPath, [file, ...args]);
}

function list() {
  const usage = (target) => [target, targets[target].args].filter(Boolean).join(' ');
  const width = Math.max(...Object.keys(targets).map((target) => usage(target).length));
  console.log('npm run check -- TARGET [ARGS...]');
  let group;
  for (const [target, { group: own, summary }] of Object.entries(targets)) {
    if (own !== group) console.log(`\n${own}`);
    group = own;
    console.log(`  ${usage(target).padEnd(width)}  ${summary}`);
  }
}
