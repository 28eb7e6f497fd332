// Fails if the output of `npm start` reports a test accuracy with batch norm below 99 %.
//
//   npm run check -- accuracy LOG
import { readFileSync } from 'node:fs';

const [log] = process.argv.slice(2);
if (log === undefined) {
  console.error('Expected a file with the output of npm start for LOG but received none');
  process.exit(2);
}
const output = readFileSync(log, 'utf8');
const summary = output.slice(output.indexOf('Test accuracy'));
const [, accuracy] = /with batch norm\s+([\d.]+) %/.exec(summary) ?? [];
if (!(Number(accuracy) >= 99)) {
  console.error(`Expected a test accuracy of at least 99 % with batch norm but read ${accuracy}`);
  process.exit(1);
}
