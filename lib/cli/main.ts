#!/usr/bin/env node
import { run } from './run.js';

// Whoever reads may stop: `batchnorm inspect x.npz | head -1`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

// Set, not passed to process.exit, which would cut off what is still on its way to a pipe.
void run(process.argv.slice(2), {
  print: (text) => void process.stdout.write(text),
  complain: (text) => void process.stderr.write(text),
}).then((code) => {
  process.exitCode = code;
});
