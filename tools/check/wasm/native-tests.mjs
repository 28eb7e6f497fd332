// Compiles the C++ tests, the stress program and a fuzzer to WebAssembly.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileAll, compiler, sources } from '../../build/wasm/compile.mjs';
import { runBeside } from '../../process.mjs';

const settings = JSON.parse(readFileSync('native/build.json', 'utf8'));

/** Tests of the operating system's functions that WebAssembly lacks, and of plans, whose calls run on threads. */
const ofSystem = [
  ...['cache_size_test.cc', 'cpu_count_test.cc', 'thread_pool_test.cc'],
  ...['plan_executors_test.cc', 'plan_lanes_test.cc', 'plan_program_test.cc'],
];

/**
 * Builds `tests`, `stress` and `fuzz`, commands of WASI.
 * @param {string} folder
 */
export async function buildNativeTests(folder) {
  copyDoctest(folder);
  const inNative = readdirSync('test/native')
    .filter((name) => name.endsWith('.cc') && !ofSystem.includes(name))
    .map((name) => `test/native/${name}`);
  const cases = readdirSync('test/native/stress')
    .filter((name) => name.endsWith('.cc') && name !== 'main.cc')
    .map((name) => `test/native/stress/${name}`);
  const flags = [
    ...['-O1', '-I', 'test/native', '-isystem', join(folder, 'doctest-include')],
    // Without exceptions, a failed REQUIRE ends the program.
    '-DDOCTEST_CONFIG_NO_EXCEPTIONS_BUT_WITH_ALL_ASSERTS',
    ...['-DDOCTEST_CONFIG_NO_MULTITHREADING', '-DDOCTEST_CONFIG_NO_POSIX_SIGNALS'],
    ...['-Wno-conversion', '-Wno-shadow', '-Wno-pedantic', '-Wno-sign-conversion'],
  ];
  const kernels = await compileAll(
    folder,
    sources.filter((file) => file !== 'native/wasm/module.cc'),
    [],
  );
  const shared = await compileAll(folder, cases, flags);
  const tests = await compileAll(folder, inNative, flags);
  const [main, ...fuzzer] = await compileAll(
    folder,
    ['test/native/stress/main.cc', 'test/native/fuzz/input.cc', 'test/native/fuzz/mutate.cc'],
    flags,
  );
  const link = async (objects, name) => {
    const file = join(folder, name);
    await runBeside(compiler, [
      ...settings.wasmCompilerFlags,
      '-Wl,-z,stack-size=1048576',
      ...objects,
      '-lc++',
      '-o',
      file,
    ]);
    return file;
  };
  return {
    tests: await link([...kernels, ...shared, ...tests], 'native_tests.wasm'),
    stress: await link([...kernels, ...shared, main], 'stress.wasm'),
    fuzz: await link([...kernels, ...shared, ...fuzzer], 'fuzz.wasm'),
  };
}

/**
 * Only this header: the compiler must not see the rest of the host's /usr/include. libc++ for WebAssembly has no files,
 * which doctest uses for its option --out.
 */
function copyDoctest(folder) {
  const target = join(folder, 'doctest-include/doctest');
  mkdirSync(target, { recursive: true });
  const text = readFileSync('/usr/include/doctest/doctest.h', 'utf8')
    .replace('std::fstream fstr;', '')
    .replace(/fstr\.open\(.*;/, '')
    .replace('p->cout = &fstr;', '')
    .replace('if(fstr.is_open())', '')
    .replace('fstr.close();', '')
    .replace('#include <csignal>', '');
  const file = join(target, 'doctest.h');
  // Objects that depend on an equal header stay up to date.
  if (!existsSync(file) || readFileSync(file, 'utf8') !== text) writeFileSync(file, text);
}
