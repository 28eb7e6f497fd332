// The signature of every operation of a backend, and the only place where it is written down. The TypeScript types
// (operations.ts), the argument checks of the TypeScript backend (portable/checked.ts), the structs that the native
// binding reads (native/binding/generate-signatures.mjs) and the names in error messages are derived from it.
//
// An operation lists its arguments in the order of the call:
//
//   size n                       a whole number below 2^48
//   number epsilon               a number
//   boolean relu                 true or false
//   in x[n]                      a Float32Array of at least n values that is read;
//   out y[n], inout v[n]           that is written; that is read and written
//   in double mean[n]            a Float64Array
//   in? bias[n]                  null is allowed, too
//   in y[n] when relu            null and not read unless the boolean argument `relu`, which precedes it, is true
//   returns number               last: the result; undefined without it
//
// A length is a product of earlier sizes and integers. Outputs are overwritten; nothing is kept after the call.
//
// Plain JavaScript, because the package is also built from source where there is no TypeScript compiler.

const image = /** @type {const} */ (['size images', 'size channels', 'size plane']);
const group = /** @type {const} */ (['size images', 'size groups', 'size channels', 'size plane']);
const planes = /** @type {const} */ ([
  ...['size planes', 'size height', 'size width', 'size outHeight', 'size outWidth'],
  ...['size kernelHeight', 'size kernelWidth', 'size strideHeight', 'size strideWidth'],
  ...['size paddingTop', 'size paddingLeft'],
]);
const maxPlanes = /** @type {const} */ ([...planes, 'size dilationHeight', 'size dilationWidth']);
const avgPlanes = /** @type {const} */ ([
  ...planes,
  ...['size paddingBottom', 'size paddingRight', 'boolean countIncludePad'],
]);
const convolution = /** @type {const} */ ([
  ...['size images', 'size groups', 'size inChannels', 'size outChannels'],
  ...[
    'size height',
    'size width',
    'size outHeight',
    'size outWidth',
    'size kernelHeight',
    'size kernelWidth',
  ],
  ...['size strideHeight', 'size strideWidth', 'size dilationHeight', 'size dilationWidth'],
  ...['size paddingTop', 'size paddingLeft'],
]);

/** Signatures that several operations have. */
export const shared = /** @type {const} */ ({
  /** y = f(x); y may be x. */
  unary: ['size n', 'in x[n]', 'out y[n]'],
  /**
   * dx from dy and the value that the derivative is computed from, x or y; dx may be either. dyLength is n, or 1 if all
   * values of dy are equal.
   */
  unaryBackward: ['size n', 'size dyLength', 'in value[n]', 'in dy[dyLength]', 'out dx[n]'],
  /** out = a op b; b has the length of a, of one row of a, or 1. out may be a or b. */
  arithmetic: [
    ...['size rows', 'size columns', 'size rightLength'],
    ...['in a[rows*columns]', 'in b[rightLength]', 'out out[rows*columns]'],
  ],
  /** f of each row; y may be x. */
  rowwise: ['size rows', 'size columns', 'in x[rows*columns]', 'out y[rows*columns]'],
  /** dx of a row-wise function from its result y; dx may be y or dy. */
  rowwiseBackward: [
    ...['size rows', 'size columns'],
    ...['in y[rows*columns]', 'in dy[rows*columns]', 'out dx[rows*columns]'],
  ],
  /**
   * The sum of a loss over n pairs. Unless they are null, `losses` receives each loss and `gradient` its derivative
   * with respect to x, both times factor.
   */
  loss: [
    ...['size n', 'number parameter', 'number factor', 'in x[n]', 'in target[n]'],
    ...['out? losses[n]', 'out? gradient[n]'],
  ],
});

/** Exported because the declarations that TypeScript 6 writes for `signatures` refer to them. */
export const { unary, unaryBackward, arithmetic, rowwise, rowwiseBackward, loss } = shared;

