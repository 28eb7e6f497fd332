import { leasesStarted } from '../../core/lease.js';
import type { Shape } from '../../core/shape.js';
import type { NoneTape, OwnedTape, Tape } from '../../core/tape.js';
import type { ShapeOf, Tensor } from '../../core/tensor.js';
import type { ModeInput } from '../input.js';
import type { AsShape, Layer, shapeRule } from '../shape-rule.js';
import type { ChainProblem, ChainResult, ChainRule, Fitting } from './chain-shapes.js';
import { inPart } from '../error-path.js';
import { requireTaped, requireUntaped } from '../mode.js';
import { isReLU, ReLU } from '../layers/relu.js';
import { BaseModule } from '../base-module.js';
import { describeLayer, type LayerDescription } from '../layer-description.js';
import { keyOfField } from '../members.js';
import {
  canFuse,
  fusable,
  fusedForward,
  fusedForwardMut,
  mayFuse,
  notePasses,
  type ResidualSource,
} from './fusion.js';
import { releaseIntermediate, trainWhole } from './intermediates.js';
import { asPart, infer, train } from './part.js';
import { guardMethods } from '../../validation/guard-methods.js';

type Input<X, Layers extends readonly unknown[], Wanted extends Tape> = ModeInput<
  X,
  Wanted,
  ChainProblem<Layers, ShapeOf<X>>
>;

type Output<X, Layers extends readonly unknown[], T extends Tape> =
  X extends Tensor<infer S, Tape> ? Tensor<AsShape<ChainResult<Layers, S>>, T> : never;

/** A ReLU and the tensor to add before it. */
interface NextReLU<T extends Tape> {
  readonly residual: ResidualSource<T> | undefined;
}
const justReLU = { residual: undefined };

/** Name of the field that holds for each layer whether it may be fused with the ReLU after it. */
const pairs = Symbol('pairs');

/**
 * A chain of layers, as dfdx's tuples. The types of the layers determine its type; a layer that does not
 * accept the result of the layer before it does not compile.
 *
 * `BatchNorm2D` and a `ReLU` directly after it run in one pass over memory. So does a sum between the two:
 * that of a `Residual` whose last layer is `BatchNorm2D` and that is followed by a `ReLU`. The results have
 * the same bits, and the intermediate tensors take no memory.
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

  /** The layers in order. Their tensors are named after their position: `0.scale`. */
  readonly layers: Layers;
  /** @internal */
  readonly [pairs]: readonly boolean[];
  /** Exists only for the compiler. */
  declare readonly [shapeRule]: ChainRule<Layers>;

  /**
   * @param layers Layers of this package, other compositions, or your own modules from one tensor to one
   * tensor.
   * @throws TypeError for a layer with neither forward() nor forwardMut().
   */
  constructor(...layers: Fitting<Layers>) {
    super();
    for (const [i, layer] of layers.entries()) asPart(`layers[${i}]`, layer);
    this.layers = Object.freeze([...layers]) as unknown as Layers;
    this[pairs] = layers.map((layer, i) => mayFuse(layer) && layers[i + 1] instanceof ReLU);
  }

  /**
   * Inference. Releases the memory of intermediate results at once.
   * @throws TypeError for a tensor with a tape; errors of the layers.
   */
  forward<X extends Tensor<Shape, Tape>>(x: X & Input<X, Layers, NoneTape>): Output<X, Layers, NoneTape> {
    const input = requireUntaped('x', x);
    return inferChain(this, input, undefined) as Output<X, Layers, NoneTape>;
  }

  /**
   * Training: calls `forwardMut` of layers with modes, `forward` of the others.
   * @throws TypeError for a tensor without a tape; errors of the layers. No running statistics of any layer
   * have changed then.
   */
  forwardMut<X extends Tensor<Shape, Tape>>(
    x: X & Input<X, Layers, OwnedTape>,
  ): Output<X, Layers, OwnedTape> {
    const input = requireTaped('x', x);
    return trainWhole(this, [input], () => trainChain(this, input, undefined)) as Output<
      X,
      Layers,
      OwnedTape
    >;
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    return { isComposition: true };
  }

  /** @internal Layers are named after their position, as in dfdx's tuples: `0.scale`. */
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

function inferChain(chain: Chain, input: Tensor<Shape>, next: NextReLU<NoneTape> | undefined): unknown {
  const { layers } = chain;
  const since = leasesStarted();
  let value: unknown = input;
  let i = 0;
  try {
    for (; i < layers.length; i++) {
      const before = value;
      const following = followingReLU(chain, i, next);
      const fused = following && fusable(layers[i], following.residual !== undefined);
      if (fused === undefined) {
        value = infer(layers[i], before);
      } else {
        value = fused[fusedForward](before, following?.residual);
        i++;
      }
      if (before !== value) releaseIntermediate(before, input, since);
    }
  } catch (error) {
    releaseIntermediate(value, input, since);
    throw inPart(error, chain, String(i), layers[i]);
  }
  return value;
}

function trainChain(
  chain: Chain,
  input: Tensor<Shape, OwnedTape>,
  next: NextReLU<Tape> | undefined,
): unknown {
  const { layers } = chain;
  let value: unknown = input;
  let i = 0;
  try {
    for (; i < layers.length; i++) {
      const following = followingReLU(chain, i, next);
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

/** The ReLU after a layer; undefined if another layer follows. `next` follows the last layer. */
function followingReLU<T extends Tape>(
  { layers, [pairs]: fusablePairs }: Chain,
  i: number,
  next: NextReLU<T> | undefined,
): NextReLU<T> | undefined {
  if (i === layers.length - 1) return next;
  return fusablePairs[i] && isReLU(layers[i + 1]) ? justReLU : undefined;
}
