import { expect } from 'chai';
import { hashOf, hashOfNumbers, lengths, specialValuesOf, valuesOf } from './programs/scenarios.js';

/** Runs scenarios in one group; returns what each rank reports, by scenario. */
export type RunScenarios = (scenarios: readonly string[], size: number) => Promise<Record<string, unknown>[]>;

/** After each of these, the group still works. */
const harmless = [
  'members',
  'allGather',
  'sums',
  'reductions',
  'longReductions',
  'broadcast',
  'large',
  'promises',
  'mismatches',
];

/** Mocha tests that every transport must pass. */
export function testTransport(transport: string, run: RunScenarios, sizes: readonly number[]): void {
  for (const size of sizes) {
    let reports: Record<string, unknown>[] = [];
    const resultsOf = (scenario: string) => reports.map((report) => report[scenario]);
    const everyRank = (scenario: string) => {
      const results = resultsOf(scenario);
      for (const result of results) expect(result).to.deep.equal(results[0]);
      return results[0];
    };
    const ranks = Array.from({ length: size }, (_, rank) => rank);
    const sumOfRanks = (size * (size - 1)) / 2;

    describe(`with ${size} rank${size === 1 ? '' : 's'}`, () => {
      before(async () => {
        reports = await run(harmless.slice(0, size === 1 ? -1 : undefined), size);
      });

      it('numbers the ranks', () => {
        const expected = ranks.map((rank) => ({ rank, size, transport }));
        expect(resultsOf('members')).to.deep.equal(expected);
      });

      it('gathers the values of all ranks in rank order', () => {
        const expected = [...ranks.flatMap((rank) => [rank, -rank + 1]), ...ranks.map((rank) => rank + 0.1)];
        expect(everyRank('allGather')).to.deep.equal(expected);
      });

      it('adds in rank order in double precision', () => {
        const expected = lengths.flatMap((length) =>
          [Float32Array, Float64Array].map((Class) => {
            const parts = ranks.map((rank) => valuesOf(rank, length, Class));
            return hashOf(new Class(length).map((_, i) => orderedSum(parts.map((part) => part[i] ?? 0))));
          }),
        );
        expect(everyRank('sums')).to.deep.equal(expected);
      });

      it('reduces to the sum, mean, minimum and maximum', () => {
        const third = Math.fround(1 / 3);
        const row = (first: number, factor: number, fourth: number) =>
          Array.from(Float32Array.of(first, -0, third * factor, fourth), String);
        const ofSum = size > 1 ? NaN : size;
        expect(everyRank('reductions')).to.deep.equal([
          row(sumOfRanks, size, ofSum),
          row(sumOfRanks / size, 1, ofSum),
          row(0, 1, ofSum),
          row(size - 1, 1, ofSum),
        ]);
      });

      it('reduces many values to the same bits as float64 arithmetic in rank order', () => {
        const combine = {
          sum: orderedSum,
          mean: (parts: readonly number[]) => orderedSum(parts) / size,
          min: (parts: readonly number[]) => Math.min(...parts),
          max: (parts: readonly number[]) => Math.max(...parts),
        };
        const expected = Object.values(combine).flatMap((reduce) =>
          [Float32Array, Float64Array].map((Class) => {
            const parts = ranks.map((rank) => specialValuesOf(rank, 5003, Class));
            return hashOfNumbers(new Class(5003).map((_, i) => reduce(parts.map((part) => part[i]))));
          }),
        );
        expect(everyRank('longReductions')).to.deep.equal(expected);
      });

      it('copies the values of any rank to the others', () => {
        expect(everyRank('broadcast')).to.deep.equal([5, 1, size - 1 + 7]);
      });

      it('moves arrays of more than one chunk', () => {
        const gathered = new Float32Array(size * 600_000);
        for (const rank of ranks) gathered.set(valuesOf(rank, 600_000), rank * 600_000);
        const last = valuesOf(size - 1, 1_100_000, Float64Array);
        expect(everyRank('large')).to.deep.equal([hashOf(gathered), hashOf(last)]);
      });

      it('makes asynchronous calls in order, beside blocking ones and with a free event loop', () => {
        const expected = [sumOfRanks + size, ...ranks, 1, size - 1];
        for (const [rank, result] of resultsOf('promises').entries()) {
          const { equal, others, free } = result as Record<string, unknown>;
          expect({ equal, others }).to.deep.equal({ equal: true, others: expected });
          if (rank > 0) expect(free).to.equal(true);
        }
      });

      if (size === 1) return;

      it('refuses calls that differ between ranks, and continues', () => {
        for (const [rank, result] of resultsOf('mismatches').entries()) {
          const messages = (result as string[]).slice(0, 6);
          for (const message of messages) {
            expect(message).to.match(
              /^ERR_BATCHNORM_MISMATCH: Expected the same call on every rank but rank/,
            );
            expect(message).to.include(`rank ${rank} called `);
          }
          const own = rank === 0 ? 'sum of 4 float32 values' : 'barrier';
          expect(messages[0]).to.include(`rank ${rank} called ${own}`);
          expect(messages[3]).to.include('broadcast of 4 float32 values from rank 1');
          expect(messages[4]).to.include('allReduce (max) of 4 float32 values');
          expect((result as unknown[]).slice(6)).to.deep.equal([rank, sumOfRanks]);
        }
      });

      if (size > 2) return;

      it('sleeps while it waits', async () => {
        const [report] = await run(['waiting'], size);
        expect(report?.waiting).to.be.lessThan(1);
      });

      it('does not grow in 20,000 calls', async function () {
        if (process.env.BATCHNORM_TEST_LONG !== '1') return this.skip();
        for (const report of await run(['growth'], size)) {
          expect(report.growth).to.be.lessThan(16 * 2 ** 20);
        }
      }).timeout(300_000);

      for (const scenario of ['timeout', 'asyncTimeout']) {
        it(`names the rank, the call and the missing rank when it gives up: ${scenario}`, async () => {
          const [report] = await run([scenario], size);
          const [first, later] = report?.[scenario] as [string, string];
          expect(first).to.match(
            /^ERR_BATCHNORM_TIMEOUT: Rank 0 waited 300 ms in sum of 3 float64 values \(call \d\): rank 1 has not made this call; it has made (no call|none after barrier \(call 1\))[^.]*\. The group/,
          );
          expect(later).to.match(/^ERR_BATCHNORM_PEER: .* an earlier call failed: Rank 0 waited 300 ms/);
        });
      }
    });
  }
}

function orderedSum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value);
}
