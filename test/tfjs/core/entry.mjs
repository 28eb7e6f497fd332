// tfjs-core's own tests on one backend: the entry that tools/check/tfjs.mjs bundles, because npm ships the tests as modules
// whose imports have no extensions.
import './setup.mjs';
import '@tensorflow/tfjs-core/dist/tests';
