// Builds build/Release/batchnorm.node with node-gyp.
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { nodeDirectory } from './node-headers.mjs';
import { runQuietly } from '../process.mjs';

const require = createRequire(import.meta.url);
const nodeGyp = require.resolve('node-gyp/bin/node-gyp.js');

// Options on the command line take precedence over npmrc and npm_config_nodedir. Warnings are errors only in our own
// build: a user's compiler may be newer and warn about more.
const jobs = Math.max(2, availableParallelism());
runQuietly(
  process.execPath,
  [nodeGyp, 'rebuild', `--nodedir=${nodeDirectory()}`, `--jobs=${jobs}`, '--release'],
  { env: { BATCHNORM_WERROR: '1', ...process.env } },
);
console.log('built build/Release/batchnorm.node');
