// Resumes from checkpoints in a new process: resume.js EPOCHS SEED NAME=PATH ...
import { bitsOf, loadRun, makeRun, type OptimizerName, train } from './train-and-resume.js';

const [epochs, seed, ...runs] = process.argv.slice(2);
const results: Record<string, Record<string, string>> = {};
for (const each of runs) {
  const [name, path] = each.split('=');
  const run = makeRun(name as OptimizerName, Number(seed));
  await loadRun(path, run);
  train(run, Number(epochs));
  results[name] = bitsOf(run);
}
process.stdout.write(JSON.stringify(results));
