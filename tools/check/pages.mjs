// npm run check -- pages: the entry for browsers, the report of `npm start` and the page of examples/serving in Debian's
// chromium, or in another one that CHROMIUM names. Needs the compiler of tools/build/wasm.mjs and `npm ci --prefix examples/serving`.
import { createRequire } from 'node:module';
import { run } from '../process.mjs';

const mocha = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
const files = ['dist-dev/test/browser/*.check.js', 'examples/serving/test/*.check.mjs'];
run(process.execPath, [mocha, ...files]);
