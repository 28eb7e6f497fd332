/** What every backend can do, as functions that need no `this`. All arrays are contiguous and at least as long as the sizes say; the
 * caller has checked that. Outputs are overwritten; nothing is kept after the call. */
export interface Backend {
  readonly info: BackendInfo;

  /** y, mean, meanLow and invStd from x; moves runningMean and runningVar in place unless null. */
  batchNormTraining: (
    images: number,
    channels: number,
    plane: number,
    epsilon: number,
    momentum: number,
    x: Float32Array,
    scale: Float32Array,
    bias: Float32Array,
    runningMean: Float32Array | null,
    runningVar: Float32Array | null,
    y: Float32Array,
    mean: Float32Array,
    meanLow: Float32Array,
    invStd: Float32Array,
  ) => void;
  /** y from x; y may be x. */
  batchNormInference: (
    images: number,
    channels: number,
    plane: number,
    epsilon: number,
    x: Float32Array,
    scale: Float32Array,
    bias: Float32Array,
    runningMean: Float32Array,
    runningVar: Float32Array,
    y: Float32Array,
  ) => void;
  /** dx, dscale and dbias; dx may be dy. */
  batchNormBackward: (
    images: number,
    channels: number,
    plane: number,
    x: Float32Array,
    dy: Float32Array,
    scale: Float32Array,
    mean: Float32Array,
    meanLow: Float32Array,
    invStd: Float32Array,
    dx: Float32Array,
    dscale: Float32Array,
    dbias: Float32Array,
  ) => void;

  /** As batchNormTraining, and behind it y = max(0, y + addend); addend null for none. factor and shift
   * are for batchNormReluBackward. */
  batchNormReluTraining: (
    images: number,
    channels: number,
    plane: number,
    epsilon: number,
    momentum: number,
    x: Float32Array,
    scale: Float32Array,
    bias: Float32Array,
    runningMean: Float32Array,
    runningVar: Float32Array,
    addend: Float32Array | null,
    y: Float32Array,
    mean: Float32Array,
    meanLow: Float32Array,
    invStd: Float32Array,
    factor: Float32Array,
    shift: Float32Array,
  ) => void;
  /** As batchNormInference, and behind it y = max(0, y + addend); addend null for none, y may be x. */
  batchNormReluInference: (
    images: number,
    channels: number,
    plane: number,
    epsilon: number,
    x: Float32Array,
    scale: Float32Array,
    bias: Float32Array,
    runningMean: Float32Array,
    runningVar: Float32Array,
    addend: Float32Array | null,
    y: Float32Array,
  ) => void;
  /** dx, daddend (null without an addend), dscale and dbias, dy being the gradient of what ReLU gave, y.
   * Without an addend a backend may find the sign of y from factor and shift, and dx may be dy. */
  batchNormReluBackward: (
    images: number,
    channels: number,
    plane: number,
    x: Float32Array,
    y: Float32Array,
    dy: Float32Array,
    scale: Float32Array,
    mean: Float32Array,
    meanLow: Float32Array,
    invStd: Float32Array,
    factor: Float32Array,
    shift: Float32Array,
    dx: Float32Array,
    daddend: Float32Array | null,
    dscale: Float32Array,
    dbias: Float32Array,
  ) => void;

  add: Arithmetic;
  sub: Arithmetic;
  mul: Arithmetic;
  div: Arithmetic;

  exp: Unary;
  log: Unary;
  sqrt: Unary;
  square: Unary;
  relu: Unary;
  /** dx = y > 0 ? dy : 0 */
  reluBackward: UnaryBackward;

