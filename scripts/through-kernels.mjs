/** Arguments of mocha for the tests of what goes through the kernels. Files, the command line, examples, wrong
 * arguments, threads that leave, memory that runs out and pages are the same on every ISA and take longer than the
 * rest: they are tested with the best one and in TypeScript. */
export const throughKernels = [
  '--no-config',
  '--timeout',
  '60000',
  'dist-dev/test/{autograd,backend,data,determinism,endurance,faults,nn,numerics,ops,optim,parity,probes,raw,tensor,training}/**/*.test.js',
  ...[
    '--ignore',
    'dist-dev/test/{backend/hangs,backend/leaving,backend/limited-memory,tensor/large-steps}.test.js',
  ],
];
