import { expect } from 'chai';
import { expectWithin, largest } from '../../support/expect-within.js';
import {
  recalibrated,
  stopEarly,
  trainAlone,
  trainFrozen,
  type trainWithFit,
} from './programs/fit-scenarios.js';
import type { RunScenarios } from './transport-cases.js';

type Trained = Awaited<ReturnType<typeof trainWithFit>>;

interface Messages {
  readonly messages: readonly string[];
  readonly running: readonly number[];
  readonly rest: number;
}

const scenarios = [
  'fit',
  'byHand',
  'resume',
  'resumeWithin',
  'differences',
  'recalibrated',
  'frozen',
  'stopEarly',
  'buckets',
];

interface RunEnd {
  readonly hash: string;
  readonly dropout: readonly number[];
  readonly order: readonly number[];
  readonly history: readonly unknown[];
}

interface ResumedWithin {
  readonly whole: RunEnd;
  readonly parts: readonly (RunEnd & { readonly expected: unknown })[];
  readonly messages: readonly string[];
  readonly difference: string;
}

interface Buckets {
  readonly sums: readonly Readonly<Record<'actual' | 'expected', readonly string[]>>[];
  readonly message: string;
  readonly isBackground: boolean;
}

/** Mocha tests of `DataParallel` and `fit` that every transport must pass. */
export function testFit(transport: 'mpi' | 'workers', run: RunScenarios, sizes: readonly number[]): void {
  for (const size of sizes) {
    describe(`of ${size} ranks, a whole network`, () => {
      let reports: Record<string, unknown>[] = [];
      let alone: Awaited<ReturnType<typeof trainAlone>>;
      const every = <R>(scenario: string) => reports.map((report) => report[scenario] as R);

      before(async () => {
        reports = await run(scenarios, size);
        alone = await trainAlone();
      });

      it('has the same bits and scores on every rank', () => {
        const [first, ...others] = every<Trained>('fit');
        for (const { state, history, steps, loss } of others) {
          expect(state).to.deep.equal(first?.state);
          expect(history).to.deep.equal(first?.history);
          expect(steps).to.deep.equal(first?.steps);
          expect(loss).to.equal(first?.loss);
        }
      });

      it('trains as one process with the whole batches does', () => {
        const [first] = every<Trained>('fit');
        compareStates(first?.state ?? [], alone.state, 2e-4);
        expect(first?.history.length).to.equal(alone.history.length);
        expect(first?.steps.length).to.equal(alone.steps.length);
        const scoresOf = (result: unknown) => JSON.parse(JSON.stringify(result)) as unknown;
        compareNumbers(scoresOf(first?.history), scoresOf(alone.history), 'history');
        compareNumbers(scoresOf(first?.steps), scoresOf(alone.steps), 'steps');
        const last = first?.history.at(-1)?.validation?.loss ?? NaN;
        expect(Math.abs((first?.loss ?? NaN) - last)).to.be.below(1e-12);
      });

      it('recalibrates with the batches of all ranks', async () => {
        const expected = await recalibrated();
        for (const { count, state } of every<typeof expected>('recalibrated')) {
          expect(count).to.equal(expected.count);
          compareStates(state, expected.state, 1e-5);
        }
      });

      it('leaves frozen batch norm to each rank', async () => {
        const expected = await trainFrozen();
        const [first, ...others] = every<typeof expected>('frozen');
        compareStates(first?.state ?? [], expected.state, 1e-4);
        for (const { state } of others) expect(state).to.deep.equal(first?.state);
      });

      it('stops early at the epoch of one process', async () => {
        const expected = await stopEarly();
        expect(expected.history.length).to.be.within(3, 11);
        const [first, ...others] = every<typeof expected>('stopEarly');
        expect(first?.history).to.have.length(expected.history.length);
        compareStates(first?.state ?? [], expected.state, 2e-3);
        for (const other of others) expect(other).to.deep.equal(first);
      });

      it('adds up gradients of several buckets in rank order', () => {
        for (const { sums } of every<Buckets>('buckets')) {
          for (const { actual, expected } of sums) expect(actual).to.deep.equal(expected);
          // Frozen layers have no gradient.
          expect(sums.map(({ actual }) => actual.includes('none'))).to.deep.equal([
            false,
            false,
            true,
            false,
          ]);
        }
      });

      it('refuses to add gradients of different parameters, and continues', () => {
        for (const { message } of every<Buckets>('buckets')) {
          expect(message).to.match(
            /^ERR_BATCHNORM_MISMATCH: .* sum of \d+ float32 values .* sum of \d+ float32 values/,
          );
        }
      });

      it('sends buckets during the backward pass only over MPI', () => {
        const [{ isBackground } = { isBackground: false }] = every<Buckets>('buckets');
        expect(isBackground).to.equal(transport === 'mpi');
      });

      it('writes progress on rank 0 only', () => {
        const expected = [alone.history.length, ...Array.from({ length: size - 1 }, () => 0)];
        expect(every<Trained>('fit').map(({ lines }) => lines)).to.deep.equal(expected);
      });

      it('gives the same bits as a loop written by hand', () => {
        const [byFit] = every<Trained>('fit');
        for (const { losses, state } of every<{ losses: number[]; state: unknown }>('byHand')) {
          expect(state).to.deep.equal(byFit?.state);
          const expected = byFit?.steps as readonly { readonly scores: { readonly loss: number } }[];
          expect(losses).to.deep.equal(expected.map(({ scores }) => scores.loss));
        }
      });

      it('resumes bit for bit from the checkpoint of rank 0, each rank with its own generators', () => {
        const results = every<Record<'whole' | 'parts', RunEnd>>('resume');
        const dropouts = new Set<string>();
        for (const { whole, parts } of results) {
          expect(parts).to.deep.equal({ ...whole, history: whole.history.slice(2) });
          expect(whole.hash).to.equal(results[0]?.whole.hash);
          dropouts.add(String(whole.dropout));
        }
        expect(dropouts.size).to.equal(size);
      });

      it('resumes bit for bit within an epoch, in which a signal on one rank stopped all', () => {
        const results = every<ResumedWithin>('resumeWithin');
        for (const [rank, { whole, parts, messages }] of results.entries()) {
          expect(whole.hash).to.equal(results[0]?.whole.hash);
          for (const [i, { expected, ...end }] of parts.entries()) {
            expect(end, `interruption ${i}`).to.deep.equal({ ...whole, history: expected });
          }
          for (const [i, stop] of [2, 4, 7].entries()) {
            const ownSignal = ': interrupted';
            const others = `ERR_BATCHNORM_PEER: Rank ${stop % size} was stopped by its signal`;
            expect(messages[i]).to.equal(rank === stop % size ? ownSignal : others);
          }
        }
      });

      it('names both sides of a difference between the options of fit', () => {
        for (const { difference } of every<ResumedWithin>('resumeWithin')) {
          expect(difference).to.equal(
            'ERR_BATCHNORM_MISMATCH: Expected the same everySteps of checkpoint on every rank, but rank 0 has 2 and rank 1 has 3',
          );
        }
      });

      it('refuses the checkpoint of a group of another size', () => {
        const [{ alone: message } = { alone: '' }] = every<{ alone: string }>('resume');
        expect(message).to.match(/checkpoint\.generator\.dropout\.npy/);
      });

      it('names both sides of a difference between ranks, and continues', () => {
        const [first, ...others] = every<Messages>('differences');
        const messages = first?.messages ?? [];
        const mismatch = 'ERR_BATCHNORM_MISMATCH: Expected the same';
        const rest = (size * (size - 1)) / 2;
        for (const { running, rest: sum } of [first, ...others] as Messages[]) {
          expect(running).to.deep.equal([0, 0, 0, 1, 1, 1]);
          expect(sum).to.equal(rest);
        }
        expect(messages.slice(0, 6)).to.deep.equal([
          `${mismatch} weight on every rank, but rank 0 has shape [3, 2] (learned) and rank 1 has shape [4, 2] (learned)`,
          `${mismatch} parameters on every rank, but rank 0 has "weight" and rank 1 has "scale"`,
          `${mismatch} optimizer on every rank, but rank 0 has Sgd and rank 1 has Adam`,
          messages[3],
          `${mismatch} samples of loader on every rank, but rank 0 has 4 and rank 1 has 5`,
          `${mismatch} number of batches on every rank, but rank 0 has no more and rank 1 has another one. DataParallel.shard divides a DataLoader equally`,
        ]);
        expect(messages[3]).to.match(
          /^ERR_BATCHNORM_PEER: Rank 1 failed .* l2 .*, 0\.2, in .* but found 0\.1$/,
        );
        expect(messages[6]).to.equal('ERR_BATCHNORM_PEER: Rank 1 was stopped by its signal');
        expect(others[0]?.messages[6]).to.equal(': stopped by a user');
        for (const { messages: ofRank } of [first, ...others] as Messages[]) {
          expect(ofRank[7]).to.match(
            /^ERR_BATCHNORM_VALUE: .* on at least one rank for samples but received 0/,
          );
          expect(ofRank[8]).to.match(
            /^ERR_BATCHNORM_SHAPE: Expected at least two values per channel .*empty batches/,
          );
          expect(ofRank[9]).to.match(/^ERR_BATCHNORM_SHAPE: Expected at least two values per channel .*one$/);
          for (const [i, name] of ['data', 'validation', 'data'].entries()) {
            expect(ofRank[12 + i]).to.include(
              `ERR_BATCHNORM_TYPE: Expected parallel.shard(loader) for ${name} but received the DataLoader`,
            );
          }
        }
        expect(messages[10]).to.match(/^ENOENT: /);
        expect(messages[11]).to.match(/^ENOENT: /);
        expect(others[0]?.messages[10]).to.match(/^ERR_BATCHNORM_PEER: Rank 0 failed saving a\.npz: ENOENT/);
        expect(others[0]?.messages[11]).to.match(/^ERR_BATCHNORM_PEER: Rank 0 failed reading .*: ENOENT/);
        expect(messages[15]).to.equal(`${mismatch} maxNorm on every rank, but rank 0 has 1 and rank 1 has 2`);
        expect(messages[16]).to.match(
          /^ERR_BATCHNORM_MISMATCH: .* optimizer on every rank, but rank 0 has Sgd { lr: 0.1, .* and rank 1 has Sgd { lr: 0.2, /,
        );
        expect(messages[17]).to.equal(
          `${mismatch} learning rate on every rank, but rank 0 has 0.1 and rank 1 has 0.2`,
        );
        expect(messages[18]).to.match(
          /^ERR_BATCHNORM_MISMATCH: .* earlyStopping on every rank, but .* patience: 1, .* patience: 2, /,
        );
        for (const { messages: ofRank } of others) {
          expect(ofRank.slice(15, 20)).to.deep.equal(messages.slice(15, 20));
        }
        expect(messages[19]).to.equal(
          `${mismatch} names of scores on every rank, but rank 0 has ["loss"] and rank 1 has ["accuracy"]`,
        );
        expect(messages[20]).to.match(/^ERR_BATCHNORM_PEER: Rank 1 failed reading .*: ENOENT/);
        expect(others[0]?.messages[20]).to.match(/^ENOENT: .*nowhere/);
      });
    });
  }
}

type State = readonly (readonly [name: string, values: readonly number[]])[];

function compareStates(actual: State, expected: State, tolerance: number): void {
  for (const [i, [name, values]] of expected.entries()) {
    const [ownName, own] = actual[i] ?? ['', []];
    expect(ownName).to.equal(name);
    expectWithin(own, values, () => tolerance * Math.max(1, largest(values)), name);
  }
}

/** Compares all numbers in two values of the same structure. */
function compareNumbers(actual: unknown, expected: unknown, place: string): void {
  if (typeof expected === 'number') {
    expectWithin([actual as number], [expected], () => 2e-4 * Math.max(1, Math.abs(expected)), place);
  } else if (typeof expected === 'object' && expected !== null) {
    for (const [name, value] of Object.entries(expected)) {
      compareNumbers((actual as Record<string, unknown>)[name], value, `${place}.${name}`);
    }
  } else {
    expect(actual, place).to.equal(expected);
  }
}
