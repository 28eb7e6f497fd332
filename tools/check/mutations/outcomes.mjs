// Outcomes of this run and, on request, of earlier ones.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

const path = 'build-mutations/outcomes.json';

export class Outcomes {
  #outcomes;

  /** @param {boolean} resume Whether to reuse the outcomes of mutations that an earlier run caught. */
  constructor(resume) {
    const earlier = resume && existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
    this.#outcomes = Object.fromEntries(
      Object.entries(earlier).filter(([, { result }]) => result === 'caught'),
    );
  }

  of(mutation) {
    return this.#outcomes[keyOf(mutation)];
  }

  add(mutation, outcome) {
    this.#outcomes[keyOf(mutation)] = outcome;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, JSON.stringify(this.#outcomes, null, 1));
  }
}

function keyOf({ file, find, replace, backend }) {
  return createHash('sha256')
    .update(JSON.stringify([file, find, replace, backend]))
    .digest('hex');
}
