import { figures } from './figures.mjs';

/** The README's table: each kernel relative to its floor, and peers in their fastest layouts relative to ours. */
export function writeSummary(results) {
  const { date, processor, commit } = results;
  const all = figures(results);
  const threadCounts = [...new Set(all.map(({ threads }) => threads))];
  const find = (shape, threads, kernel) =>
    all.find((each) => each.shape === shape && each.threads === threads && each.kernel === kernel);
  const pair = (shape, value) =>
    threadCounts.map((threads) => value((kernel) => find(shape, threads, kernel))).join(' / ');
  const ratio = (a, b) => (a === undefined ? '–' : (a / b).toFixed(2));

  const lines = [
    `${date}, ${processor}, commit ${commit}; each cell with ${threadCounts.join(' / ')} threads.`,
    '',
    '| shape | training: ms | × floor | oneDNN | PyTorch | backward: ms | × floor | oneDNN | PyTorch | inference: ms | × floor | onnxruntime |',
    '|---|---|---|---|---|---|---|---|---|---|---|---|',
  ];
  for (const shape of new Set(all.map((each) => each.shape))) {
    const cells = ['training', 'backward', 'inference'].flatMap((kernel) => {
      const own = [
        pair(shape, (of) => of(kernel).ours.toPrecision(2)),
        pair(shape, (of) => ratio(of(kernel).ours, of(kernel).floor)),
      ];
      const peers = kernel === 'inference' ? ['onnxruntime'] : ['oneDNN', 'pyTorch'];
      return [
        ...own,
        ...peers.map((peer) => pair(shape, (of) => ratio(of(kernel)[peer]?.time, of(kernel).ours))),
      ];
    });
    lines.push(`| ${[shape, ...cells].join(' | ')} |`);
  }
  return `${lines.join('\n')}\n`;
}
