import { expectAdvice, writePrograms } from './support/bundles.mjs';
import { copyModule, expectInBrowser, writeBrowserProgram, writePage } from './support/in-browser.mjs';

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
  'a page': async (project) => {
    writeBrowserProgram(project);
    project.write(
      'rollup.config.mjs',
      `import resolve from '@rollup/plugin-node-resolve';
export default { plugins: [resolve({ browser: true })] };`,
    );
    project.tool('rollup', ['--config', 'rollup.config.mjs', '--input', 'main.js', '--dir', 'out']);
    copyModule(project, 'out');
    writePage(project, 'out', 'main.js');
    await expectInBrowser(project, 'out');
  },
};
