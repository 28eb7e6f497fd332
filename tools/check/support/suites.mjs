// Selects the test files for mocha.

export const wholeSuite = ['dist-dev/test/**/*.test.js'];

/**
 * For a further backend: without the tests that start programs again and again, among them those of the command line, fill the
 * memory, damage files or call everything public wrongly, which take more than half of the time. `.ci/long` runs them on the portable backend, too.
 */
export const furtherBackend = [
  ...wholeSuite,
  '--ignore',
  'dist-dev/test/{install/docs/guides,robustness/misuse/misuse}.test.js',
  '--ignore',
  'dist-dev/test/unit/{examples/*,cli/*,distributed/workers,io/files/{limited-memory,replace-file},io/npz/broken}.test.js',
  '--ignore',
  'dist-dev/test/{install/fallback,unit/backend/{choice,hangs,leaving,limited-memory}}.test.js',
];

/** Results of kernels, for other engines. */
export const resultsOfKernels = [
  'dist-dev/test/unit/{nn,ops,raw}/**/*.test.js',
  'dist-dev/test/conformance/{numerics,parity}/**/*.test.js',
];

/** The same without whole networks on large images, for an ISA that runs under emulation. */
export const smallResultsOfKernels = [
  ...resultsOfKernels,
  '--ignore',
  'dist-dev/test/conformance/parity/torchvision.test.js',
];

/**
 * Tests whose results depend on the kernels. The others (files, the command line, examples, invalid arguments, exiting
 * threads, exhausted memory) do not depend on the ISA and take longer, so they run only with the best ISA and on the
 * portable backend.
 */
export const throughKernels = [
  'dist-dev/test/unit/{core,backend,data,nn,ops,optim,plan,raw,training}/**/*.test.js',
  'dist-dev/test/{conformance,robustness/{endurance,faults,probes}}/**/*.test.js',
  ...[
    '--ignore',
    'dist-dev/test/unit/{backend/{hangs,leaving,limited-memory},core/large-steps,plan/leaving}.test.js',
  ],
];
