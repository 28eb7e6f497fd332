// A copy of the checkout in which one mutation at a time is applied, compiled and tested.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { transformSync } from 'esbuild';
import { capture } from '../../process.mjs';
import { generatingSource, NativeBuild } from './native-build.mjs';

const mocha = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');

/** Milliseconds after which a looping mutant is stopped; every named test file takes less than a tenth of it. */
const timeLimit = 300_000;

/** Folders of the wider suite, which confirms that a mutant survives: all tests that compute, save or load. The others
 * start programs or read documents. */
const wideFolders = ['conformance', 'robustness/misuse', 'robustness/probes', 'unit'];
const leftOut = [
  ...['unit/backend/', 'unit/cli/', 'unit/examples/', 'unit/printing/', 'conformance/determinism/'],
  'unit/core/large-steps', // trains on 100 MB
];

export class Workplace {
  #folder;
  #native;
  /** The wider suite, without compiled files of deleted tests, which may remain in dist-dev/. */
  #wide;

  constructor(folder) {
    this.#folder = resolve(folder);
    const copy = join(this.#folder, 'checkout');
    rmSync(copy, { recursive: true, force: true });
    const files = capture('git', ['ls-files', '-z']).split('\0').filter(Boolean);
    for (const file of [...files, 'dist', 'dist-dev', 'build/Release/batchnorm.node']) {
      mkdirSync(dirname(join(copy, file)), { recursive: true });
      cpSync(file, join(copy, file), { recursive: true });
    }
    this.#wide = files
      .map((file) => /^test\/(.*)\.test\.ts$/.exec(file)?.[1])
      .filter((test) => wideFolders.some((folder) => test?.startsWith(`${folder}/`)))
      .filter((test) => !leftOut.some((start) => test.startsWith(start)));
    symlinkSync(resolve('node_modules'), join(copy, 'node_modules'));
    this.#native = new NativeBuild(copy, join(this.#folder, 'native'));
    this.checkout = copy;
  }

  /** Throws if a named test fails without any mutation, because then its failure would prove nothing. */
  requirePassing(mutations) {
    if (mutations.some(isNative)) this.#native.build();
    for (const backend of ['native', 'portable']) {
      const tests = mutations
        .filter((mutation) => mutation.backend === backend)
        .flatMap(({ tests }) => tests);
      const failure = this.#test([...new Set(tests)], { backend }, 4 * timeLimit);
      if (failure !== undefined)
        throw new Error(`Without any mutation on the ${backend} backend: ${failure}`);
    }
  }

  /** Throws if the wider suite fails without any mutation. */
  requireWideSuitePassing(mutations) {
    for (const backend of new Set(mutations.map((mutation) => mutation.backend))) {
      const failure = this.#test(this.#wide, { backend }, 4 * timeLimit);
      if (failure !== undefined) {
        throw new Error(`Without any mutation on the ${backend} backend: ${failure}`);
      }
    }
  }

  /** Runs the named tests on the mutant. @returns {{ result: 'caught' | 'survived', by?: string }} */
  tryNamed(mutation) {
    return this.#with(mutation, () => this.#test(mutation.tests, mutation));
  }

  /** Runs the wider suite on the mutant. @returns {{ result: 'caught' | 'survived', by?: string }} */
  tryAll(mutation) {
    return this.#with(mutation, () => {
      const failure =
        this.#test(this.#wide, mutation, 4 * timeLimit) ??
        (isNative(mutation) ? this.#native.test([''], 4 * timeLimit) : undefined);
      return failure === undefined ? undefined : `${failure} (not named)`;
    });
  }

  #with(mutation, test) {
    const restore = isNative(mutation) ? this.#native.apply(mutation) : this.#applyToLibrary(mutation);
    try {
      const by = test();
      return by === undefined ? { result: 'survived' } : { result: 'caught', by };
    } finally {
      restore();
    }
  }

  /** Compiles one file of lib/ to the output path of tsc, without checking types. */
  #applyToLibrary({ file, find, replace }) {
    const compiled = join(this.checkout, file.replace(/^lib\/(.*)\.ts$/, 'dist/$1.js'));
    const original = readFileSync(compiled);
    // Not replace(), which would expand "$&" and similar patterns in the replacement.
    const source = readFileSync(join(this.checkout, file), 'utf8').split(find).join(replace);
    const tsconfigRaw = {
      compilerOptions: { verbatimModuleSyntax: true, useDefineForClassFields: true },
    };
    writeFileSync(compiled, transformSync(source, { loader: 'ts', target: 'es2022', tsconfigRaw }).code);
    return () => writeFileSync(compiled, original);
  }

  /** The first failure, as text, or undefined. */
  #test(tests, { backend, isa }, timeout = timeLimit) {
    const native = tests.filter((test) => test.startsWith('native:')).map((test) => test.slice(7));
    const specs = tests
      .filter((test) => !test.startsWith('native:'))
      .map((test) => `dist-dev/test/${test}.test.js`);
    return (
      (specs.length === 0 ? undefined : this.#mocha(specs, this.#environment(backend, isa), timeout)) ??
      (native.length === 0 ? undefined : this.#native.test(native, timeout))
    );
  }

  #mocha(specs, environment, timeout) {
    const report = join(this.#folder, 'mocha.json');
    rmSync(report, { force: true });
    const options = ['--bail', '--reporter', 'json', '--reporter-option', `output=${report}`];
    const { status, error, stderr } = spawnSync(process.execPath, [mocha, ...options, ...specs], {
      cwd: this.checkout,
      encoding: 'utf8',
      timeout,
      killSignal: 'SIGKILL',
      env: { ...process.env, ...environment },
    });
    if (status === 0) return undefined;
    if (error?.code === 'ETIMEDOUT') return `does not end (${specs.length === 1 ? specs[0] : 'named tests'})`;
    try {
      const { failures } = JSON.parse(readFileSync(report, 'utf8'));
      const [{ fullTitle, file }] = failures;
      return `${file.slice(file.indexOf('dist-dev/test/') + 14).replace('.test.js', '')}: ${fullTitle}`;
    } catch {
      const [line] = /^\w*Error.*$/m.exec(stderr) ?? ['the process was killed'];
      return `does not load: ${line.slice(0, 120)}`;
    }
  }

  #environment(backend, isa) {
    if (backend === 'portable') return { BATCHNORM_BACKEND: 'portable' };
    return { BATCHNORM_BACKEND: 'native', ...this.#native.environmentFor(isa) };
  }
}

function isNative({ file }) {
  return file.startsWith('native/') || file === generatingSource;
}
