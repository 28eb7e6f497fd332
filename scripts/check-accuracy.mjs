// Fails where the output of `npm start` names a test accuracy with batch norm below 99 %.
import { readFileSync } from 'node:fs';

const output = readFileSync(process.argv[2], 'utf8');
const summary = output.slice(output.indexOf('Test accuracy'));
const [, accuracy] = /with batch norm\s+([\d.]+) %/.exec(summary) ?? [];
if (!(Number(accuracy) >= 99)) {
  console.error(`Expected a test accuracy of at least 99 % with batch norm but read ${accuracy}`);
  process.exit(1);
}
