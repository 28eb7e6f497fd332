/** Arguments of mocha for the tests of what goes through the kernels. Files, the command line, examples, wrong
 * arguments, threads that leave, memory that runs out and pages are the same on every ISA and take longer than the
 * rest: they are tested with the best one and in TypeScript. */
export const throughKernels = [
  '--no-config',
  '--timeout',
  '60000',
  'dist-dev/test/unit/{core,backend,data,nn,ops,optim,raw,training}/**/*.test.js',
  'dist-dev/test/{conformance,robustness/{endurance,faults,probes}}/**/*.test.js',
  ...['--ignore', 'dist-dev/test/unit/{backend/{hangs,leaving,limited-memory},core/large-steps}.test.js'],
];
