// Builds build/Release/batchnorm.node with cmake-js, from the same sources and with the same flags as node-gyp.
import { createRequire } from 'node:module';
import { runQuietly } from '../process.mjs';

const require = createRequire(import.meta.url);
const { bin } = require('cmake-js/package.json');
const cmakeJs = require.resolve(`cmake-js/${bin['cmake-js']}`);

runQuietly(process.execPath, [cmakeJs, 'rebuild', '--config', 'Release', '--CDBATCHNORM_WERROR=ON']);
console.log('built build/Release/batchnorm.node');
