// A compiled plan of the network in an ONNX file: node plan.mjs FILE
import { compile, setNumThreads, Tensor } from '../../dist/index.js';
import { importOnnx } from '../../dist/onnx.js';
import { imageValues } from '../resnet/image-values.mjs';
import { serve } from './serve.mjs';

const net = await importOnnx(process.argv[2]);

await serve(({ images, channels, rows, columns }, threads) => {
  setNumThreads(threads);
  const shape = [images, channels, rows, columns];
  const plan = compile(net, shape, { batchSizes: [images] });
  const x = Tensor.from(imageValues(shape), shape);
  return { inference: () => plan.runSync(x).dispose() };
});