  abs: Unary;
  sigmoid: Unary;
  tanh: Unary;
  /** x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) */
  gelu: Unary;
  /** dx from x. */
  absBackward: UnaryBackward;
  geluBackward: UnaryBackward;
  /** dx from y. */
  sigmoidBackward: UnaryBackward;
  tanhBackward: UnaryBackward;
  /** y = x > 0 ? x : slope * x */
  leakyRelu: (n: number, slope: number, x: Float32Array, y: Float32Array) => void;
  leakyReluBackward: (n: number, slope: number, x: Float32Array, dy: Float32Array, dx: Float32Array) => void;
  /** y = x * scale, or 0 with probability p, which two words of 32 bits decide for every place; the same
   * on every backend. y may be x. */
  dropout: (
    n: number,
    key0: number,
    key1: number,
    p: number,
    scale: number,
    x: Float32Array,
    y: Float32Array,
  ) => void;

  sum: (n: number, x: Float32Array) => number;
  /** out[j] = sum over rows of x[row][j] */
  sumRows: (rows: number, columns: number, x: Float32Array, out: Float32Array) => void;
  /** Logarithm of the softmax of each row. */
  logSoftmax: (rows: number, columns: number, x: Float32Array, y: Float32Array) => void;
  logSoftmaxBackward: (
    rows: number,
    columns: number,
    y: Float32Array,
    dy: Float32Array,
    dx: Float32Array,
  ) => void;
  /** Softmax of each row. */
  softmax: (rows: number, columns: number, x: Float32Array, y: Float32Array) => void;
  softmaxBackward: (
    rows: number,
    columns: number,
    y: Float32Array,
    dy: Float32Array,
    dx: Float32Array,
  ) => void;
  /** Mean of each row. */
  rowMeans: (rows: number, columns: number, x: Float32Array, means: Float32Array) => void;
  rowMeansBackward: (rows: number, columns: number, dy: Float32Array, dx: Float32Array) => void;

  /** (x - target)^2; the parameter is not used. */
  squaredError: Loss;
  /** |x - target|; the parameter is not used. */
  absoluteError: Loss;
  /** Huber's loss; the parameter is delta. */
  huber: Loss;
  /** Of sigmoid(x); the parameter is not used. */
  binaryCrossEntropy: Loss;

  /** Largest value of each window of each plane. */
  maxPool: Pool;
  maxPoolBackward: (
    planes: number,
    height: number,
    width: number,
    kernel: number,
    stride: number,
    padding: number,
    x: Float32Array,
    y: Float32Array,
    dy: Float32Array,
    dx: Float32Array,
  ) => void;
  /** Sum of each window divided by kernel^2. */
  avgPool: Pool;
  avgPoolBackward: (
    planes: number,
    height: number,
    width: number,
    kernel: number,
    stride: number,
    padding: number,
    dy: Float32Array,
    dx: Float32Array,
  ) => void;

  /** c[rows][columns] = a[rows][depth] * b[depth][columns], either stored transposed. */
  matmul: (
    rows: number,
    depth: number,
    columns: number,
    transposeA: boolean,
    transposeB: boolean,
    a: Float32Array,
    b: Float32Array,
    c: Float32Array,
  ) => void;

  /** y from x [images][inChannels][height][width] and weight [outChannels][inChannels][kernel][kernel]; bias null
   * for none. */
  conv2d: (
    images: number,
    inChannels: number,
    height: number,
    width: number,
    outChannels: number,
    kernel: number,
    stride: number,
    padding: number,
    x: Float32Array,
    weight: Float32Array,
    bias: Float32Array | null,
    y: Float32Array,
  ) => void;
  conv2dInputGradient: (
    images: number,
    inChannels: number,
    height: number,
    width: number,
    outChannels: number,
    kernel: number,
    stride: number,
    padding: number,
    dy: Float32Array,
    weight: Float32Array,
    dx: Float32Array,
  ) => void;
  /** dbias null where it is not wanted. */
  conv2dWeightGradient: (
    images: number,
    inChannels: number,
    height: number,
    width: number,
    outChannels: number,
    kernel: number,
    stride: number,
    padding: number,
    x: Float32Array,
    dy: Float32Array,
    dweight: Float32Array,
    dbias: Float32Array | null,
  ) => void;

