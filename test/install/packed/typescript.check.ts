import { expect } from 'chai';
import { createRequire } from 'node:module';
import { esmProgram, expectNative, installedProject } from './project.js';

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');

/** A user's program that depends on the types of shapes and modes. */
const typedProgram = `${esmProgram}
import type { Tensor4D } from 'batchnorm';
const known: Tensor4D<2, 1, 1, 2> = bn.forward(x);
// @ts-expect-error 2 channels instead of 1
const wrong = () => bn.forward(Tensor.zeros([2, 2, 1, 2]));
void [known, wrong];
`;

const strict = {
  target: 'ES2022',
  strict: true,
  noEmitOnError: true,
  // Checks our declarations too, and without those of Node.
  skipLibCheck: false,
  types: [],
};

describe('TypeScript with the packed package', () => {
  const project = installedProject();

  function compile(folder: string, extension: string, options: object): string {
    const declarations = 'declare const console: { log(text: string): void };\n';
    project().write(`${folder}/program.${extension}ts`, declarations + typedProgram);
    project().write(
      `${folder}/tsconfig.json`,
      JSON.stringify({ compilerOptions: { ...strict, ...options }, include: ['program.*'] }),
    );
    const { status, stdout } = project().node(tsc, '-p', folder);
    expect(status, stdout).to.equal(0);
    return `${folder}/program.${extension}js`;
  }

  it('compiles and runs as an ES module under nodenext', () => {
    const program = compile('nodenext', 'm', { module: 'nodenext' });
    expectNative(project().printed(program));
  });

  it('compiles and runs as a CommonJS module under nodenext', () => {
    const program = compile('commonjs', 'c', { module: 'nodenext' });
    expectNative(project().printed(program));
  });

  it('compiles and runs under bundler', () => {
    const program = compile('bundler', 'm', { module: 'esnext', moduleResolution: 'bundler' });
    expectNative(project().printed(program));
  });
});
