import { requireReader, requireWriter } from '../../io/npz/archive-arguments.js';
import { NpzModule } from '../../io/npz/npz-module.js';
import type { NpzReader } from '../../io/npz/npz-reader.js';
import type { NpzWriter } from '../../io/npz/npz-writer.js';
import type { GradientProvider, UnusedTensors } from '../../optim/gradient-provider.js';
import type { Shape } from '../../core/shape.js';
import type { NoneTape, OwnedTape, Tape } from '../../core/tape.js';
import { isTensor, type RandomSource, type ShapeOf, type Tensor } from '../../core/tensor.js';
import { requireRandomSource } from '../../core/random-source.js';
import type { ModeInput } from '../input.js';
import type { AsShape, Layer, shapeRule } from '../shape-rule.js';
import type { ChainProblem, ChainResult, ChainRule, Fitting } from './chain-shapes.js';
import { describeLayer, type LayerDescription } from '../layer-description.js';
import { inPart } from '../error-path.js';
import { requireTaped, requireUntaped } from '../mode.js';
import type { CanUpdateWithGradients, NamedTensor } from '../module.js';
import {
  asPart,
  clonePart,
  infer,
  namedTensors,
  readPart,
  sharingCopies,
  train,
  writePart,
  updatePart,
  resetPart,
} from './part.js';
import { type Addend, registerReluJoin, reluJoinOf } from './relu-join.js';
import { isReLU } from '../layers/relu.js';
import { keepStatistics } from '../norm/running-statistics.js';
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
  readonly addend: Addend<T> | undefined;
}
const justReLU = { addend: undefined };

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
export class Sequential<Layers extends readonly Layer[]> extends NpzModule implements CanUpdateWithGradients {
  /** @internal */
  static readonly type = 'Sequential';

  static {
    guardMethods(this);
  }

  /** First to last. Their tensors are named after their place: `0.scale`. */
  readonly layers: Layers;
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
    registerReluJoin(this, {
      can: (adding) =>
        this.forward === Sequential.prototype.forward &&
        this.forwardMut === Sequential.prototype.forwardMut &&
        reluJoinOf(this.layers.at(-1), adding) !== undefined,
      infer: (x, addend) => this.#infer(requireUntaped('x', x), { addend }),
      train: (x, addend) => this.#train(requireTaped('x', x), { addend }),
    });
  }

  /**
   * Inference. What the layers make in between gives its memory back at once.
   * @throws TypeError for a tensor with a tape; what a layer throws.
   */
  forward<X extends Tensor<Shape, Tape>>(x: X & Input<X, Layers, NoneTape>): Output<X, Layers, NoneTape> {
    const input = requireUntaped('x', x);
    return this.#infer(input, undefined) as Output<X, Layers, NoneTape>;
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
    const restore = keepStatistics(this);
    try {
      return this.#train(input, undefined) as Output<X, Layers, OwnedTape>;
    } catch (error) {
      restore();
      throw error;
    }
  }

  #infer(input: Tensor<Shape>, behind: Behind<NoneTape> | undefined): unknown {
    let value: unknown = input;
    let i = 0;
    try {
      for (; i < this.layers.length; i++) {
        const before = value;
        const layer = this.layers[i];
        const following = this.#behind(i, behind);
        const join = following && reluJoinOf(layer, following.addend !== undefined);
        if (join === undefined) {
          value = infer(layer, before);
        } else {
          value = join.infer(before, following?.addend);
          i++;
        }
        if (before !== input && before !== value && isTensor(before)) before.dispose();
      }
    } catch (error) {
      throw inPart(error, this, String(i), this.layers[i]);
    }
    return value;
  }

  #train(input: Tensor<Shape, OwnedTape>, behind: Behind<Tape> | undefined): unknown {
    let value: unknown = input;
    let i = 0;
    try {
      for (; i < this.layers.length; i++) {
        const layer = this.layers[i];
        const following = this.#behind(i, behind);
        const join = following && reluJoinOf(layer, following.addend !== undefined);
        if (join === undefined) {
          value = train(layer, value);
        } else {
          value = join.train(value, following?.addend);
          i++;
        }
      }
    } catch (error) {
      throw inPart(error, this, String(i), this.layers[i]);
    }
    return value;
  }

  /** The ReLU behind a layer, undefined where there is none; `behind` follows the last layer. */
  #behind<T extends Tape>(i: number, behind: Behind<T> | undefined): Behind<T> | undefined {
    if (i === this.layers.length - 1) return behind;
    return isReLU(this.layers[i + 1]) ? justReLU : undefined;
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    return { layers: this.layers };
  }

  parameters(): readonly NamedTensor[] {
    return this.layers.flatMap((layer, i) => namedTensors(String(i), layer));
  }

  update(provider: GradientProvider, unused: UnusedTensors): void {
    for (const [i, layer] of this.layers.entries()) {
      updatePart(this, String(i), layer, provider, unused);
    }
  }

  /** Resets the layers, first to last, in place. */
  resetParams(rng: RandomSource): void {
    requireRandomSource('rng', rng);
    for (const [i, layer] of this.layers.entries()) resetPart(this, String(i), layer, rng);
  }

  /**
   * A copy with copies of the layers.
   * @throws TypeError where a module of yours has no clone().
   */
  clone(): Sequential<Layers> {
    const copies = sharingCopies(() => this.layers.map((layer, i) => clonePart(this, String(i), layer)));
    return Reflect.construct(Sequential, copies) as Sequential<Layers>;
  }

  /** Each layer behind its place, as dfdx's tuples: `0.scale.npy`. */
  write(zip: NpzWriter, prefix: string): void {
    requireWriter(zip, prefix);
    for (const [i, layer] of this.layers.entries()) {
      writePart(this, String(i), layer, zip, `${prefix}${i}.`);
    }
  }

  async read(zip: NpzReader, prefix: string): Promise<void> {
    requireReader(zip, prefix);
    return zip.together(async () => {
      for (const [i, layer] of this.layers.entries()) {
        await readPart(this, String(i), layer, zip, `${prefix}${i}.`);
      }
    });
  }
}