export const signatures = /** @type {const} */ ({
  /**
   * y, mean, meanLow and invStd from x; updates runningMean and runningVar in place unless null. With `relu`,
   * y = max(0, normalized + residual), and factor and shift are inputs of batchNormBackward; y may be
   * residual.
   */
  batchNormTraining: [
    ...image,
    ...['number epsilon', 'number momentum', 'boolean relu'],
    ...['in x[images*channels*plane]', 'in scale[channels]', 'in bias[channels]'],
    ...['inout? runningMean[channels]', 'inout? runningVar[channels]'],
    'in? residual[images*channels*plane] when relu',
    ...[
      'out y[images*channels*plane]',
      'out mean[channels]',
      'out meanLow[channels]',
      'out invStd[channels]',
    ],
    ...['out factor[channels] when relu', 'out shift[channels] when relu'],
  ],
  /** y from x; with `relu`, y = max(0, normalized + residual). y may be x or residual. */
  batchNormInference: [
    ...image,
    ...['number epsilon', 'boolean relu'],
    ...['in x[images*channels*plane]', 'in scale[channels]', 'in bias[channels]'],
    ...['in runningMean[channels]', 'in runningVar[channels]'],
    'in? residual[images*channels*plane] when relu',
    'out y[images*channels*plane]',
  ],
  /**
   * dx, dscale and dbias; dx may be dy. With `relu`, y is the output of the ReLU and dy its gradient;
   * dresidual is null without a residual, and the sign of y may then be computed from factor and shift
   * instead.
   */
  batchNormBackward: [
    ...image,
    'boolean relu',
    ...['in x[images*channels*plane]', 'in dy[images*channels*plane]', 'in scale[channels]'],
    ...['in mean[channels]', 'in meanLow[channels]', 'in invStd[channels]'],
    ...[
      'in y[images*channels*plane] when relu',
      'in factor[channels] when relu',
      'in shift[channels] when relu',
    ],
    ...['out dx[images*channels*plane]', 'out? dresidual[images*channels*plane] when relu'],
    ...['out dscale[channels]', 'out dbias[channels]'],
  ],

  /**
   * The first step of batchNormTraining: the mean of each channel and the sum of squared deviations from it,
   * over images * plane values; zeros if there are none. In double precision, so that batches can be merged.
   */
  batchNormMoments: [
    ...image,
    'in x[images*channels*plane]',
    ...['out double mean[channels]', 'out double m2[channels]'],
  ],
  /**
   * The second step of batchNormTraining, with invStd = 1 / sqrt(m2 / count + epsilon); y has the same bits.
   * factor and shift are inputs of batchNormBackward with `relu`.
   */
  batchNormNormalize: [
    ...image,
    'boolean relu',
    ...['in x[images*channels*plane]', 'in double mean[channels]', 'in double invStd[channels]'],
    ...['in scale[channels]', 'in bias[channels]', 'in? residual[images*channels*plane] when relu'],
    ...['out y[images*channels*plane]', 'out? factor[channels] when relu', 'out? shift[channels] when relu'],
  ],
  /**
   * The first step of batchNormBackward: the sums of dy and of dy * (x - mean - meanLow) of each channel;
   * zeros if there are no values. dbias is the first sum, dscale the second times invStd.
   */
  batchNormGradientSums: [
    ...image,
    'boolean relu',
    ...[
      'in x[images*channels*plane]',
      'in dy[images*channels*plane]',
      'in mean[channels]',
      'in meanLow[channels]',
    ],
    ...[
      'in y[images*channels*plane] when relu',
      'in factor[channels] when relu',
      'in shift[channels] when relu',
    ],
    'out? dresidual[images*channels*plane] when relu',
    ...['out double sumDy[channels]', 'out double sumDyXmu[channels]'],
  ],
  /**
   * The second step of batchNormBackward: dx from sums over `count` values per channel. `count` exceeds the
   * number of values of x if other tensors were normalized together with x. With a residual, dy is its
   * gradient and `relu` is false.
   */
  batchNormInputGradient: [
    ...image,
    ...['number count', 'boolean relu'],
    ...['in x[images*channels*plane]', 'in dy[images*channels*plane]', 'in scale[channels]'],
    ...['in mean[channels]', 'in meanLow[channels]', 'in invStd[channels]'],
    ...[
      'in y[images*channels*plane] when relu',
      'in factor[channels] when relu',
      'in shift[channels] when relu',
    ],
    ...['in double sumDy[channels]', 'in double sumDyXmu[channels]'],
    'out dx[images*channels*plane]',
  ],

  /**
   * y = (x - mean) * invStd * scale + bias, where mean and invStd = 1 / sqrt(variance + epsilon) are those of a group: all
   * channels and elements of planes that have the same first two indices in x [images][groups][channels][plane]. Unless
   * `centered`, the mean is 0 and the variance the mean square. y may be x.
   */
  groupNorm: [
    ...group,
    ...['number epsilon', 'boolean centered', 'boolean affine'],
    ...['in x[images*groups*channels*plane]', 'in scale[groups*channels] when affine'],
    ...['in? bias[groups*channels] when affine', 'out y[images*groups*channels*plane]'],
    ...['out mean[images*groups]', 'out meanLow[images*groups]', 'out invStd[images*groups]'],
  ],
  /** dx, and the sums dscale and dbias unless they are null; dx may be dy. */
  groupNormBackward: [
    ...group,
    ...['boolean centered', 'boolean affine'],
    ...['in x[images*groups*channels*plane]', 'in dy[images*groups*channels*plane]'],
    'in scale[groups*channels] when affine',
    ...['in mean[images*groups]', 'in meanLow[images*groups]', 'in invStd[images*groups]'],
    'out dx[images*groups*channels*plane]',
    ...['out? dscale[groups*channels] when affine', 'out? dbias[groups*channels] when affine'],
  ],

  add: arithmetic,
  sub: arithmetic,
  mul: arithmetic,
  div: arithmetic,
  /** NaN if either is NaN. */
  maximum: arithmetic,
  minimum: arithmetic,
  /** 1 or 0. */
  less: arithmetic,
  lessEqual: arithmetic,
  greater: arithmetic,
  greaterEqual: arithmetic,
  equal: arithmetic,
  notEqual: arithmetic,
  /** out = condition ? a : b, for conditions other than 0; out may be any of them. */
  where: ['size n', 'in condition[n]', 'in a[n]', 'in b[n]', 'out out[n]'],

  /** y = the value in all places. */
  fill: ['size n', 'number value', 'out y[n]'],

  exp: unary,
  log: unary,
  sqrt: unary,
  square: unary,
  relu: unary,
  abs: unary,
  sigmoid: unary,
  tanh: unary,
  /** x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) */
  gelu: unary,
  silu: unary,

  /** dx = dy * y */
  expBackward: unaryBackward,
  /** dx = dy / x */
  logBackward: unaryBackward,
  /** dx = dy / y / 2 */
  sqrtBackward: unaryBackward,
  /** dx = 2 * dy * x */
  squareBackward: unaryBackward,
  /** dx = y > 0 ? dy : 0 */
  reluBackward: unaryBackward,
  /** dx from x. */
  absBackward: unaryBackward,
  geluBackward: unaryBackward,
  siluBackward: unaryBackward,
  /** dx from y. */
  sigmoidBackward: unaryBackward,
  tanhBackward: unaryBackward,

  /** y = x > 0 ? x : slope * x */
  leakyRelu: ['size n', 'number slope', 'in x[n]', 'out y[n]'],
  leakyReluBackward: [
    ...['size n', 'size dyLength', 'number slope'],
    ...['in x[n]', 'in dy[dyLength]', 'out dx[n]'],
  ],
  /**
   * y = x * scale, or 0 with probability p. Two 32-bit words of key decide for every place, identically on
   * every backend. y may be x.
   */
  dropout: [...['size n', 'size key0', 'size key1', 'number p', 'number scale'], ...['in x[n]', 'out y[n]']],

  sum: ['size n', 'in x[n]', 'returns number'],
  /** out[j] = sum over rows of x[row][j] */
  sumRows: ['size rows', 'size columns', 'in x[rows*columns]', 'out out[columns]'],
  /** Mean of each row. */
  rowMeans: ['size rows', 'size columns', 'in x[rows*columns]', 'out means[rows]'],
  rowMeansBackward: ['size rows', 'size columns', 'in dy[rows]', 'out dx[rows*columns]'],

  /** y = the sum of x[outer][length][inner] along the middle axis, divided by the divisor. */
  sumAxis: [
    ...['size outer', 'size length', 'size inner', 'number divisor'],
    ...['in x[outer*length*inner]', 'out y[outer*inner]'],
  ],
  /** y = the largest value of x[outer][length][inner] along the middle axis, or the smallest; NaN if one is NaN. */
  extremumAxis: [
    ...['size outer', 'size length', 'size inner', 'boolean minimum'],
    ...['in x[outer*length*inner]', 'out y[outer*inner]'],
  ],
  /** dx = dy divided equally among the values of x that equal y, 0 elsewhere; NaN where y is NaN. */
  extremumAxisBackward: [
    ...['size outer', 'size length', 'size inner', 'in x[outer*length*inner]', 'in y[outer*inner]'],
    ...['in dy[outer*inner]', 'out dx[outer*length*inner]'],
  ],
  /** y = the index along the middle axis of the first largest or smallest value, or of the first NaN. */
  extremumIndexAxis: [
    ...['size outer', 'size length', 'size inner', 'boolean minimum'],
    ...['in x[outer*length*inner]', 'out y[outer*inner]'],
  ],

  softmax: rowwise,
  softmaxBackward: rowwiseBackward,
  logSoftmax: rowwise,
  logSoftmaxBackward: rowwiseBackward,

  /** (x - target)^2; the parameter is not used. */
  squaredError: [...loss, 'returns number'],
  /** |x - target|; the parameter is not used. */
  absoluteError: [...loss, 'returns number'],
  /** Huber's loss; the parameter is delta. */
  huber: [...loss, 'returns number'],
  /** Binary cross entropy of sigmoid(x); the parameter is not used. */
  binaryCrossEntropy: [...loss, 'returns number'],
  /** Binary cross entropy whose term for the target 1 is multiplied by a weight. */
  weightedBinaryCrossEntropy: [
    ...['size n', 'number factor', 'in x[n]', 'in target[n]', 'in weight[n]'],
    ...['out? losses[n]', 'out? gradient[n]', 'returns number'],
  ],

  /**
   * Largest value of each window of each plane. Row t of window r is row r * strideHeight - paddingTop + t * dilationHeight of
   * the plane; rows and columns outside the plane do not count. Padding is less than the kernel, and every window
   * begins before the plane ends.
   */
  maxPool: [...maxPlanes, 'in x[planes*height*width]', 'out y[planes*outHeight*outWidth]'],
  maxPoolBackward: [
    ...maxPlanes,
    ...['in x[planes*height*width]', 'in y[planes*outHeight*outWidth]'],
    ...['in dy[planes*outHeight*outWidth]', 'out dx[planes*height*width]'],
  ],
  /**
   * Mean of each window. With `countIncludePad`, padding counts as zeros; positions beyond the padding at the bottom
   * and right never count.
   */
  avgPool: [...avgPlanes, 'in x[planes*height*width]', 'out y[planes*outHeight*outWidth]'],
  avgPoolBackward: [...avgPlanes, 'in dy[planes*outHeight*outWidth]', 'out dx[planes*height*width]'],

  /** c[rows][columns] = a[rows][depth] * b[depth][columns], either stored transposed. */
  matmul: [
    ...['size rows', 'size depth', 'size columns', 'boolean transposeA', 'boolean transposeB'],
    ...['in a[rows*depth]', 'in b[depth*columns]', 'out c[rows*columns]'],
  ],

  /**
   * Cross-correlation of x [images][groups][inChannels][height][width] with weight
   * [groups][outChannels][inChannels][kernelHeight][kernelWidth]. Row r of the output reads row r * strideHeight - paddingTop +
   * t * dilationHeight of x with row t of the kernel; rows and columns outside x are zeros. outHeight and outWidth follow from
   * the padding on the other sides, which no call needs to know.
   */
  conv2d: [
    ...convolution,
    'in x[images*groups*inChannels*height*width]',
    'in weight[groups*outChannels*inChannels*kernelHeight*kernelWidth]',
    'in? bias[groups*outChannels]',
    'out y[images*groups*outChannels*outHeight*outWidth]',
  ],
  /**
   * conv2d for inference, as compiled plans call it: `packed` has the weights that conv2dPack wrote for the same sizes, apart
   * from `images`, which does not matter to it. The residual is added to the result; with `relu`, negative results are 0. Bit for bit
   * the results of separate operations. y must not overlap the residual.
   */
  conv2dInference: [
    ...convolution,
    'boolean relu',
    'size packedLength',
    'in x[images*groups*inChannels*height*width]',
    'in packed[packedLength]',
    'in? bias[groups*outChannels]',
    'in? residual[images*groups*outChannels*outHeight*outWidth]',
    'out y[images*groups*outChannels*outHeight*outWidth]',
  ],
  /** The number of values that conv2dPack writes. */
  conv2dPackedLength: [...convolution, 'returns number'],
  /** Writes the weights in the order in which conv2dInference reads them, which the backend chooses. */
  conv2dPack: [
    ...convolution,
    'size packedLength',
    'in weight[groups*outChannels*inChannels*kernelHeight*kernelWidth]',
    'out packed[packedLength]',
  ],
  /** The gradient with respect to x, plus a bias for each channel of x, which a transposed convolution has. */
  conv2dInputGradient: [
    ...convolution,
    'in dy[images*groups*outChannels*outHeight*outWidth]',
    'in weight[groups*outChannels*inChannels*kernelHeight*kernelWidth]',
    'in? bias[groups*inChannels]',
    'out dx[images*groups*inChannels*height*width]',
  ],
  /** The same, without a bias and added to dx. */
  conv2dAddInputGradient: [
    ...convolution,
    'in dy[images*groups*outChannels*outHeight*outWidth]',
    'in weight[groups*outChannels*inChannels*kernelHeight*kernelWidth]',
    'inout dx[images*groups*inChannels*height*width]',
  ],
  /** The gradients with respect to the weights and the bias; null for one that is not needed. */
  conv2dWeightGradient: [
    ...convolution,
    'in x[images*groups*inChannels*height*width]',
    'in dy[images*groups*outChannels*outHeight*outWidth]',
    'out? dweight[groups*outChannels*inChannels*kernelHeight*kernelWidth]',
    'out? dbias[groups*outChannels]',
  ],

  /** One step in place; velocity null without momentum. */
  sgdStep: [
    ...[
      'size n',
      'number learningRate',
      'number l2',
      'number decoupled',
      'number momentum',
      'boolean nesterov',
    ],
    ...['inout parameter[n]', 'in gradient[n]', 'inout? velocity[n]'],
  ],
  /** One step in place; the corrections are 1 / (1 - beta^steps). maxMoment2 is null unless AMSGrad. */
  adamStep: [
    ...['size n', 'number learningRate', 'number beta1', 'number beta2', 'number correction1'],
    ...['number correction2', 'number epsilon', 'number l2', 'number decoupled'],
    ...['inout parameter[n]', 'in gradient[n]', 'inout moment1[n]', 'inout moment2[n]'],
    'inout? maxMoment2[n]',
  ],
  /** One step in place; velocity is null without momentum, meanGradient is null unless centered. */
  rmspropStep: [
    ...['size n', 'number learningRate', 'number alpha', 'number epsilon', 'number momentum'],
    ...['number l2', 'number decoupled', 'inout parameter[n]', 'in gradient[n]', 'inout meanSquare[n]'],
    ...['inout? velocity[n]', 'inout? meanGradient[n]'],
  ],

  /**
   * y[i0, ..., i4] = x[i0, ..., i4], where an element is at the sum of its indices times the strides. The rest of y
   * keeps its values. x and y do not overlap, and no two elements of y coincide. A stride of 0 repeats elements of x.
   */
  stridedCopy: [
    ...['size size0', 'size size1', 'size size2', 'size size3', 'size size4'],
    ...['size xStride0', 'size xStride1', 'size xStride2', 'size xStride3', 'size xStride4'],
    ...['size yStride0', 'size yStride1', 'size yStride2', 'size yStride3', 'size yStride4'],
    ...['size xLength', 'size yLength', 'in x[xLength]', 'inout y[yLength]'],
  ],

  /** y = x by the system's memory copy on all threads; benchmarks compare kernels with it. */
  copy: unary,
  /**
   * Whether two arrays in SharedArrayBuffers have a byte in common; different buffer objects may be the same
   * memory.
   */
  overlap: ['size aLength', 'in a[aLength]', 'size bLength', 'in b[bLength]', 'returns boolean'],
  /** Number of bytes from the beginning of an array to the next cache line. */
  bytesToCacheLine: ['in buffer[0]', 'returns number'],
  /** Asks the system for huge pages under memory that was never written. */
  adviseHugePages: ['size n', 'inout buffer[n]'],
  /** Whether `bytes` could be allocated now with `left` remaining; true if unknown. */
  hasRoom: ['size bytes', 'size left', 'returns boolean'],
  /** Sets how many threads a large operation may use, from 1 to `maxThreads`. */
  setThreads: ['size count'],
});

/** The calls that compute nothing. */
export const systemCalls = /** @type {const} */ ([
  'overlap',
  'bytesToCacheLine',
  'adviseHugePages',
  'hasRoom',
  'setThreads',
]);
