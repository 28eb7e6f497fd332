import { seeded } from '../../support/random.js';

/** Random decisions from a seed, so that every input can be reproduced. */
export class Choices {
  readonly #random: () => number;

  constructor(seed: number, number: number) {
    this.#random = seeded(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b));
  }

  /** An integer from 0 up to but not including `end`. */
  below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  one<T>(values: readonly T[]): T {
    return values[this.below(values.length)];
  }

  /** True with probability 1 / `times`. */
  rarely(times: number): boolean {
    return this.below(times) === 0;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}
