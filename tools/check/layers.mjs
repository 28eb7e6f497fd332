// The layers of lib/, lowest first. A module may import from its own layer and from those below it, types included; there
// are no cycles. Part of npm run lint; `npx depcruise --config tools/check/layers.mjs --output-type dot lib` draws them.
const layers = [
  ['validation', 'printing'],
  ['backend'],
  ['json'],
  ['core'],
  ['ops'],
  ['tensor.ts'],
  ['module'],
  ['io'],
  ['nn'],
  ['optim'],
  ['training', 'data'],
  ['plan'],
  ['raw', 'raw.ts'],
  ['distributed', 'distributed.ts'],
  ['tfjs', 'tfjs.ts'],
  ['onnx', 'onnx.ts'],
  ['index.ts'],
  ['cli'],
];

const pathOf = (names) => `^lib/(${names.map((name) => name.replace('.', '[.]')).join('|')})(/|$)`;

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'every-module-is-in-a-layer',
      severity: 'error',
      from: { path: '^lib/', pathNot: pathOf(layers.flat()) },
      to: {},
    },
    ...layers.slice(0, -1).map((layer, i) => ({
      name: `${layer.join('-and-')}-import-nothing-above`,
      severity: 'error',
      from: { path: pathOf(layer) },
      to: { path: pathOf(layers.slice(i + 1).flat()) },
    })),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
  },
};
