// Networks in ONNX files: shapes are known only when they run.
import { BatchNorm2D, compile, fold, type OwnedTape, ReLU, Sequential, type Shape, Tensor } from 'batchnorm';
import { exportOnnx, importOnnx, type OnnxModel } from 'batchnorm/onnx';
import { check, type Equal } from './equal.js';

const net = await importOnnx('net.onnx', { maxComputedBytes: 1024 });
check<Equal<typeof net, OnnxModel>>();
const x = Tensor.zeros([1, 3, 8, 8]);

const y = net.forward(x);
check<Equal<typeof y, Tensor<Shape>>>();
const trained = net.forwardMut(x.trace());
check<Equal<typeof trained, Tensor<Shape, OwnedTape>>>();
const { a } = net.run({ input: x });
check<Equal<typeof a, Tensor<Shape>>>();
const folded = fold(net);
check<Equal<typeof folded, OnnxModel>>();
compile(net, [1, 3, 8, 8]).runSync(x);
new Sequential(net, new ReLU());

// @ts-expect-error: inference takes a tensor without a tape
net.forward(x.trace());
// @ts-expect-error: training takes a tensor with a tape
net.forwardMut(x);
// @ts-expect-error: a tensor for each name
net.run({ input: [1, 2, 3] });
// @ts-expect-error: another option
await importOnnx('net.onnx', { maxBytes: 1024 });
// @ts-expect-error: not a path
await importOnnx(7);

const model = new Sequential(new BatchNorm2D(3), new ReLU());
await exportOnnx(model, 'net.onnx', { input: [1, 3, 8, 8], dynamicBatch: true, externalData: false });
await exportOnnx(net, 'net.onnx', { input: [1, 3, 8, 8] });
// @ts-expect-error: the shape of the input is missing
await exportOnnx(model, 'net.onnx', {});
// @ts-expect-error: no options
await exportOnnx(model, 'net.onnx');
// @ts-expect-error: not a module
await exportOnnx(x, 'net.onnx', { input: [1] });
// @ts-expect-error: a shape
await exportOnnx(model, 'net.onnx', { input: '1,3,8,8' });
