// An incremental build of the addon and the native tests: a mutation compiles only the objects that read its file.
import { execSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runQuietly } from '../../process.mjs';

/** One ISA suffices for most mutations, since all share most kernel sources. The objects of the others are not rebuilt. */
const usualIsa = process.arch === 'arm64' ? 'neon' : 'avx2';

/** The build generates a header of the binding from this file, so compilers do not read it. */
export const generatingSource = 'lib/backend/signatures.js';

export class NativeBuild {
  #checkout;
  #folder;
  #built = false;

  constructor(checkout, folder) {
    this.#checkout = checkout;
    this.#folder = folder;
  }

  environmentFor(isa = usualIsa) {
    return this.#built ? { BATCHNORM_ISA: isa } : {};
  }

  /** Builds the addon and the native tests without a mutation, unless an earlier run left them. -O1 compiles in a third
   * of the time of -O3 and gives the same rounding. */
  build() {
    const settings = join(this.#checkout, 'native/build.json');
    writeFileSync(settings, readFileSync(settings, 'utf8').replace('"-O3"', '"-O1"'));
    runQuietly('cmake', [
      ...['-S', this.#checkout, '-B', this.#folder, '-DBATCHNORM_NATIVE_TESTS=ON'],
      ...['-DCMAKE_EXPORT_COMPILE_COMMANDS=ON', '-G', 'Unix Makefiles'],
    ]);
    this.#make('batchnorm', 'native_tests');
    this.#install();
    this.#built = true;
  }

  #make(...targets) {
    runQuietly('cmake', ['--build', this.#folder, '--parallel', '2', '--target', ...targets]);
  }

  /** Compiles and links the mutant; returns a function that restores the original. */
  apply({ file, find, replace, isa = usualIsa }) {
    const path = join(this.#checkout, file);
    const original = readFileSync(path, 'utf8');
    if (file === generatingSource) {
      writeFileSync(path, original.split(find).join(replace));
      this.#make('batchnorm');
      this.#install();
      return () => {
        writeFileSync(path, original);
        this.#make('batchnorm');
        this.#install();
      };
    }
    const objects = this.#objectsThatRead(path, isa);
    if (objects.length === 0) throw new Error(`Expected an object file compiled from ${file} but found none`);
    for (const { output } of objects) cpSync(output, `${output}.original`, { preserveTimestamps: true });
    writeFileSync(path, original.split(find).join(replace));
    for (const { command, directory } of objects)
      execSync(command, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#link();
    this.#install();
    return () => {
      writeFileSync(path, original);
      for (const { output } of objects) cpSync(`${output}.original`, output, { preserveTimestamps: true });
      this.#link();
      this.#install();
    };
  }

  /** Runs the test cases of some files of the native tests; the first failure, as text, or undefined. */
  test(files, timeout) {
    for (const file of files) {
      const program = join(this.#folder, 'test/native/native_tests');
      const { status, stdout, error } = spawnSync(program, [`--source-file=*${file}`, '--abort-after=1'], {
        encoding: 'utf8',
        timeout,
        killSignal: 'SIGKILL',
      });
      if (status === 0) continue;
      if (error?.code === 'ETIMEDOUT') return `does not end (${file})`;
      const [, name] = /TEST CASE: +(.*)/.exec(stdout) ?? [undefined, 'the process was killed'];
      return `${file}: ${name}`;
    }
    return undefined;
  }

  /** @returns {{ output: string, command: string, directory: string }[]} */
  #objectsThatRead(path, isa) {
    const commands = JSON.parse(readFileSync(join(this.#folder, 'compile_commands.json'), 'utf8'));
    return commands
      .map(({ directory, command, file }) => ({
        directory,
        command,
        file,
        output: join(directory, / -o (\S+)/.exec(command)[1]),
      }))
      .filter(({ output, file }) => {
        const other = /\/isa\/(\w+)\.cc$/.exec(file);
        if (other !== null && other[1] !== isa) return false;
        return existsSync(`${output}.d`) && dependencies(`${output}.d`).includes(path);
      });
  }

  #link() {
    for (const [target, folder] of [
      ['batchnorm', ''],
      ['native_tests', 'test/native'],
    ]) {
      const directory = join(this.#folder, folder);
      const command = readFileSync(join(directory, `CMakeFiles/${target}.dir/link.txt`), 'utf8');
      execSync(command, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
    }
  }

  #install() {
    cpSync(join(this.#folder, 'batchnorm.node'), join(this.#checkout, 'build/Release/batchnorm.node'));
  }
}

/** The files that a dependency file of the compiler names. */
function dependencies(path) {
  return readFileSync(path, 'utf8').replace(/\\\n/g, ' ').split(/\s+/);
}
