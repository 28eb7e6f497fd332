import { figures, steps } from './figures.mjs';

const ms = (time) => (time === undefined ? '–' : time < 0.1 ? time.toFixed(4) : time.toFixed(2));
const ratio = (a, b) => (a === undefined || b === undefined ? '–' : `${(a / b).toFixed(2)} ×`);

/** The results as tables, each followed by a list of missed limits and faster peers. */
export function writeMarkdown(results) {
  const { date, processor, commit, node, contestants } = results;
  const lines = [
    '# Benchmark',
    '',
    `${date}, ${processor}, commit ${commit}, Node ${node}; contestants: ${contestants.join(', ')}.`,
    'Medians in milliseconds. “× floor” is the time of our kernel relative to the memory limit. Peers are shown in',
    'their best layout, as multiples of our time. “Two phases” are bare loops with the same memory accesses as the',
    'kernel and a single addition as arithmetic (bench/native/phases.h).',
  ];
  const all = figures(results);
  for (const kernel of ['training', 'inference', 'backward']) {
    lines.push('', `## ${kernel}`, '');
    lines.push(
      '| shape | threads | floor | ours | ± | × floor | limit | two phases × floor | raw call from JavaScript | module | oneDNN | oneDNN nchw | PyTorch | onnxruntime |',
    );
    lines.push('|---|---|---|---|---|---|---|---|---|---|---|---|---|---|');
    const own = all.filter((each) => each.kernel === kernel);
    for (const each of own) {
      const cells = [
        each.shape,
        each.threads,
        ms(each.floor),
        ms(each.ours),
        `${Math.round(100 * each.spread)} %`,
        ratio(each.ours, each.floor),
        each.limit === undefined ? '–' : `${each.limit} ×`,
        ratio(each.twoPhases, each.floor),
        ms(each.raw),
        ms(each.module),
        each.oneDNN === undefined ? '–' : `${ratio(each.oneDNN.time, each.ours)} ${each.oneDNN.layout}`,
        ratio(each.oneDNNPlain, each.ours),
        each.pyTorch === undefined ? '–' : `${ratio(each.pyTorch.time, each.ours)} ${each.pyTorch.layout}`,
        ratio(each.onnxruntime?.time, each.ours),
      ];
      lines.push(`| ${cells.join(' | ')} |`);
    }
    const place = ({ shape, threads }) => `${shape} with ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
    const over = own.filter((each) => each.ours > each.floor * (each.limit ?? Infinity));
    const slower = own.filter(({ ours, oneDNN, pyTorch, onnxruntime }) =>
      [oneDNN, pyTorch, onnxruntime].some((peer) => peer !== undefined && peer.time < ours),
    );
    lines.push(
      '',
      over.length === 0 ? 'All limits are met.' : `Over the limit: ${over.map(place).join(', ')}.`,
    );
    lines.push(
      slower.length === 0 ? 'No peer is faster.' : `A peer is faster: ${slower.map(place).join(', ')}.`,
    );
  }
  lines.push('', '## forward + backward through the tape, from JavaScript', '');
  lines.push('| shape | threads | ours | TensorFlow.js |', '|---|---|---|---|');
  for (const { shape, threads, ours, tensorflow } of steps(results)) {
    lines.push(`| ${shape} | ${threads} | ${ms(ours)} | ${ratio(tensorflow, ours)} |`);
  }
  lines.push('', '## a training step of ResNet-8 on 64 images of 3×32×32', '');
  lines.push('| contestant | threads | ms | peak MiB |', '|---|---|---|---|');
  for (const { name, threads, milliseconds, mebibytes } of results.network) {
    lines.push(`| ${name} | ${threads} | ${ms(milliseconds)} | ${Math.round(mebibytes)} |`);
  }
  return `${lines.join('\n')}\n`;
}