  /** One step in place; velocity null without momentum. */
  sgdStep: (
    n: number,
    learningRate: number,
    l2: number,
    decoupled: number,
    momentum: number,
    nesterov: boolean,
    parameter: Float32Array,
    gradient: Float32Array,
    velocity: Float32Array | null,
  ) => void;
  /** One step in place; the corrections are 1 / (1 - beta^steps). */
  adamStep: (
    n: number,
    learningRate: number,
    beta1: number,
    beta2: number,
    correction1: number,
    correction2: number,
    epsilon: number,
    l2: number,
    decoupled: number,
    parameter: Float32Array,
    gradient: Float32Array,
    moment1: Float32Array,
    moment2: Float32Array,
  ) => void;
  /** One step in place; velocity null without momentum, meanGradient null where not centered. */
  rmspropStep: (
    n: number,
    learningRate: number,
    alpha: number,
    epsilon: number,
    momentum: number,
    l2: number,
    decoupled: number,
    parameter: Float32Array,
    gradient: Float32Array,
    meanSquare: Float32Array,
    velocity: Float32Array | null,
    meanGradient: Float32Array | null,
  ) => void;

  /** How many threads a large operation may use, from 1 to `mostThreads`. */
  setThreads: (count: number) => void;

  /** y = x by the system's memory copy on all threads: what the kernels are measured against. */
  copy: Unary;

  /** Whether two arrays in SharedArrayBuffers have a byte in common; two such objects may be one memory. */
  overlap: (aLength: number, a: Float32Array, bLength: number, b: Float32Array) => boolean;

  /** From the beginning of an array to the next cache line. */
  bytesToCacheLine: (buffer: Float32Array) => number;
  /** Asks the system for huge pages under memory that was never written. */
  adviseHugePages: (n: number, buffer: Float32Array) => void;
  /** Whether so many bytes could be allocated now, leaving so many; true where that cannot be known. */
  hasRoom: (bytes: number, left: number) => boolean;
  /** Frees what nobody refers to any more, memory of array buffers included. */
  collectGarbage: () => void;
  /** What the kernels cut their work by; undefined where nothing is cut. */
  cacheSizes: () => CacheSizes | undefined;
}

/** Bytes of a core's first two levels, and of the last level. */
export interface CacheSizes {
  readonly l1: number;
  readonly l2: number;
  readonly last: number;
}

/** out = a op b; b has the length of a, of one row of a, or 1. out may be a or b. */
export type Arithmetic = (
  rows: number,
  columns: number,
  rightLength: number,
  a: Float32Array,
  b: Float32Array,
  out: Float32Array,
) => void;

/** y = f(x); y may be x. */
export type Unary = (n: number, x: Float32Array, y: Float32Array) => void;

/** dx from dy and the value that the derivative is computed from, x or y; dx may be either. */
export type UnaryBackward = (n: number, value: Float32Array, dy: Float32Array, dx: Float32Array) => void;

/** The sum of a loss over n pairs; gradient, unless null, becomes its derivative by x times the factor. */
export type Loss = (
  n: number,
  parameter: number,
  factor: number,
  x: Float32Array,
  target: Float32Array,
  gradient: Float32Array | null,
) => number;

/** Windows of kernel x kernel values, `stride` apart, over planes with `padding` around them, which is
 * less than the kernel; the result has (size + 2 * padding - kernel) / stride + 1 rows and columns, rounded
 * down. */
export type Pool = (
  planes: number,
  height: number,
  width: number,
  kernel: number,
  stride: number,
  padding: number,
  x: Float32Array,
  y: Float32Array,
) => void;

/** More than this many are never used. */
export const mostThreads = 256;

/** What the package computes with. */
export interface BackendInfo {
  /** C++ kernels, or their TypeScript counterparts. */
  readonly name: 'native' | 'portable';
  /** Instruction set of the kernels. */
  readonly isa: 'avx512' | 'avx2' | 'neon' | 'scalar' | 'js';
  /** Threads that a large operation may use, the caller's included; `setNumThreads` changes it. */
  readonly threads: number;
  /** Why it is not the native backend, where it is not and nobody asked for the portable one. */
  readonly reason?: string;
}
