// node bench/fused.mjs [THREADS]: milliseconds of batch norm and ReLU, also with a sum in between, through the tape: as
// separate layers / fused. Interleaved, medians of the rounds; backward includes a sum over the result, which produces
// dy. Also prints the memory that the graph keeps for backward.
import { backward, BatchNorm2D, setNumThreads, storagePool, Tensor } from '../dist/index.js';

const rounds = 9;
const shapes = [
  [32, 64, 112, 112],
  [64, 512, 28, 28],
  [32, 1024, 14, 14],
  [64, 16, 32, 32],
];
setNumThreads(Number(process.argv[2] ?? 1));
const median = (all) => all.sort((a, b) => a - b)[all.length >> 1];
const ratio = (a, b) => median(a.map((value, i) => value / b[i])).toFixed(2);

for (const shape of shapes) {
  storagePool.clear();
  const x = Tensor.randn(shape);
  const residual = Tensor.randn(shape);
  const bn = new BatchNorm2D(shape[1]);
  const ways = {
    relu: [(t) => bn.forwardMut(t).relu(), (t) => bn.forwardMutRelu(t)],
    'add, relu': [(t) => bn.forwardMut(t).add(residual).relu(), (t) => bn.forwardMutRelu(t, residual)],
  };
  for (const [name, pair] of Object.entries(ways)) {
    const times = pair.map(() => ({ forward: [], backward: [], both: [] }));
    // The memory that forward takes from a sufficiently filled pool.
    const spare = Array.from({ length: 4 }, () => x.clone());
    for (const each of spare) each.dispose();
    const bytes = pair.map((run) => {
      const before = storagePool.bytes;
      const y = run(x.trace());
      const taken = before - storagePool.bytes;
      const gradients = backward(y.sum());
      for (const tensor of [x, residual]) gradients.get(tensor)?.dispose();
      return taken;
    });
    for (let round = -2; round < rounds; round++) {
      for (const [i, run] of pair.entries()) {
        const repeats = Math.max(1, Math.round(4e6 / x.shape.reduce((a, b) => a * b)));
        let forward = 0;
        let back = 0;
        for (let each = 0; each < repeats; each++) {
          const start = performance.now();
          const y = run(x.trace());
          const between = performance.now();
          const gradients = backward(y.sum());
          const end = performance.now();
          forward += between - start;
          back += end - between;
          for (const tensor of [x, residual, bn.scale, bn.bias]) gradients.get(tensor)?.dispose();
        }
        if (round < 0) continue;
        times[i].forward.push(forward / repeats);
        times[i].backward.push(back / repeats);
        times[i].both.push((forward + back) / repeats);
      }
    }
    const [chain, fused] = times;
    const line = ['forward', 'backward', 'both'].map(
      (key) =>
        `${key} ${ratio(chain[key], fused[key])} (${median(chain[key]).toFixed(2)} / ${median(fused[key]).toFixed(2)} ms)`,
    );
    const mib = bytes.map((each) => (each / 2 ** 20).toFixed(1)).join(' / ');
    console.log(`${shape.join('×')}, ${name}: ${line.join(', ')}; graph ${mib} MiB`);
  }
}
