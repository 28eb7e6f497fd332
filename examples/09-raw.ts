// Raw kernels work on your own buffers. With `out`, they allocate and copy nothing.
import { batchNormBackward, batchNormInference, batchNormTraining } from 'batchnorm/raw';

const shape = [2, 3, 4, 4] as const;
const x = Float32Array.from({ length: 96 }, (_, i) => Math.sin(i));
const scale = new Float32Array(3).fill(1);
const bias = new Float32Array(3);
const runningMean = new Float32Array(3);
const runningVar = new Float32Array(3).fill(1);

const saved = batchNormTraining({ x, shape, scale, bias, runningMean, runningVar });
console.log(saved.y.length, saved.mean.length); // 96 3

const dy = new Float32Array(96).fill(1);
const { dx, dbias } = batchNormBackward({ ...saved, x, dy, shape, scale });
console.log(dx.length, dbias[0]); // 96 32

// In place: the output, the second argument, is x itself.
const y = batchNormInference({ x, shape, scale, bias, runningMean, runningVar }, x);
console.log(y === x); // true
