#!/usr/bin/env node
import { escapeInvisible } from '../validation/quote.js';
import { EXIT_FAILURE } from './command.js';
import { run } from './run.js';

let outputFailed = false;

process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  // Whoever reads may stop: `batchnorm inspect x.npz | head -1`.
  if (code === 'EPIPE') return;
  outputFailed = true;
  process.exitCode = EXIT_FAILURE;
  complain(`batchnorm: ${message}\n`);
});
// Nowhere is left to say so.
process.stderr.on('error', () => {
  process.exitCode = EXIT_FAILURE;
});

/** Errors quote what users and files say, which may hold what a terminal obeys. */
function complain(text: string): void {
  process.stderr.write(text.split('\n').map(escapeInvisible).join('\n'));
}

// Set, not passed to process.exit, which would cut off what is still on its way to a pipe.
void run(process.argv.slice(2), {
  print: (text) => void process.stdout.write(text),
  complain,
}).then((code) => {
  process.exitCode = outputFailed ? EXIT_FAILURE : code;
});
