import { batchNormBackward, batchNormInference, batchNormTraining } from 'batchnorm/raw';

const x = new Float32Array(24);
const c = new Float32Array(3);
const saved = batchNormTraining({ shape: [2, 3, 2, 2], x, scale: c, bias: c });
batchNormBackward({ shape: [2, 3, 2, 2], x, dy: x, scale: c, ...saved });
const y: Float32Array = batchNormInference(
  { shape: [6, 2, 2], x, scale: c, bias: c, runningMean: c, runningVar: c },
  x,
);

// @ts-expect-error: rank 2
batchNormTraining({ shape: [2, 12], x, scale: c, bias: c });
// @ts-expect-error: doubles
batchNormTraining({ shape: [2, 3, 2, 2], x: new Float64Array(24), scale: c, bias: c });
// @ts-expect-error: an incomplete out
batchNormTraining({ shape: [2, 3, 2, 2], x, scale: c, bias: c }, { y: x });
export { y };
