// The targets of tools/run.mjs by name. Commands that contributors type every day are npm scripts instead.

/** @typedef {{ group: 'build' | 'test' | 'measure', file: string, summary: string, args?: string }} Target */

/** @type {Record<string, Target>} */
export const targets = {
  'addon-cmake': {
    group: 'build',
    file: 'tools/build/addon-cmake.mjs',
    summary: 'build the addon with cmake-js instead of node-gyp',
  },
  'report-picture': {
    group: 'build',
    file: 'tools/build/report-picture.mjs',
    args: '[REPORT]',
    summary: 'draw the report of npm start for the README, in Chromium',
  },
  'digits-page': {
    group: 'build',
    file: 'tools/build/digits-page.mjs',
    args: '[FILE]',
    summary: 'build the page that trains the digits network in a browser',
  },
  'wasm-module': {
    group: 'build',
    file: 'tools/build/wasm.mjs',
    args: '[FILE]',
    summary: 'build the WebAssembly module',
  },
  clean: {
    group: 'build',
    file: 'tools/build/clean.mjs',
    summary: 'delete all build outputs',
  },

  native: {
    group: 'test',
    file: 'tools/check/native.mjs',
    summary: 'C++ tests and 3,000 random cases, compiled by $CXX',
  },
  neon: {
    group: 'test',
    file: 'tools/check/neon.mjs',
    args: '[--whole]',
    summary: 'C++ and mocha tests of the NEON kernels under qemu',
  },
  tfjs: {
    group: 'test',
    file: 'tools/check/tfjs.mjs',
    args: '[core|poisoned|portable|isas|nodes|neon|tests|long]...',
    summary: "TensorFlow.js's own tests, and programs that use it, on our backend",
  },
  wasm: {
    group: 'test',
    file: 'tools/check/wasm.mjs',
    args: '[--native [CASES] | --runtimes [NAME...] | MOCHA...]',
    summary:
      'C++ tests, random and fuzzed cases as WebAssembly, and mocha tests of that backend, here or on every runtime',
  },
  types: {
    group: 'test',
    file: 'tools/check/types.mjs',
    args: '[--update]',
    summary: 'valid and invalid types under three TypeScript compilers',
  },
  install: {
    group: 'test',
    file: 'tools/check/install.mjs',
    summary: 'the packed package, installed into empty folders',
  },
  environments: {
    group: 'test',
    file: 'tools/check/environments.mjs',
    args: '[TOOL[=CASE]...]',
    summary: 'the packed package in test runners, bundlers and package managers',
  },
  runtimes: {
    group: 'test',
    file: 'tools/check/runtimes.mjs',
    summary: 'the packed package on every supported Node, Bun and Deno',
  },
  windows: {
    group: 'test',
    file: 'tools/check/windows.mjs',
    summary: 'the packed package on Windows, under wine',
  },
  sanitizers: {
    group: 'test',
    file: 'tools/check/sanitizers.mjs',
    args: '[CASES]',
    summary: 'C++ tests and random cases under ASan with UBSan, and under TSan',
  },
  'addon-asan': {
    group: 'test',
    file: 'tools/check/addon-asan.mjs',
    args: '[TESTS]',
    summary: 'mocha tests with the addon under ASan inside Node',
  },
  memcheck: {
    group: 'test',
    file: 'tools/check/memcheck.mjs',
    args: '[CASES]',
    summary: 'random cases of the scalar kernels under valgrind',
  },
  fuzz: {
    group: 'test',
    file: 'tools/check/fuzz.mjs',
    args: '[EXECUTIONS]',
    summary: 'libFuzzer on the operations, under ASan with UBSan',
  },
  mpi: {
    group: 'test',
    file: 'tools/check/mpi.mjs',
    args: '[--whole]',
    summary: 'groups of processes over Open MPI and MPICH',
  },
  probes: {
    group: 'test',
    file: 'dist-dev/test/robustness/probes/main.js',
    args: '[CASES] [KIND] [SEED]',
    summary: 'corrupted weights files, and random sequences of API calls',
  },
  hooks: {
    group: 'test',
    file: 'tools/check/hooks.mjs',
    summary: 'failing allocations and threads, signals, other processors',
  },
  endurance: {
    group: 'test',
    file: 'tools/check/endurance.mjs',
    args: '[SMALL] [LARGE]',
    summary: 'a million training steps in constant memory',
  },
  'cpp-format': {
    group: 'test',
    file: 'tools/check/cpp-format.mjs',
    args: '[--write]',
    summary: 'C++ sources are formatted as clang-format does; part of npm run lint',
  },
  workflows: {
    group: 'test',
    file: 'tools/check/workflows.mjs',
    summary: 'actionlint on .github/workflows; part of npm run lint',
  },
  'site-widths': {
    group: 'test',
    file: 'tools/check/site-widths.mjs',
    summary: 'the API site fits windows of 1280 and 400 pixels; after npm run docs',
  },
  pages: {
    group: 'test',
    file: 'tools/check/pages.mjs',
    summary: 'the entry for browsers, the report of npm start and the page of examples/serving in Chromium',
  },
  mutations: {
    group: 'test',
    file: 'tools/check/mutations.mjs',
    args: '[--check] [PATH...]',
    summary: 'tests fail when the library is broken on purpose',
  },
  resnet: {
    group: 'test',
    file: 'tools/check/resnet.mjs',
    args: '[FOLDER]',
    summary: 'losses and gradients of ResNet-8 against PyTorch',
  },
  'onnx-cases': {
    group: 'test',
    file: 'tools/check/onnx-cases.mjs',
    args: '[--newer]',
    summary: "the ONNX project's test cases: what passes for each operator, and what cannot be expressed",
  },
  'onnx-export': {
    group: 'test',
    file: 'tools/check/onnx-export.mjs',
    args: '[--reference]',
    summary: 'networks exported to ONNX give the same results in onnxruntime and in ONNX itself',
  },
  'onnx-torch': {
    group: 'test',
    file: 'tools/check/onnx-torch.mjs',
    summary: "networks from PyTorch's exporter give PyTorch's results",
  },
  'saved-files': {
    group: 'test',
    file: 'tools/check/saved-files.mjs',
    summary: 'numpy and PyTorch read our files',
  },
  accuracy: {
    group: 'test',
    file: 'tools/check/accuracy.mjs',
    args: 'LOG',
    summary: 'the output of npm start reports at least 99 %',
  },

  numerics: {
    group: 'measure',
    file: 'bench/numerics/main.mjs',
    args: '[--random N] [--neon] [--write]',
    summary: 'errors of batch norm against float64, PyTorch and the naive formula',
  },
  'numerics-layers': {
    group: 'measure',
    file: 'bench/numerics/layers/main.mjs',
    args: '[--neon] [--write]',
    summary: 'errors of convolution, pooling, losses and activations',
  },
  instructions: {
    group: 'measure',
    file: 'tools/check/instructions.mjs',
    args: '[--update]',
    summary: 'instruction counts of the AVX2 kernels against the recorded ones',
  },
  'import-time': {
    group: 'measure',
    file: 'tools/check/import-time.mjs',
    args: 'FOLDER',
    summary: 'how long importing the installed package takes',
  },
};
