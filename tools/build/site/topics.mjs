// Where a public name stands in the navigation of the API site: by the folder of lib/ that declares it.

/** In the order of the navigation. */
export const topics = [
  'Tensors and gradients',
  'Layers',
  'Norms',
  'Modules and compositions',
  'Training',
  'Data',
  'Files',
  'Serving',
  'Several processes',
  'TensorFlow.js',
  'ONNX',
  'Raw kernels',
  'Backend',
  'Errors',
];

/** The first prefix that fits decides. */
const topicOfPath = [
  ['tensor', 'Tensors and gradients'],
  ['core/random-generator', 'Training'],
  ['core/', 'Tensors and gradients'],
  ['ops/losses', 'Training'],
  ['ops/cross-entropy', 'Training'],
  ['ops/loss-options', 'Training'],
  ['ops/class-targets', 'Training'],
  ['ops/positive-weight', 'Training'],
  ['ops/', 'Tensors and gradients'],
  ['nn/layers/', 'Layers'],
  ['nn/norm/', 'Norms'],
  ['nn/', 'Modules and compositions'],
  ['module/parameter-match', 'Training'],
  ['module/', 'Modules and compositions'],
  ['optim/', 'Training'],
  ['training/', 'Training'],
  ['data/', 'Data'],
  ['io/', 'Files'],
  ['json/', 'Files'],
  ['plan/', 'Serving'],
  ['distributed/', 'Several processes'],
  ['tfjs/', 'TensorFlow.js'],
  ['onnx/', 'ONNX'],
  ['raw/', 'Raw kernels'],
  ['backend/', 'Backend'],
  ['index', 'Backend'], // `backend` itself
  ['validation/errors', 'Errors'],
  ['validation/', 'Tensors and gradients'],
];

/**
 * @param {string} name A name that one of the entry points in typedoc.json exports.
 * @param {string} path The file that declares it, relative to lib/, with /.
 * @returns {string | undefined} undefined where no topic fits.
 */
export function topicOf(name, path) {
  if (name.endsWith('Error')) return 'Errors';
  return topicOfPath.find(([prefix]) => path.startsWith(prefix))?.[1];
}
