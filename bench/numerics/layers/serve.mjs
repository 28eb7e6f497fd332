// Serves a backend of this package as a separate process: reads a line per case, computes the case in the named file,
// writes the results beside it and answers with a line. `pytorch.py` uses the same protocol.
import { createInterface } from 'node:readline';
import { backward, crossEntropyWithLogitsLoss, Tensor } from '../../../dist/index.js';
import { backend } from '../../../dist/backend/index.js';
import { readArrays, writeArrays } from '../../../dist-dev/test/conformance/numerics/arrays.js';

const like = ({ length }) => new Float32Array(length);

/** The number of square windows along an axis. */
const windows = (size, kernel, stride, padding) => Math.floor((size + 2 * padding - kernel) / stride) + 1;

/** Square windows; `further` are the dilation, or the padding on the other sides and whether it counts. */
const pool =
  (forward, further, gradient) =>
  ([planes, height, width, kernel, stride, padding], [x, dy]) => {
    const counts = [height, width].map((size) => windows(size, kernel, stride, padding));
    const sizes = [planes, height, width, ...counts, kernel, kernel, stride, stride, padding, padding];
    const call = [...sizes, ...further(padding)];
    const [y, dx] = [like(dy), like(x)];
    backend[forward](...call, x, y);
    gradient(call, x, y, dy, dx);
    return [y, dx];
  };

const ofRows =
  (forward, gradient) =>
  (sizes, [x, dy]) => {
    const [y, dx] = [like(x), like(x)];
    backend[forward](...sizes, x, y);
    backend[gradient](...sizes, y, dy, dx);
    return [y, dx];
  };

/** Derivatives computed from the output or from the input of the function. */
const activation =
  (name, gradient, from) =>
  ([n], [x, dy]) => {
    const [y, dx] = [like(x), like(x)];
    backend[name](n, x, y);
    if (gradient === undefined) return [y];
    backend[gradient](n, n, from === 'x' ? x : y, dy, dx);
    return [y, dx];
  };

const operations = {
  convolution([images, inputs, height, width, outputs, kernel, stride, padding], [x, weight, bias, dy]) {
    const counts = [height, width].map((size) => windows(size, kernel, stride, padding));
    const channels = [images, 1, inputs, outputs, height, width, ...counts];
    const sizes = [...channels, kernel, kernel, stride, stride, 1, 1, padding, padding];
    const [y, dx, dweight, dbias] = [dy, x, weight, bias].map(like);
    backend.conv2d(...sizes, x, weight, bias, y);
    backend.conv2dInputGradient(...sizes, dy, weight, null, dx);
    backend.conv2dWeightGradient(...sizes, x, dy, dweight, dbias);
    return [y, dx, dweight, dbias];
  },
  maxPool: pool(
    'maxPool',
    () => [1, 1],
    (call, x, y, dy, dx) => backend.maxPoolBackward(...call, x, y, dy, dx),
  ),
  avgPool: pool(
    'avgPool',
    (padding) => [padding, padding, true],
    (call, _x, _y, dy, dx) => backend.avgPoolBackward(...call, dy, dx),
  ),
  softmax: ofRows('softmax', 'softmaxBackward'),
  logSoftmax: ofRows('logSoftmax', 'logSoftmaxBackward'),
  crossEntropy(sizes, [logits, classes]) {
    const x = Tensor.from(logits, sizes).trace();
    const loss = crossEntropyWithLogitsLoss(x, Int32Array.from(classes));
    const value = Float32Array.of(loss.item());
    return [value, backward(loss).get(x).data];
  },
  exp: activation('exp'),
  log: activation('log'),
  sigmoid: activation('sigmoid', 'sigmoidBackward', 'y'),
  tanh: activation('tanh', 'tanhBackward', 'y'),
  gelu: activation('gelu', 'geluBackward', 'x'),
};

console.log(`${backend.info.name}, ${backend.info.isa}`);
for await (const line of createInterface({ input: process.stdin })) {
  const { file, operation, sizes, lengths } = JSON.parse(line);
  writeArrays(`${file}.result`, operations[operation](sizes, readArrays(file, lengths)));
  console.log('done');
}
