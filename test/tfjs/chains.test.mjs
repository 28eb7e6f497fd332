// CHAINS is the number of random programs, SEED the first of their seeds.
import { difference, on } from './support/backends.mjs';
import { chain, chainGradient } from './support/chains.mjs';

const count = Number(process.env.CHAINS ?? 300);
const first = Number(process.env.SEED ?? 1);
const tolerance = 2e-3;

function outcome(backend, program) {
  try {
    return { values: on(backend, program) };
  } catch (error) {
    return { error };
  }
}

/** The difference between cpu and our backend, or undefined. */
function problemOf(program) {
  const expected = outcome('cpu', program);
  const actual = outcome('batchnorm', program);
  if (expected.error !== undefined || actual.error !== undefined) {
    const [wanted, found] = [expected, actual].map(({ error }) => error?.message);
    return wanted === found
      ? undefined
      : `${found ?? 'no error'} instead of ${wanted ?? 'no error'}\n${actual.error?.stack}`;
  }
  return difference(actual.values, expected.values, tolerance);
}

/**
 * A comparison, a maximum or a truncation may turn on the last bit of a number, so a difference counts if it appears with
 * other numbers, too.
 */
function requireSameChain(make, seed) {
  const problem = problemOf(make(seed, 0));
  if (problem === undefined) return;
  const confirmed = [1, 2, 3].map((data) => problemOf(make(seed, data))).find((each) => each !== undefined);
  if (confirmed !== undefined) throw new Error(`seed ${seed}: ${problem}; with other numbers ${confirmed}`);
}

describe('random chains of operations', () => {
  it(`${count} give the values of cpu`, () => {
    for (let seed = first; seed < first + count; seed++) requireSameChain(chain, seed);
  });

  it(`${count} have the gradients of cpu`, () => {
    for (let seed = first; seed < first + count; seed++) requireSameChain(chainGradient, seed);
  });
});
