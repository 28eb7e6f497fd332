// Fails where the output of `npm start` names a test accuracy with batch norm below 95 %.
import { readFileSync } from 'node:fs';

const output = readFileSync(process.argv[2], 'utf8');
const summary = output.slice(output.indexOf('Test accuracy'));
const [, accuracy] = /with batch norm\s+([\d.]+) %/.exec(summary) ?? [];
if (!(Number(accuracy) >= 95)) {
  console.error(`Expected a test accuracy of at least 95 % with batch norm but read ${accuracy}`);
  process.exit(1);
}
