import type { Shape } from '../../core/shape.js';
import type { NoneTape, OwnedTape, Tape } from '../../core/tape.js';
import { isTensor, type ShapeOf, type Tensor } from '../../core/tensor.js';
import type { ModeInput } from '../input.js';
import type { AsShape, Layer, shapeRule } from '../shape-rule.js';
import type { ChainProblem, ChainResult, ChainRule, Fitting } from './chain-shapes.js';
import { inPart } from '../error-path.js';
import { requireTaped, requireUntaped } from '../mode.js';
import { isReLU, ReLU } from '../layers/relu.js';
import { BaseModule } from '../base-module.js';
import { describeLayer, type LayerDescription } from '../layer-description.js';
import { keyOfField } from '../members.js';
import { withStatistics } from '../norm/statistics-transaction.js';
import {
  canFuse,
  fusable,
  fusedForward,
  fusedForwardMut,
  mayFuse,
  notePasses,
  type ResidualSource,
} from './fusion.js';
import { asPart, infer, train } from './part.js';
import { guardMethods } from '../../validation/guard-methods.js';

type Input<X, Layers extends readonly unknown[], Wanted extends Tape> = ModeInput<
  X,
  Wanted,
  ChainProblem<Layers, ShapeOf<X>>
>;

type Output<X, Layers extends readonly unknown[], T extends Tape> =
  X extends Tensor<infer S, Tape> ? Tensor<AsShape<ChainResult<Layers, S>>, T> : never;

/** A ReLU, and what is added before it. */
interface Behind<T extends Tape> {
  readonly residual: ResidualSource<T> | undefined;
}
const justReLU = { residual: undefined };

/** Name of the field that says for each layer whether it may run together with the ReLU behind it. */
const pairs = Symbol('pairs');

/**
 * Layers one after the other, as dfdx's tuples. Its type follows from theirs, and where one does not take
 * what the one before makes, that argument does not compile.
 *
 * `BatchNorm2D` and the `ReLU` behind it run in one pass over memory, as does a sum between the two: that of a
 * `Residual` whose last layer is `BatchNorm2D` and that a `ReLU` follows. The results have the same bits, and
 * what lies in between takes no memory.
 *
 * @example
 * const net = new Sequential(new BatchNorm2D(3), new ReLU(), new Flatten2D(), new Linear(48, 10));
 * const logits = net.forward(Tensor.zeros([8, 3, 4, 4])); // Tensor2D<8, 10>
 */
export class Sequential<Layers extends readonly Layer[]> extends BaseModule {
  /** @internal */
  static readonly type = 'Sequential';

  static {
    guardMethods(this);
    notePasses(this.prototype);
  }

  /** First to last. Their tensors are named after their place: `0.scale`. */
  readonly layers: Layers;
  /** @internal */
  readonly [pairs]: readonly boolean[];
  /** Exists only for the compiler. */
  declare readonly [shapeRule]: ChainRule<Layers>;

  /**
   * @param layers The package's layers, other compositions, or modules of your own from one tensor to
   * one tensor.
   * @throws TypeError for what has neither forward() nor forwardMut().
   */
  constructor(...layers: Fitting<Layers>) {
    super();
    for (const [i, layer] of layers.entries()) asPart(`layers[${i}]`, layer);
    this.layers = Object.freeze([...layers]) as unknown as Layers;
    this[pairs] = layers.map((layer, i) => mayFuse(layer) && layers[i + 1] instanceof ReLU);
  }

  /**
   * Inference. What the layers make in between gives its memory back at once.
   * @throws TypeError for a tensor with a tape; what a layer throws.
   */
  forward<X extends Tensor<Shape, Tape>>(x: X & Input<X, Layers, NoneTape>): Output<X, Layers, NoneTape> {
    const input = requireUntaped('x', x);
    return inferChain(this, input, undefined) as Output<X, Layers, NoneTape>;
  }

  /**
   * Training: `forwardMut` of the layers that have a mode, `forward` of the others.
   * @throws TypeError for a tensor without a tape; what a layer throws. No running statistic has changed
   * then, whichever layer it was.
   */
  forwardMut<X extends Tensor<Shape, Tape>>(
    x: X & Input<X, Layers, OwnedTape>,
  ): Output<X, Layers, OwnedTape> {
    const input = requireTaped('x', x);
    return withStatistics(() => trainChain(this, input, undefined)) as Output<X, Layers, OwnedTape>;
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    return { isComposition: true };
  }

  /** @internal Layers are named after their places, as dfdx's tuples: `0.scale`. */
  override [keyOfField](field: string): string {
    return field === 'layers' ? '' : super[keyOfField](field);
  }

  /** @internal */
  [canFuse](adding: boolean): boolean {
    return fusable(this.layers.at(-1), adding) !== undefined;
  }

  /** @internal */
  [fusedForward](x: unknown, residual: ResidualSource<NoneTape> | undefined): unknown {
    return inferChain(this, requireUntaped('x', x), { residual });
  }

  /** @internal */
  [fusedForwardMut](x: unknown, residual: ResidualSource<Tape> | undefined): unknown {
    return trainChain(this, requireTaped('x', x), { residual });
  }
}

interface Chain {
  readonly layers: readonly Layer[];
  readonly [pairs]: readonly boolean[];
}

function inferChain(chain: Chain, input: Tensor<Shape>, behind: Behind<NoneTape> | undefined): unknown {
  const { layers } = chain;
  let value: unknown = input;
  let i = 0;
  try {
    for (; i < layers.length; i++) {
      const before = value;
      const following = followingReLU(chain, i, behind);
      const fused = following && fusable(layers[i], following.residual !== undefined);
      if (fused === undefined) {
        value = infer(layers[i], before);
      } else {
        value = fused[fusedForward](before, following?.residual);
        i++;
      }
      if (before !== input && before !== value && isTensor(before)) before.dispose();
    }
  } catch (error) {
    throw inPart(error, chain, String(i), layers[i]);
  }
  return value;
}

function trainChain(
  chain: Chain,
  input: Tensor<Shape, OwnedTape>,
  behind: Behind<Tape> | undefined,
): unknown {
  const { layers } = chain;
  let value: unknown = input;
  let i = 0;
  try {
    for (; i < layers.length; i++) {
      const following = followingReLU(chain, i, behind);
      const fused = following && fusable(layers[i], following.residual !== undefined);
      if (fused === undefined) {
        value = train(layers[i], value);
      } else {
        value = fused[fusedForwardMut](value, following?.residual);
        i++;
      }
    }
  } catch (error) {
    throw inPart(error, chain, String(i), layers[i]);
  }
  return value;
}

/** The ReLU behind a layer, undefined where there is none; `behind` follows the last layer. */
function followingReLU<T extends Tape>(
  { layers, [pairs]: fusablePairs }: Chain,
  i: number,
  behind: Behind<T> | undefined,
): Behind<T> | undefined {
  if (i === layers.length - 1) return behind;
  return fusablePairs[i] && isReLU(layers[i + 1]) ? justReLU : undefined;
}
