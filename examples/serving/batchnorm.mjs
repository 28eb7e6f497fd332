// The package of this checkout. In a project of yours import from 'batchnorm' where these files import from here.
export * from '../../dist/index.js';
