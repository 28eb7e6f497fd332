import { rmSync } from 'node:fs';
import { gradientSteps } from './gradient-steps.js';
import { layerSteps } from './layer-steps.js';
import { type Seen, State } from './state.js';
import { tensorSteps } from './tensor-steps.js';

/** One step of a sequence; the numbers choose among the existing objects. */
export interface Step {
  readonly action: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

const steps = { ...tensorSteps, ...layerSteps, ...gradientSteps };

/** The actions of steps, repeated according to their frequency. */
const actions = [
  ...(['create', 'create', 'trace', 'trace', 'release', 'view', 'copy'] as const),
  ...(['unary', 'unary', 'binary', 'binary', 'reduce', 'reduce', 'matmul', 'reshape'] as const),
  ...(['logSoftmax', 'crossEntropy', 'linear', 'infer', 'train', 'train', 'train'] as const),
  ...(['backward', 'backward', 'backward', 'update', 'update', 'manage'] as const),
];

/** Runs steps on the library and on a simple model of it, and compares both after each. */
export class World {
  readonly #state: State;

  constructor(path: string, seen: Seen) {
    this.#state = new State(path, seen);
  }

  async step({ action, a, b, c }: Step): Promise<void> {
    await steps[actions[action % actions.length]](this.#state, a, b, c);
    this.#state.verify();
  }

  close(): void {
    rmSync(this.#state.path, { force: true });
  }
}
