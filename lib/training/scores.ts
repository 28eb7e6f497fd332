import type { Shape } from '../core/shape.js';
import type { Tensor } from '../core/tensor.js';
import { requireRecord, typeError, wrongType } from '../validation/errors.js';
import { memberName, quote } from '../validation/quote.js';
import { callSync } from '../validation/synchronous.js';

/** The mean of the loss and of each metric over the samples of an epoch. */
export type Scores<K extends string> = Readonly<Record<K, number>>;

/** The metrics of a call of `fit` or `evaluate`. */
export type MetricFunctions = Readonly<Record<string, (outputs: Tensor<Shape>, targets: unknown) => unknown>>;

export function readMetrics(metrics: unknown): MetricFunctions {
  if (metrics === undefined) return {};
  const expected = 'an object with functions of (outputs, targets)';
  const given = requireRecord('metrics', metrics, expected);
  for (const [name, metric] of Object.entries(given)) {
    if (name === 'loss') {
      throw typeError(
        'ERR_BATCHNORM_TYPE',
        `Expected ${expected} for metrics but received the name ${quote(name)}, which is that of the loss`,
      );
    }
    if (typeof metric !== 'function') {
      throw wrongType(memberName('metrics', name), 'a function of (outputs, targets)', metric);
    }
  }
  return given as MetricFunctions;
}

/**
 * The metrics of one batch.
 * @param outputs Without a tape.
 */
export function measure(
  metrics: MetricFunctions,
  outputs: Tensor<Shape>,
  targets: unknown,
): Record<string, number> {
  const scores: Record<string, number> = {};
  for (const [name, metric] of Object.entries(metrics)) {
    const place = memberName('metrics', name);
    const score = callSync(place, () => metric(outputs, targets));
    if (typeof score !== 'number') throw wrongType(place, 'a function that returns a number', score);
    scores[name] = score;
  }
  return scores;
}

/** Averages the scores of batches, each weighted by its number of samples. */
export class MeanScores {
  readonly #sums: Map<string, number>;
  #samples: number;

  /**
   * @param names Those of the scores, for results without any batch.
   * @param samples Number of samples so far.
   * @param sums Sum of each score over them.
   */
  constructor(names: readonly string[] = [], samples = 0, sums: Readonly<Record<string, number>> = {}) {
    this.#samples = samples;
    this.#sums = new Map([...names.map((name) => [name, 0] as const), ...Object.entries(sums)]);
  }

  /** Number of samples so far. */
  get samples(): number {
    return this.#samples;
  }

  sum(name: string): number {
    return this.#sums.get(name) ?? 0;
  }

  add(samples: number, scores: Readonly<Record<string, number>>): void {
    this.#samples += samples;
    for (const [name, score] of Object.entries(scores)) {
      this.#sums.set(name, (this.#sums.get(name) ?? 0) + samples * score);
    }
  }

  means(): Scores<string> {
    const means = [...this.#sums].map(([name, sum]) => [name, sum / this.#samples] as const);
    return Object.freeze(Object.fromEntries(means));
  }
}
