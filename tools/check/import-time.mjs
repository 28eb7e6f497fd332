// Compares the times of processes that import the installed package and of processes that run an empty module,
// alternately.
//
//   npm run check -- import-time FOLDER    the folder in which the package is installed
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error('Expected the folder in which batchnorm is installed for FOLDER but received none');
  process.exit(2);
}
const pairs = 40;
const programs = {
  empty: '',
  batchnorm: "import 'batchnorm';",
  'batchnorm/raw': "import 'batchnorm/raw';",
};
const files = Object.entries(programs).map(([name, text]) => {
  const file = join(folder, `time-${name.replace('/', '-')}.mjs`);
  writeFileSync(file, text);
  return { name, file, times: [] };
});

for (let i = 0; i < pairs; i++) {
  for (const { file, times } of files) {
    const begin = process.hrtime.bigint();
    const { status } = spawnSync(process.execPath, [file]);
    if (status !== 0) throw new Error(`${file} failed`);
    times.push(Number(process.hrtime.bigint() - begin) / 1e6);
  }
}
const [empty, ...others] = files;
const fastest = Math.min(...empty.times);
console.log(`empty module: best ${fastest.toFixed(1)} ms, median ${median(empty.times).toFixed(1)} ms`);
for (const { name, times } of others) {
  const more = times.map((time, i) => time - empty.times[i]);
  const best = Math.min(...times) - fastest;
  console.log(`${name}: best ${best.toFixed(1)} ms more, median ${median(more).toFixed(1)} ms more`);
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
