// A user's project with the packed package and some tools installed.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { nodeCommand } from '../../../../tools/check/support/runtime-programs.mjs';

export class Project {
  /**
   * @param {string} folder
   * @param {{ tarball: string, node?: number }} options `node` is the lowest major version that the tools run on.
   */
  constructor(folder, { tarball, node = 0 }) {
    this.folder = folder;
    this.tarball = tarball;
    const isRecent = Number(process.versions.node.split('.')[0]) >= node;
    this.program = isRecent ? process.execPath : nodeCommand('linux-x64', String(node))[0];
    mkdirSync(folder, { recursive: true });
    this.manifest({});
  }

  path(...names) {
    return join(this.folder, ...names);
  }

  write(name, text) {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), text);
  }

  read(name) {
    return readFileSync(this.path(name), 'utf8');
  }

  /** Writes package.json with these fields and the existing dependencies. */
  manifest(fields) {
    let dependencies;
    try {
      dependencies = JSON.parse(this.read('package.json')).dependencies;
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
    this.write('package.json', JSON.stringify({ private: true, ...fields, dependencies }));
  }

  /** Installs the packed package and the current versions of other packages. */
  install(packages = []) {
    this.run('npm', ['install', '--no-audit', '--no-fund', this.tarball, ...packages]);
  }

  /** Runs a program in the folder without the settings of this process. Throws if it fails. @returns {string} its output */
  run(command, args, { cwd = this.folder, env = {}, status = 0 } = {}) {
    const inherited = Object.entries(process.env).filter(
      ([name]) => !/^(node_options|batchnorm_.*|npm_.*|vitest.*|jest.*)$/i.test(name),
    );
    const environment = Object.fromEntries(inherited);
    const path = `${dirname(this.program)}${delimiter}${environment.PATH}`;
    const result = spawnSync(command, args, {
      cwd,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
      env: { ...environment, PATH: path, NO_COLOR: '1', ...env },
    });
    if (result.error) throw result.error;
    const output = result.stdout + result.stderr;
    assert.equal(result.status, status, `${command} ${args.join(' ')} in ${cwd}\n${output}`);
    return output;
  }

  /** Runs Node on a program or a tool's script. */
  node(args, options) {
    return this.run(this.program, args, options);
  }

  /** Runs a command of an installed package. */
  tool(name, args, options) {
    return this.run(this.path('node_modules/.bin', name), args, options);
  }

  /** Moves a folder of this project away from its node_modules. */
  copyElsewhere(name, target) {
    cpSync(this.path(name), target, { recursive: true });
  }
}
