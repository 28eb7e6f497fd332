import { freshFloats } from '../backend/allocation.js';
import { type UnfoldedValues, writeFolded } from '../nn/norm/folded-values.js';
import type { CapturedValue } from './captured-graph.js';
import type { FoldedPair, NormPair } from './fold-norms.js';
import { sameBits } from './same-bits.js';

/** The numbers of the layer and the norm of a pair. */
export function unfoldedValues(
  { weight, layerBias, scale, shift, mean, variance, epsilon }: NormPair,
  numbersOf: (value: CapturedValue) => Float32Array,
): UnfoldedValues {
  return {
    weight: numbersOf(weight),
    layerBias: layerBias === undefined ? undefined : numbersOf(layerBias),
    scale: numbersOf(scale),
    shift: numbersOf(shift),
    mean: numbersOf(mean),
    variance: numbersOf(variance),
    epsilon,
  };
}

/** Computes folded weights once for all batch sizes. */
export class FoldedWeights {
  readonly #known: { readonly given: UnfoldedValues; readonly folded: FoldedPair }[] = [];

  /** Bytes of all of them. */
  get byteLength(): number {
    return this.#known.reduce(
      (sum, { folded: { weight, bias } }) => sum + weight.byteLength + bias.byteLength,
      0,
    );
  }

  of(given: UnfoldedValues): FoldedPair {
    const known = this.#known.find((each) => sameValues(each.given, given));
    if (known !== undefined) return known.folded;
    const weight = freshFloats('a plan', given.weight.length);
    const bias = freshFloats('a plan', given.mean.length);
    writeFolded(given, weight, bias);
    const folded = { weight, bias };
    this.#known.push({ given, folded });
    return folded;
  }
}

function sameValues(a: UnfoldedValues, b: UnfoldedValues): boolean {
  return (
    a.epsilon === b.epsilon &&
    sameBits(a.mean, b.mean) &&
    sameBits(a.variance, b.variance) &&
    sameBits(a.scale, b.scale) &&
    sameBits(a.shift, b.shift) &&
    sameBits(a.layerBias, b.layerBias) &&
    sameBits(a.weight, b.weight)
  );
}
