import type { Kernels } from '../kernel.js';
import { batchNormKernels } from './batch-norm.js';
import { binaryKernels } from './binary.js';
import { comparisonKernels } from './comparisons.js';
import { convolutionKernels } from './convolution.js';
import { copyKernels } from './copies.js';
import { matmulKernels } from './matmul.js';
import { poolingKernels } from './pooling.js';
import { reductionKernels } from './reductions.js';
import { resizeKernels } from './resize.js';
import { unaryKernels } from './unary.js';

/** Our kernels by the names of those that they replace. */
export const kernels: Kernels = {
  ...batchNormKernels,
  ...binaryKernels,
  ...comparisonKernels,
  ...convolutionKernels,
  ...copyKernels,
  ...matmulKernels,
  ...poolingKernels,
  ...reductionKernels,
  ...resizeKernels,
  ...unaryKernels,
};
