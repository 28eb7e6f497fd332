// Reads the reference numbers beside this file's source; README.md there describes them.
import { readFileSync } from 'node:fs';
import { packagePath } from '../../support/package-path.js';

export type NestedNumbers = readonly (number | NestedNumbers)[];

/** A value of any shape, flat and row-major. */
export interface ReferenceTensor {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

/** `pytorch/batch_norm.jsonl` */
export interface BatchNormCase {
  readonly name: string;
  readonly shape: readonly number[];
  /** Present unless the channels are the third axis from the end, as of images. */
  readonly channel_axis?: number;
  readonly channels_last?: boolean;
  readonly epsilon: number;
  readonly momentum: number | 'cumulative';
  /** Absent in a layer without scale and bias, as are their gradients. */
  readonly scale?: readonly number[];
  readonly bias?: readonly number[];
  /** Before the first step. */
  readonly running_mean: readonly number[];
  readonly running_var: readonly number[];
  readonly steps: readonly BatchNormStep[];
  /** Inference of the last step's x with that step's statistics, rounded to float32. */
  readonly y_infer: readonly number[];
}

export interface BatchNormStep {
  readonly x: readonly number[];
  readonly dy: readonly number[];
  readonly y: readonly number[];
  readonly dx: readonly number[];
  readonly dscale?: readonly number[];
  readonly dbias?: readonly number[];
  /** After the step. */
  readonly running_mean: readonly number[];
  readonly running_var: readonly number[];
}

/** `pytorch/layers.jsonl` */
export interface LayerCase extends OpRecord {
  readonly op:
    | ('max_pool' | 'avg_pool' | 'avg_pool_global')
    | ('sigmoid' | 'tanh' | 'gelu' | 'silu' | 'abs' | 'sin' | 'cos' | 'softmax')
    /** Slope 0.25. */
    | 'leaky_relu'
    | ('mse' | 'mae' | 'rmse' | 'binary_cross_entropy' | 'kl_div')
    /** Delta, and beta, 0.75. */
    | ('huber' | 'smooth_l1');
  /** Of pooling. */
  readonly kernel?: number;
  readonly stride?: number;
  readonly padding?: number;
  /** Of losses. */
  readonly targets?: readonly number[];
}

/** `pytorch/losses.jsonl` */
export interface LossCase extends OpRecord {
  readonly op:
    | ('cross_entropy' | 'kl_div' | 'binary_cross_entropy')
    /** Delta, and beta, 0.75. */
    | ('mse' | 'mae' | 'huber' | 'smooth_l1');
  readonly options: Readonly<Record<string, unknown>> & { readonly reduction: 'mean' | 'sum' | 'none' };
  /** Flat class indices. */
  readonly classes?: readonly number[];
  /** In the shape of the predictions. */
  readonly targets?: readonly number[];
  /** `posWeight` of binary cross entropy. */
  readonly weights?: ReferenceTensor;
}

/** `pytorch/norms.jsonl` */
export interface NormCase extends OpRecord {
  readonly op: 'group_norm' | 'instance_norm' | 'layer_norm' | 'rms_norm';
  /** x and, with parameters, weight and, except for RMS norm, bias */
  readonly inputs: readonly ReferenceTensor[];
  readonly epsilon: number;
  /** Of group norm. */
  readonly groups?: number;
  readonly output_padding?: PairOfNumbers;
  /** Of layer norm and RMS norm: the number of last axes. */
  readonly axes?: number;
}

/** `pytorch/pools.jsonl`; pairs are those of images. */
export interface PoolCase extends OpRecord {
  readonly op: 'max_pool' | 'avg_pool' | 'adaptive_avg_pool';
  readonly kernel?: number | readonly [number, number];
  readonly stride?: number | readonly [number, number];
  readonly padding?: number | readonly [number, number];
  readonly dilation?: number | readonly [number, number];
  readonly ceil_mode?: boolean;
  readonly count_include_pad?: boolean;
  /** Of the result of adaptive pooling. */
  readonly length?: number;
}

/** `pytorch/ops.jsonl` */
export type OpCase = PlainOpCase | AxesCase | SliceCase | JoinCase | SelectionCase | ReductionCase | IndexCase | IndicesCase | ProbabilitiesCase;

interface OpRecord {
  readonly inputs: readonly ReferenceTensor[];
  /** Gradient of the output, in the same shape. */
  readonly dy: readonly number[];
  readonly y: ReferenceTensor;
  /** One for each input, in its shape. */
  readonly gradients: readonly (readonly number[])[];
  /** Every sum is exact in float32. */
  readonly exact?: true;
  /** Operands of arithmetic other than one and its rows. */
  readonly broadcast?: true;
}

export interface PlainOpCase extends OpRecord {
  readonly op:
    | 'add'
    | 'sub'
    | 'mul'
    | 'div'
    | 'exp'
    | 'log'
    | 'sqrt'
    | 'square'
    | 'relu'
    | 'sum'
    | 'mean'
    | 'max'
    | 'min'
    | 'matmul'
    /** x, weight [O, I], bias [O] */
    | 'linear'
    /** To `sizes`, or to the shape of y. */
    | 'reshape'
    /** Over the last axis. */
    | 'log_softmax';
  readonly sizes?: readonly number[];
}

export interface AxesCase extends OpRecord {
  readonly op: 'permute' | 'transpose';
  /** The order of the axes, or the two that change places. */
  readonly axes: readonly number[];
}

export interface SliceCase extends OpRecord {
  readonly op: 'slice';
  readonly options: {
    readonly axis: number;
    readonly start: number;
    readonly end: number;
    readonly step: number;
  };
}

export type SelectionCase =
  | (OpRecord & { readonly op: 'maximum' | 'minimum' })
  | (OpRecord & { readonly op: 'clamp'; readonly options: { readonly min?: number; readonly max?: number } })
  | (OpRecord & { readonly op: 'pow'; readonly exponent: number })
  | (OpRecord & {
      readonly op: 'avg_pool_of_pixels';
      readonly kernel: number;
      readonly stride: number;
      readonly padding: number;
    })
  | (OpRecord & { readonly op: 'adaptive_avg_pool'; readonly sizes: readonly [number, number] })
  | (OpRecord & { readonly op: 'where'; readonly condition: ReferenceTensor });

export interface JoinCase extends OpRecord {
  readonly op: 'concat' | 'stack';
  readonly axis: number;
}

export interface ReductionCase extends OpRecord {
  /** `sum_axes` and `mean_axes` of positive values. */
  readonly op: 'sum_axes' | 'mean_axes' | 'amax' | 'amin';
  readonly axes: readonly number[];
  readonly keep_dims: boolean;
}

/** Without gradients. */
export interface IndexCase extends OpRecord {
  readonly op: 'argmax' | 'argmin';
  /** All values are searched without it. */
  readonly axis?: number;
  readonly keep_dims?: boolean;
}

/** `pytorch/convolution.jsonl` */
/** For both axes of an image, or for its rows and its columns. */
export type PairOfNumbers = number | readonly [rows: number, columns: number];

export interface ConvolutionCase extends OpRecord {
  readonly op: 'conv1d' | 'conv2d' | 'conv_transpose1d' | 'conv_transpose2d';
  /** x, weight [O, I / groups, K, L] or [O, I / groups, K], and optionally bias [O]; transposed [I, O / groups, ...] */
  readonly inputs: readonly ReferenceTensor[];
  readonly stride?: PairOfNumbers;
  readonly padding?: PairOfNumbers | 'same';
  readonly dilation?: PairOfNumbers;
  readonly groups?: number;
  readonly output_padding?: PairOfNumbers;
}

/** The mean over the rows. */
export interface IndicesCase extends OpRecord {
  readonly op: 'cross_entropy_indices';
  readonly classes: readonly number[];
}

export interface ProbabilitiesCase extends OpRecord {
  readonly op: 'cross_entropy_probabilities';
  /** In the shape of the logits. */
  readonly probabilities: readonly number[];
}

/** `pytorch/schedules.jsonl` */
export interface ScheduleCase {
  readonly schedule: string;
  readonly lr: number;
  readonly steps: number;
  /** Of each step. */
  readonly rates: readonly number[];
}

/** `pytorch/training.jsonl` */
export interface TrainingCase {
  readonly optimizer: OptimizerSettings;
  /** The options of `stepSchedule`, besides `lr`. */
  readonly schedule?: { readonly every: number; readonly factor: number };
  /** Samples per step, taken in order and cyclically. */
  readonly batch: number;
  readonly x: ReferenceTensor;
  readonly classes: readonly number[];
  /** By names such as `linear1.weight`; other tensors keep their defaults. */
  readonly initial: NamedValues;
  /** Before each step. */
  readonly losses: readonly number[];
  readonly losses_float32: readonly number[];
  readonly final: NamedValues;
  readonly final_float32: NamedValues;
  /** Inference of all samples after the last step. */
  readonly logits: readonly number[];
  readonly logits_float32: readonly number[];
  /** The averages of the weights after each step; the decay of `ema` is 0.9. */
  readonly averages?: Readonly<Record<'mean' | 'ema', NamedValues>>;
}

export interface OptimizerSettings {
  readonly name: 'sgd' | 'adam';
  readonly lr: number;
  readonly momentum?: number;
  readonly weightDecay?: number | { readonly decoupled: number };
  readonly amsgrad?: boolean;
  /** A pattern is the source of a regular expression. */
  readonly groups?: readonly {
    readonly match?: string;
    readonly pattern?: string;
    readonly lr?: number;
    readonly weightDecay?: number;
    readonly freeze?: boolean;
  }[];
}

/** `onnx/batch_normalization.jsonl` */
export interface OnnxCase {
  readonly name: string;
  readonly epsilon: number;
  /** Weight of the old value. */
  readonly momentum: number;
  readonly training: boolean;
  /** x, scale, bias, mean, variance */
  readonly inputs: readonly ReferenceTensor[];
  /** y, and in training the mean and the variance after it */
  readonly outputs: readonly ReferenceTensor[];
}

/** `numpy/printing.jsonl` */
export interface PrintingCase {
  readonly shape: readonly number[];
  /** Flat, with NaN and infinities as strings. */
  readonly values?: readonly (number | string)[];
  /** [a, m, d, s]: value i is ((a * i) mod m) / d - s. */
  readonly recipe?: readonly [number, number, number, number];
  /** The output of array2string with commas. */
  readonly text: string;
}

export type NamedValues = Readonly<Record<string, readonly number[]>>;

/** `dfdx/dfdx.jsonl` */
export type DfdxCase = DfdxBatchNorm | DfdxOptimizer | DfdxArchive;

export interface DfdxBatchNorm {
  readonly kind: 'bn3d' | 'bn4d';
  readonly epsilon: number;
  readonly momentum: number;
  readonly scale: readonly number[];
  readonly bias: readonly number[];
  /** The same in every step. */
  readonly x: NestedNumbers;
  readonly steps: readonly DfdxStep[];
  readonly x_infer: NestedNumbers;
  readonly y_infer: NestedNumbers;
}

export interface DfdxStep {
  readonly y: NestedNumbers;
  /** Gradients of mean(exp(y)). */
  readonly dx: NestedNumbers;
  readonly dscale: readonly number[];
  readonly dbias: readonly number[];
  /** After the step. */
  readonly running_mean: readonly number[];
  readonly running_var: readonly number[];
}

export interface DfdxOptimizer {
  readonly kind: 'optimizer';
  /** Such as `Sgd lr 0.1 momentum 0.9`. */
  readonly name: string;
  /** The same in every step. */
  readonly x: NestedNumbers;
  /** After each step. */
  readonly steps: readonly { readonly scale: readonly number[]; readonly bias: readonly number[] }[];
}

/** `dfdx/losses.jsonl` */
export interface DfdxLoss {
  readonly kind: 'loss';
  readonly name:
    | ('mse' | 'mae' | 'huber' | 'smooth_l1')
    | ('cross_entropy' | 'kl_div' | 'binary_cross_entropy');
  readonly shape: readonly number[];
  readonly x: readonly number[];
  readonly targets: readonly number[];
  /** Of `huber` and `smooth_l1`. */
  readonly delta?: number;
  readonly loss: number;
  /** Gradient with respect to `x`. */
  readonly dx: readonly number[];
}

/** The content of a file beside `dfdx.jsonl`. */
export interface DfdxArchive {
  readonly kind: 'npz';
  readonly file: string;
  readonly [entry: string]: unknown;
}


/** `random/random.jsonl` */
export interface RandomCase {
  readonly seed: number;
  readonly first: readonly number[];
  /** Number of numbers between `first` and `then`. */
  readonly skipped: number;
  readonly then: readonly number[];
}

/** The path of a file in the reference folder, such as `dfdx/batchnorm2d.npz`. */
export function referencePath(file: string): string {
  return packagePath('test/conformance/reference', file);
}

/** All records of a JSON Lines file, such as `pytorch/ops.jsonl`. */
export function readCases<Case>(file: string): Case[] {
  const lines = readFileSync(referencePath(file), 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Case);
}
