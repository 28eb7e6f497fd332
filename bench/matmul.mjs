// node bench/matmul.mjs [ROUNDS] [THREADS]: the fraction of the processor's peak of fused multiply-adds that our matrix
// products reach, for various sizes, measured alternately. The median reflects the load of this machine, the best value
// its capability.
import { execFileSync } from 'node:child_process';
import { runQuietly } from '../tools/process.mjs';

const [rounds = '100', threads = '1'] = process.argv.slice(2);
const build = 'build-bench';
runQuietly('cmake', ['-S', '.', '-B', build, '-DBATCHNORM_ADDON=OFF', '-DBATCHNORM_BENCH=ON']);
runQuietly('cmake', ['--build', build, '--target', 'bench_matmul']);

const output = execFileSync(`${build}/bench/matmul/bench_matmul`, [rounds, threads], {
  encoding: 'utf8',
});
const percent = (part, whole) => `${Math.round((100 * part) / whole)} %`;
console.table(
  Object.fromEntries(
    output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .map(({ size, median, peakMedian, best, peakBest }) => [
        size,
        {
          'GFMA/s': median,
          'of the peak, median': percent(median, peakMedian),
          'of the peak, best': percent(best, peakBest),
        },
      ]),
  ),
);
