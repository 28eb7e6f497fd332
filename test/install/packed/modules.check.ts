import { esmProgram, expectNative, installedProject, training } from './project.js';

describe('import of the packed package', () => {
  const project = installedProject();

  it('works from an ES module', () => {
    project().write('program.mjs', esmProgram);
    expectNative(project().printed('program.mjs'));
  });

  it('works from a CommonJS module', () => {
    project().write(
      'program.cjs',
      `const { backend, backward, BatchNorm2D, Sgd, Tensor } = require('batchnorm');
      if (typeof require('batchnorm/raw').batchNormTraining !== 'function') throw new Error('raw');
      if (typeof require('batchnorm/tfjs').register !== 'function') throw new Error('tfjs');
      ${training}`,
    );
    expectNative(project().printed('program.cjs'));
  });

  it('works through import() in a CommonJS module', () => {
    project().write(
      'dynamic.cjs',
      `import('batchnorm').then(({ backend, backward, BatchNorm2D, Sgd, Tensor }) => {${training}});`,
    );
    expectNative(project().printed('dynamic.cjs'));
  });
});
