// The package of this checkout. In your own project, import from 'batchnorm/tfjs' instead of this file.
export * from '../../dist/tfjs.js';
