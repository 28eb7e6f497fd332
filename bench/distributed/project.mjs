/**
 * Simulates a training step on more ranks from measurements with two: not a measurement.
 *
 * Every rank has as many images as in the measurement, so the computation takes as long. A synchronization is an all-gather
 * whose latency grows with log2(ranks), as in recursive doubling, and whose data grow with their number. Gradients are
 * exchanged as slices twice (all-to-all, then all-gather), 2 * (ranks - 1) / ranks of their size. Nothing overlaps.
 *
 * @param {{ milliseconds: number, waiting: number, calls: number, doubles: number, parameters: number, latency: number,
 *   sumOfMebibyte: number }} measured Of rank 0 of two ranks.
 * @param {number} ranks
 */
export function project(measured, ranks) {
  const { milliseconds, waiting, calls, doubles, parameters, latency, sumOfMebibyte } = measured;
  const computation = milliseconds - waiting;
  // Two ranks move 2 * 1 / 2 MiB in this time.
  const perByte = Math.max(sumOfMebibyte - latency, 0) / 2 ** 20;
  const synchronizations = calls * latency * Math.log2(ranks) + 8 * doubles * (ranks - 1) * perByte;
  const gradients = ((2 * (ranks - 1)) / ranks) * 4 * parameters * perByte;
  const step = computation + synchronizations + gradients;
  return { step, communication: (synchronizations + gradients) / step, efficiency: computation / step };
}
