// Selects the test files for mocha.

export const wholeSuite = ['dist-dev/test/**/*.test.js'];

/**
 * For a further backend: without the tests that start programs again and again, among them those of the command line, fill
 * the memory or a disk, damage files, call everything public wrongly, or choose a backend of their own. They take more than
 * half of the time. `.ci/long` runs them on the portable backend, too.
 */
export const furtherBackend = [
  ...wholeSuite,
  ...[
    'install/{docs/guides,fallback,restricted}',
    'robustness/misuse/misuse',
    'robustness/faults/full-disk',
    'support/peak-memory',
    'unit/backend/{choice,hangs,leaving,limited-memory,wasm*}',
    'unit/{cli,examples}/*',
    'unit/core/large-steps',
    'unit/data/idx',
    'unit/distributed/workers',
    'unit/io/files/{limited-memory,replace-file}',
    'unit/io/npz/broken',
    'unit/onnx/hostile-files',
    'unit/plan/leaving',
    'unit/printing/limited-memory',
  ].flatMap((name) => ['--ignore', `dist-dev/test/${name}.test.js`]),
];

/** Results of kernels, for other engines. */
export const resultsOfKernels = [
  'dist-dev/test/unit/{nn,ops,raw}/**/*.test.js',
  'dist-dev/test/conformance/{numerics,parity}/**/*.test.js',
];

/** The same without whole networks on large images and what layers do besides computing, for an ISA that runs under emulation. */
export const smallResultsOfKernels = [
  ...resultsOfKernels,
  ...[
    'conformance/parity/torchvision',
    'unit/nn/{derived-modules,error-path,inspected-fields,module-text,throwing}',
    'unit/nn/{model-summary,module-json,shared-layers}',
  ].flatMap((name) => ['--ignore', `dist-dev/test/${name}.test.js`]),
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
