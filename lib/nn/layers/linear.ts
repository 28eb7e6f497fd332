import { orDefault, requireBoolean, requireOptions, wrongShape } from '../../validation/errors.js';
import { JsonReader } from '../../json/json-reader.js';
import { add } from '../../ops/arithmetic.js';
import { matmul } from '../../ops/matmul.js';
import { requireTensor } from '../../ops/operand.js';
import type { Shape, Unless } from '../../core/shape.js';
import { formatShape } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import {
  isTaped,
  type RandomSource,
  type ShapeOf,
  storageOf,
  Tensor,
  type Tensor1D,
  type Tensor2D,
} from '../../core/tensor.js';
import { requireRandomSource } from '../../core/random-source.js';
import { drawParameters } from './draw-parameters.js';
import { requireSize } from '../../core/values.js';
import type { RowsProblem } from '../input.js';
import { describeLayer, type LayerDescription } from '../layer-description.js';
import { BaseModule } from '../base-module.js';
import { notePasses } from '../compose/fusion.js';
import { readTensors } from '../read-tensors.js';
import type { shapeRule, ShapeRule } from '../shape-rule.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';

/** Settings of a new `Linear`. */
export interface LinearOptions<B extends boolean = boolean> {
  /** Whether to add a bias. Default true. */
  readonly bias?: B;
  /** Generator of the initial weights. Default `Math.random`. */
  readonly rng?: RandomSource;
}

type Output<X, O extends number> = X extends Tensor<infer S, infer T> ? Tensor<readonly [S[0], O], T> : never;

/** The type of a bias: undefined in a layer without one. */
type Bias<O extends number, B extends boolean> = B extends true ? Tensor1D<O> : undefined;

/** The same number of rows with O columns. */
type RowsOf<S, O extends number> = S extends readonly [infer N extends number, ...Shape]
  ? readonly [N, O]
  : readonly [number, O];

/** Turns rows of I columns into rows of O columns. */
interface LinearRule<I extends number, O extends number> extends ShapeRule {
  readonly accepts: readonly [number, I];
  readonly output: RowsOf<this['input'], O>;
  readonly problem: RowsProblem<this['input'], I>;
}

/** y = x W^T + b, as dfdx 0.10's `Linear<I, O>`. */
export class Linear<I extends number, O extends number, B extends boolean = true> extends BaseModule {
  /** @internal */
  static readonly type = 'Linear';

  static {
    guardMethods(this);
    notePasses(this.prototype);
  }

  /** Weights, [O, I]; initially uniform in ±1/sqrt(I). */
  readonly weight: Tensor2D<O, I>;
  /** Bias, [O]; initially from the same distribution. Undefined in a layer without bias. */
  readonly bias: Bias<O, B>;
  /** Exists only for the compiler. */
  declare readonly [shapeRule]: LinearRule<I, O>;

  /**
   * @param inputs Number of input features, I.
   * @param outputs Number of output features, O.
   * @throws TypeError or RangeError naming the wrong argument.
   */
  constructor(inputs: I, outputs: O, options?: LinearOptions<B>) {
    if (arguments.length > 3) requireNoSurplus(`new ${new.target.name}`, 3, arguments);
    super();
    requireSize('inputs', inputs);
    requireSize('outputs', outputs);
    const given = requireOptions('options', options, ['bias', 'rng']);
    const rng = requireRandomSource('rng', orDefault(given.rng, Math.random));
    const biased = requireBoolean('bias', orDefault(given.bias, true));
    this.weight = named('weight', Tensor.zeros([outputs, inputs]));
    this.bias = (biased ? named('bias', Tensor.zeros([outputs])) : undefined) as Bias<O, B>;
    drawUniform(this, rng);
  }

  /**
   * @param x [N, I], with or without a tape.
   * @returns [N, O], with the same tape.
   * @throws RangeError for a wrong shape.
   */
  forward<X extends Tensor<Shape, Tape>>(x: X & Unless<X, RowsProblem<ShapeOf<X>, I>>): Output<X, O> {
    const input = requireTensor('x', x);
    const inputs = this.weight.shape[1];
    if (input.shape.length !== 2 || input.shape[1] !== inputs) {
      throw wrongShape('x', `shape [N, ${inputs}]`, `shape ${formatShape(input.shape)}`);
    }
    const product = matmul(input, this.weight, true);
    if (this.bias === undefined) return product as unknown as Output<X, O>;
    try {
      return add(product, this.bias) as Output<X, O>;
    } finally {
      // Without a tape, the product has no other owner.
      if (!isTaped(product)) product.dispose();
    }
  }

  /** Draws both tensors uniformly from ±1/sqrt(I). */
  protected override initialize(rng: RandomSource): void {
    drawUniform(this, rng);
  }

  /**
   * Creates a layer from the result of `toJSON`.
   * @param json The result of `JSON.parse`.
   * @throws TypeError or RangeError naming the wrong field.
   */
  static fromJSON(json: unknown): Linear<number, number, boolean> {
    return Linear.read(new JsonReader('json', json, 'Linear'));
  }

  /** @internal */
  static read(reader: JsonReader): Linear<number, number, boolean> {
    const inputs = reader.integer('inputs', 1);
    const outputs = reader.integer('outputs', 1);
    reader.array('weight', inputs * outputs);
    const bias = reader.field('bias') !== undefined;
    const layer = new Linear(inputs, outputs, { bias, rng: () => 0.5 });
    readTensors(layer, reader);
    return layer;
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    const [outputs, inputs] = this.weight.shape;
    return { sizes: { inputs, outputs } };
  }
}

function named<S extends Shape>(name: string, tensor: Tensor<S>): Tensor<S> {
  storageOf(tensor).label = `${name} of Linear`;
  return tensor;
}

function drawUniform({ weight, bias }: Linear<number, number, boolean>, rng: RandomSource): void {
  const bound = 1 / Math.sqrt(weight.shape[1]);
  drawParameters(bias === undefined ? [weight] : [weight, bias], bound, rng);
}
