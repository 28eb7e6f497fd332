// ONNX files.
export default [
  {
    file: 'lib/onnx/proto/proto-reader.ts',
    what: 'a message may end behind the one around it',
    find: '    if (!(length <= this.#end - start)) this.#truncated();\n',
    replace: '',
    tests: ['unit/onnx/hostile-files'],
  },
  {
    file: 'lib/onnx/external-data.ts',
    what: 'external data may be outside the folder of the model',
    find: "parts.includes('..') ||",
    replace: '',
    tests: ['unit/onnx/hostile-files'],
  },
  {
    file: 'lib/onnx/external-data.ts',
    what: 'external data may be behind a link out of the folder',
    find: 'const path = await realpath(join(folder, location));',
    replace: 'const path = join(folder, location);',
    tests: ['unit/onnx/hostile-files'],
  },
  {
    file: 'lib/onnx/import/build-model.ts',
    what: 'computed constants may take any amount of memory',
    find: 'if (!(this.#computedBytes <= this.maxComputedBytes)) {',
    replace: 'if (false) {',
    tests: ['unit/onnx/hostile-files'],
  },
  {
    file: 'lib/onnx/operators/norms.ts',
    what: 'the momentum of a batch norm is the weight of the old statistics',
    find: "Number((1 - node.number('momentum', 0.9)).toPrecision(7))",
    replace: "node.number('momentum', 0.9)",
    tests: ['unit/onnx/import'],
  },
  {
    file: 'lib/onnx/import/run-plan.ts',
    what: 'layers infer while a model trains',
    find: '(isTaped(x) ? train(layer, x) : infer(layer, x))',
    replace: 'infer(layer, x)',
    tests: ['unit/onnx/import'],
  },
  {
    file: 'lib/onnx/import/fold-plan.ts',
    what: 'a batch norm is folded although the result before it is an output',
    find: 'return isNorm && others.length === 0 ? reader : undefined;',
    replace: 'return isNorm ? reader : undefined;',
    tests: ['unit/onnx/import'],
  },
  {
    file: 'lib/onnx/export/open-batch.ts',
    what: 'sizes that depend on the batch keep the size of the first one',
    find: 'size === second.values[i] ? size : -1',
    replace: 'size',
    tests: ['unit/onnx/export'],
  },
];
