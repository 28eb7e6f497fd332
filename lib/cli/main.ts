#!/usr/bin/env node
import { escapeInvisible } from '../validation/quote.js';
import { EXIT_FAILURE } from './command.js';
import { run } from './run.js';

let outputFailed = false;

process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  // The reader may stop early: `batchnorm inspect x.npz | head -1`.
  if (code === 'EPIPE') return;
  outputFailed = true;
  process.exitCode = EXIT_FAILURE;
  printError(`batchnorm: ${message}\n`);
});
// There is no other place to report it.
process.stderr.on('error', () => {
  process.exitCode = EXIT_FAILURE;
});

/** Errors quote users and files, whose text may contain control characters. */
function printError(text: string): void {
  process.stderr.write(text.split('\n').map(escapeInvisible).join('\n'));
}

// process.exit would discard output that is still on its way to a pipe.
void run(process.argv.slice(2), {
  print: (text) => void process.stdout.write(text),
  printError,
}).then((code) => {
  process.exitCode = outputFailed ? EXIT_FAILURE : code;
});
