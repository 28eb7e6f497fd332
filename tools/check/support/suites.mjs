// Which test files to pass to mocha.

export const wholeSuite = ['dist-dev/test/**/*.test.js'];

/**
 * Tests whose results depend on the kernels. The others (files, the command line, examples, wrong arguments, threads that
 * leave, memory that runs out) are the same on every ISA and take longer, so they run with the best ISA and in TypeScript
 * only.
 */
export const throughKernels = [
  'dist-dev/test/unit/{core,backend,data,nn,ops,optim,raw,training}/**/*.test.js',
  'dist-dev/test/{conformance,robustness/{endurance,faults,probes}}/**/*.test.js',
  ...['--ignore', 'dist-dev/test/unit/{backend/{hangs,leaving,limited-memory},core/large-steps}.test.js'],
];
