// The loss and the accuracy of a training run by step, in bounded memory.

/** Steps that one row averages at first. */
const STEPS_PER_ROW = 5;
const MAX_ROWS = 400;

export class Curve {
  /** [last step, mean loss, mean accuracy]. */
  rows = [];
  /** Increases whenever earlier rows change. */
  generation = 0;
  #stepsPerRow = STEPS_PER_ROW;
  #last = -Infinity;
  #sums = [0, 0, 0];

  clear() {
    this.rows = [];
    this.generation++;
    this.#stepsPerRow = STEPS_PER_ROW;
    this.#last = -Infinity;
    this.#sums = [0, 0, 0];
  }

  /** Adds a step; ignores one that was added before. */
  add(step, loss, accuracy) {
    if (step <= this.#last) return;
    this.#last = step;
    const sums = this.#sums;
    sums[0]++;
    sums[1] += loss;
    sums[2] += accuracy;
    if (sums[0] < this.#stepsPerRow) return;
    this.rows.push([step, sums[1] / sums[0], sums[2] / sums[0]]);
    this.#sums = [0, 0, 0];
    if (this.rows.length === MAX_ROWS) this.#halve();
  }

  /** Joins rows in pairs: a long training has a coarser curve. */
  #halve() {
    this.rows = Array.from({ length: MAX_ROWS / 2 }, (_, i) => {
      const [[, loss, accuracy], [step, nextLoss, nextAccuracy]] = this.rows.slice(2 * i, 2 * i + 2);
      return [step, (loss + nextLoss) / 2, (accuracy + nextAccuracy) / 2];
    });
    this.#stepsPerRow *= 2;
    this.generation++;
  }
}
