import assert from 'node:assert/strict';
import { esm } from './support/programs.mjs';

export const packages = ['typescript@latest', '@types/node@latest'];

/** Compiles with these options and runs the result. `type` is that of package.json. */
function compiled(extension, type, options) {
  return (project) => {
    project.manifest({ type });
    project.write(
      `program.${extension}`,
      `${esm}
import type { Tensor4D } from 'batchnorm';
const known: Tensor4D<2, 1, 1, 2> = new BatchNorm2D(1).forward(Tensor.zeros([2, 1, 1, 2]));
// @ts-expect-error 2 channels instead of 1
const wrong = () => new BatchNorm2D(1).forward(Tensor.zeros([2, 2, 1, 2]));
void [known, wrong];
void exercise();
`.replace('if (error.code', 'if ((error as { code?: string }).code'),
    );
    const compilerOptions = {
      ...{ target: 'es2022', strict: true, noEmitOnError: true, skipLibCheck: false },
      ...{ types: ['node'], outDir: 'out', rootDir: '.' },
      ...options,
    };
    project.write('tsconfig.json', JSON.stringify({ compilerOptions, include: [`program.${extension}`] }));
    project.tool('tsc', ['-p', '.']);
    const output = project.node([`out/program.${extension.replace('ts', 'js')}`]);
    assert.match(output, /^exercised$/m);
  };
}

export const cases = {
  'nodenext, ES modules': compiled('ts', 'module', { module: 'nodenext' }),
  'nodenext, CommonJS': compiled('ts', 'commonjs', { module: 'nodenext' }),
  'node16, ES modules': compiled('ts', 'module', { module: 'node16' }),
  'node16, CommonJS': compiled('ts', 'commonjs', { module: 'node16' }),
  bundler: compiled('mts', 'module', { module: 'esnext', moduleResolution: 'bundler' }),
  'module: commonjs': compiled('ts', 'commonjs', { module: 'commonjs' }),
};
