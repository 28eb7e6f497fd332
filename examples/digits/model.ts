import {
  BatchNorm2D,
  type CanUpdateWithGradients,
  type GradientProvider,
  Linear,
  type NamedTensor,
  type NoneTape,
  type OwnedTape,
  type RandomSource,
  type Tape,
  type Tensor,
  type Tensor2D,
  type Tensor4D,
  type UnusedTensors,
} from 'batchnorm';
import { CLASSES } from './dataset.js';

const HIDDEN_SIZES = [128, 128, 128, 128, 128];

/** Grey images: one channel. */
export type ImageBatch<T extends Tape = NoneTape> = Tensor4D<number, 1, number, number, T>;
type Rows<T extends Tape = NoneTape> = Tensor2D<number, number, T>;
/** A score for each class; the highest one is the answer. */
export type Logits<T extends Tape = NoneTape> = Tensor2D<number, typeof CLASSES, T>;

/**
 * Six linear layers that tell digits apart. With batch norm, `BatchNorm2D` normalizes the images and what
 * each hidden layer computes; all else is the same without it, initial weights included.
 */
export class Classifier implements CanUpdateWithGradients {
  readonly #imageNorm: BatchNorm2D<1> | undefined;
  readonly #hidden: readonly HiddenLayer[];
  readonly #output: Linear<number, typeof CLASSES>;

  constructor(pixels: number, withBatchNorm: boolean, rng: RandomSource) {
    const sizes = [pixels, ...HIDDEN_SIZES];
    this.#imageNorm = withBatchNorm ? new BatchNorm2D(1) : undefined;
    this.#hidden = HIDDEN_SIZES.map(
      (size, i) => new HiddenLayer(sizes[i], size, withBatchNorm, rng),
    );
    this.#output = new Linear(sizes[HIDDEN_SIZES.length], CLASSES, { rng });
  }

  /** Inference. */
  forward(images: ImageBatch): Logits {
    using normalized = this.#imageNorm?.forward(images);
    let x = flatten(normalized ?? images);
    for (const layer of this.#hidden) {
      using input = x;
      x = layer.forward(input);
    }
    using last = x;
    return this.#output.forward(last);
  }

  /** Training. */
  forwardMut(images: ImageBatch<OwnedTape>): Logits<OwnedTape> {
    let x = flatten(this.#imageNorm?.forwardMut(images) ?? images);
    for (const layer of this.#hidden) x = layer.forwardMut(x);
    return this.#output.forward(x);
  }

  parameters(): readonly NamedTensor[] {
    return this.#layers().flatMap(([layerName, layer]) =>
      layer.parameters().map(([name, tensor]): NamedTensor => [`${layerName}.${name}`, tensor]),
    );
  }

  update(provider: GradientProvider, unused: UnusedTensors): void {
    for (const [, layer] of this.#layers()) layer.update(provider, unused);
  }

  #layers(): readonly (readonly [name: string, layer: CanUpdateWithGradients])[] {
    return [
      ...(this.#imageNorm ? [['imageNorm', this.#imageNorm] as const] : []),
      ...this.#hidden.flatMap((layer, i) =>
        layer.layers().map(([name, part]) => [`hidden${i}.${name}`, part] as const),
      ),
      ['output', this.#output],
    ];
  }
}

/** A linear layer, batch norm over its outputs as channels of one pixel each, and ReLU. */
class HiddenLayer {
  readonly #linear: Linear<number, number>;
  readonly #norm: BatchNorm2D<number> | undefined;

  constructor(inputs: number, outputs: number, withBatchNorm: boolean, rng: RandomSource) {
    this.#linear = new Linear(inputs, outputs, { rng });
    this.#norm = withBatchNorm ? new BatchNorm2D(outputs) : undefined;
  }

  forward(x: Rows): Rows {
    using y = this.#linear.forward(x);
    if (this.#norm === undefined) return y.relu();
    using channels = toChannels(y);
    using normalized = this.#norm.forward(channels);
    using positive = normalized.relu();
    return flatten(positive);
  }

  forwardMut(x: Rows<OwnedTape>): Rows<OwnedTape> {
    const y = this.#linear.forward(x);
    if (this.#norm === undefined) return y.relu();
    return flatten(this.#norm.forwardMut(toChannels(y)).relu());
  }

  layers(): readonly (readonly [name: string, layer: CanUpdateWithGradients])[] {
    return [['linear', this.#linear], ...(this.#norm ? [['norm', this.#norm] as const] : [])];
  }
}

function flatten<T extends Tape>(x: Tensor4D<number, number, number, number, T>): Rows<T> {
  const [count, channels, rows, columns] = x.shape;
  return x.reshape([count, channels * rows * columns]);
}

function toChannels<T extends Tape>(x: Rows<T>): Tensor<readonly [number, number, 1, 1], T> {
  const [count, features] = x.shape;
  return x.reshape([count, features, 1, 1]);
}
