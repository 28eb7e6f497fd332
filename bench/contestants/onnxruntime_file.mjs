// The network in an ONNX file in onnxruntime-node: node onnxruntime_file.mjs FILE
import { createRequire } from 'node:module';
import { imageValues } from '../resnet/image-values.mjs';
import { serve } from './serve.mjs';

const { InferenceSession, Tensor } = createRequire(import.meta.url)('onnxruntime-node');

await serve(async ({ images, channels, rows, columns }, threads) => {
  const shape = [images, channels, rows, columns];
  const session = await InferenceSession.create(process.argv[2], {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
  });
  const feeds = { input: new Tensor('float32', imageValues(shape), shape) };
  return { inference: () => session.run(feeds) };
});
