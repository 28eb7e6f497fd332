// Selects the test files for mocha.

export const wholeSuite = ['dist-dev/test/**/*.test.js'];

/**
 * For a further backend: without the tests that start programs again and again, among them those of the command line, fill the
 * memory or call everything public wrongly, which take more than half of the time. `.ci/long` runs them on the portable backend, too.
 */
export const furtherBackend = [
  ...wholeSuite,
  '--ignore',
  'dist-dev/test/{install/docs/guides,robustness/misuse/misuse}.test.js',
  '--ignore',
  'dist-dev/test/unit/{examples/*,cli/*,distributed/workers,io/files/limited-memory,backend/{hangs,leaving,limited-memory}}.test.js',
];

/** Results of kernels, for an ISA that runs under emulation. */
export const resultsOfKernels = [
  'dist-dev/test/unit/{nn,ops,raw}/**/*.test.js',
  'dist-dev/test/conformance/{numerics,parity}/**/*.test.js',
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
