// Chooses the backend before the tests are loaded: TFJS_BACKEND is `cpu` or, by default, `batchnorm`; BATCHNORM_TFJS is the
// path of dist/tfjs.js.
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops';
import '@tensorflow/tfjs-core/dist/register_all_gradients';
import '@tensorflow/tfjs-backend-cpu';
import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util';
import { createRequire } from 'node:module';

const { BATCHNORM_TFJS: library, TFJS_BACKEND: name = 'batchnorm' } = process.env;
// Not bundled, so that the addon is found.
if (name === 'batchnorm') globalThis.registration = createRequire(library)(library).register(tf);
setTestEnvs([{ name, backendName: name, isDataSync: true }]);
