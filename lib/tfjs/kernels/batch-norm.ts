import { elementCount } from '../../core/shape.js';
import { storagePool } from '../../core/storage-pool.js';
import { isFloats, type Kernels } from '../kernel.js';
import { storedImage } from '../views.js';
import { constantArray, normalizeChannels } from './channels.js';

export const batchNormKernels: Kernels = {
  FusedBatchNorm: (call) => {
    const { backend, inputs, attrs } = call;
    const { x, mean, variance, offset, scale } = inputs;
    const { varianceEpsilon: epsilon = 0.001 } = attrs;
    if (!isFloats(x) || !isFloats(mean) || !isFloats(variance) || typeof epsilon !== 'number')
      return undefined;
    const channels = x.shape.at(-1);
    const present = [mean, variance, offset, scale].filter((each) => each !== undefined && each !== null);
    const isPerChannel = present.every(
      (each) =>
        isFloats(each) && elementCount(each.shape) === channels && each.shape.length === mean.shape.length,
    );
    if (channels === undefined || !isPerChannel) return undefined;
    const data = backend.dataOf(x);
    const stored = storedImage(call, x);
    const values = stored === undefined ? data.floats() : data.planes(stored);
    // Row-major values are planes of one pixel.
    const image = stored ?? { images: values.length / channels, height: 1, width: 1, channels };
    const y = storagePool.take(values.length);
    normalizeChannels(image, values, y, {
      mean: backend.dataOf(mean).floats(),
      variance: backend.dataOf(variance).floats(),
      scale: scale ? backend.dataOf(scale).floats() : constantArray(1, channels),
      bias: offset ? backend.dataOf(offset).floats() : constantArray(0, channels),
      epsilon,
    });
    return backend.output(x.shape, y, stored);
  },
};
