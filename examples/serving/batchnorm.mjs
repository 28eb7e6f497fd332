// The package of this checkout. In your own project, import from 'batchnorm' instead of this file.
export * from '../../dist/index.js';
