import { expectAdvice, writePrograms } from './support/bundles.mjs';

export const packages = [
  ...['rollup@latest', '@rollup/plugin-node-resolve@latest', '@rollup/plugin-commonjs@latest'],
];

const config = `
import commonjs from '@rollup/plugin-commonjs';
import resolve from '@rollup/plugin-node-resolve';
export default { plugins: [resolve({ preferBuiltins: true }), commonjs()] };
`;

export const cases = {
  'ES modules and CommonJS': (project) => {
    writePrograms(project);
    project.write('rollup.config.mjs', config);
    for (const [format, file] of Object.entries({ es: 'main.mjs', cjs: 'main.cjs' })) {
      const output = `out-${format}`;
      project.tool('rollup', [
        ...['--config', 'rollup.config.mjs', '--input', 'main.mjs'],
        ...['--file', `${output}/${file}`, '--format', format, '--no-dynamicImportInCjs'],
      ]);
      expectAdvice(project, output, file);
    }
  },
};
